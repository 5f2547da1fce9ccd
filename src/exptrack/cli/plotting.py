"""`plot`: curves with axes and a legend, as lines that fit a width; a pipe gets the same picture without colours."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exptrack.actions.curves import along, smooth
from exptrack.actions.series import Curve
from exptrack.cli.canvas import MARKS, Canvas, Scale, columns, is_drawable
from exptrack.cli.humane import cells, clean, number
from exptrack.cli.screen import Piece, Screen, Span
from exptrack.cli.ticks import labels, linear_ticks, log_ticks, time_unit

COLOURS = ("cyan", "yellow", "magenta", "green", "red", "bold cyan", "bold green", "bold red")
# More curves than these nobody tells apart; --json has all of them.
MOST_CURVES = 24
NARROWEST, LOWEST = 20, 8
LOWEST_CANVAS = 4
Line = list[Piece]


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How to draw; `width` and `height` in cells, of the whole picture. `smooth`: see actions/curves.py."""

    width: int
    height: int
    axis: str = "step"
    is_log: bool = False
    smooth: float = 0.0
    has_colour: bool = False
    is_unicode: bool = True


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A curve on its axis: what is left of it there."""

    curve: Curve
    xs: Sequence[float]
    values: Sequence[float]


def style_of(
    screen: Screen,
    *,
    width: int | None,
    height: int | None,
    axis: str,
    is_log: bool,
    smooth: float,
    environment: Mapping[str, str] = os.environ,
) -> Style:
    """A style for a screen: a terminal's own size less two lines for the prompt; 80 x 24 in a pipe."""
    size = shutil.get_terminal_size((80, 24)) if screen.is_terminal else os.terminal_size((80, 24))
    rows = size.lines - 2 if screen.is_terminal else size.lines
    return Style(
        width=max(NARROWEST, size.columns if width is None else width),
        height=max(LOWEST, rows if height is None else height),
        axis=axis,
        is_log=is_log,
        smooth=smooth,
        has_colour=screen.has_colour,
        is_unicode=_shows_braille(screen, environment),
    )


def _shows_braille(screen: Screen, environment: Mapping[str, str]) -> bool:
    """Python writes UTF-8 in the C locale (PEP 540), but who sets LC_ALL=C wants ASCII; and Linux's own console has a
    font of 512 characters."""
    locale = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG")
    is_plain = locale in ("C", "POSIX") or (screen.is_terminal and environment.get("TERM") == "linux")
    return screen.encoding.lower().startswith("utf") and not is_plain


def picture(curves: Sequence[Curve], style: Style) -> list[Line]:
    """Title, canvas with axes, legend. Curves beyond MOST_CURVES are counted, not drawn."""
    drawn = []
    for curve in curves[:MOST_CURVES]:
        xs, values = along(curve, style.axis)
        drawn.append(_Drawn(curve, xs, smooth(values, style.smooth)))
    foot = _legend(drawn, style, len(curves) - len(drawn))
    height = max(LOWEST_CANVAS, style.height - len(foot) - 3)
    return [_title(curves, style), *_plot(drawn, style, height), *foot]


def _title(curves: Sequence[Curve], style: Style) -> Line:
    names = list(dict.fromkeys(c.name for c in curves))
    words = [names[0] if len(names) == 1 else f"{len(names)} metrics"]
    words += ["log scale"] * style.is_log
    if style.smooth:
        words.append(f"smoothed {style.smooth:g}" if style.smooth < 1 else f"mean of {style.smooth:g} points")
    return [Span(_cut(", ".join(words), style), "bold")]


def _plot(drawn: Sequence[_Drawn], style: Style, height: int) -> list[Line]:
    low, high = _extent([d.values for d in drawn], style.is_log)
    left, right = _extent([d.xs for d in drawn], False)
    unit, x_title = time_unit(right - left) if style.axis == "time" else (1.0, "")
    x_title = f"time ({x_title})" if x_title else style.axis
    count = max(2, height // 4)
    ticks = log_ticks(low, high, 2 * count) if style.is_log else linear_ticks(low, high, count)
    texts = labels(ticks, is_log=style.is_log)
    margin = max(map(len, texts))
    canvas = Canvas(style.width - margin - 2, height, is_braille=_is_braille(drawn, style))
    y = Scale(low, high, height * canvas.down, style.is_log)
    x = Scale(left, right, canvas.width * canvas.across)
    for n, d in enumerate(drawn):
        canvas.draw(n, columns(d.xs, d.values, x, style.is_log), y)
    at = {height - 1 - y.at(t) // canvas.down: text for t, text in zip(ticks, texts, strict=True)}
    sign = ("┤", "│", "└", "─", "┬") if style.is_unicode else ("+", "|", "+", "-", "+")
    lines: list[Line] = []
    for n, row in enumerate(canvas.rows()):
        edge = f"{at.get(n, ''):>{margin}} {sign[0] if n in at else sign[1]}"
        lines.append([Span(edge, "dim"), *(Span(text, _colour(owner, style)) for text, owner in row)])
    return [*lines, *_x_axis(x, canvas, unit, x_title, margin, sign)]


def _x_axis(x: Scale, canvas: Canvas, unit: float, title: str, margin: int, sign: Sequence[str]) -> list[Line]:
    """The axis with its ticks, and the line of their labels with the title at the right end."""
    low, high = x.low / unit, x.high / unit
    ticks = linear_ticks(low, high, max(2, canvas.width // 12))
    if all(float(v).is_integer() for v in (low, high)) and unit == 1.0:
        ticks = [t for t in ticks if float(t).is_integer()] or [low]
    axis, line = [sign[3]] * canvas.width, [" "] * canvas.width
    room = canvas.width - len(title) - 2
    free = 0
    for tick, text in zip(ticks, labels(ticks), strict=True):
        cell = x.at(tick * unit) // canvas.across
        start = max(free, cell - (len(text) - 1) // 2)
        if start > cell or start + len(text) > room:
            continue
        axis[cell] = sign[4]
        line[start : start + len(text)] = text
        free = start + len(text) + 2
    line[canvas.width - len(title) :] = title
    head = " " * (margin + 1)
    return [[Span(head + sign[2] + "".join(axis), "dim")], [Span(head + " " + "".join(line), "dim")]]


def _extent(parts: Sequence[Sequence[float]], is_log: bool) -> tuple[float, float]:
    """Lowest and highest of what can be drawn; (0, 1) or (1, 10) when nothing can."""
    ends = []
    for part in parts:
        if not part:
            continue
        is_clean = math.isfinite(sum(part)) and not (is_log and min(part) <= 0)
        kept = part if is_clean else [v for v in part if is_drawable(v, is_log)]
        if kept:
            ends += [min(kept), max(kept)]
    if not ends:
        return (1.0, 10.0) if is_log else (0.0, 1.0)
    return min(ends), max(ends)


def _legend(drawn: Sequence[_Drawn], style: Style, more: int) -> list[Line]:
    several_metrics = len({d.curve.name for d in drawn}) > 1
    lines: list[Line] = []
    for n, d in enumerate(drawn):
        if _is_braille(drawn, style):
            mark = Span("━━" if style.is_unicode else "--", _colour(n, style))
        else:
            mark = Span(MARKS[n % len(MARKS)], _colour(n, style))
        lines += _wrapped(mark, _facts(d, several_metrics, style), style)
    if more > 0:
        lines.append([_cut(f"and {more} more: name fewer, or take --json", style)])
    return lines


def _facts(d: _Drawn, with_metric: bool, style: Style) -> list[Span]:
    curve = d.curve
    values = curve.values
    facts = [Span(curve.name, "bold")] if with_metric else []
    if values:
        facts.append(Span(f"{number(values[-1])} at step {number(curve.steps[-1])}"))
        if style.smooth and d.values:
            facts.append(Span(f"smoothed {number(d.values[-1])}"))
    facts += [Span(f"{curve.run_name} {curve.run}" if curve.run_name else curve.run, "dim")]
    if curve.status != "finished":
        facts.append(Span(curve.status, "yellow"))
    facts += [Span(text, "yellow") for text in _gaps(curve, d, style)]
    return facts


def _gaps(curve: Curve, d: _Drawn, style: Style) -> list[str]:
    values, said = d.values, []
    if values and not math.isfinite(sum(values)):
        nans = sum(1 for v in values if v != v)
        infinite = sum(1 for v in values if math.isinf(v))
        said += [f"{nans} NaN"] * (nans > 0) + [f"{infinite} inf"] * (infinite > 0)
    if style.is_log and values:
        low = sum(1 for v in values if v <= 0 and math.isfinite(v))
        said += [f"{low} not above 0"] * (low > 0)
    gone = len(curve.values) - len(values)
    said += [f"{gone} without {style.axis}"] * (gone > 0)
    return [", ".join(said) + (" left out" if said else "")] if said else []


def _wrapped(mark: Span, facts: Sequence[Span], style: Style) -> list[Line]:
    """A legend's entry; what does not fit goes on in the next line, below the first fact."""
    indent = " " * (cells(mark.text) + 1)
    line: Line = [mark, " "]
    used = len(indent)
    lines = [line]
    for fact in facts:
        text = _cut(fact.text, style, len(indent))
        gap = "" if used == len(indent) else "  "
        if gap and used + len(gap) + cells(text) > style.width:
            line, used, gap = [indent], len(indent), ""
            lines.append(line)
        line += [gap, Span(text, fact.style)]
        used += len(gap) + cells(text)
    return lines


def _cut(text: str, style: Style, indent: int = 0) -> str:
    text, room = clean(text), style.width - indent
    if not style.is_unicode:
        text = text.encode("ascii", "backslashreplace").decode()
    if cells(text) <= room:
        return text
    while cells(text) > room - 1:
        text = text[:-1]
    return text + ("…" if style.is_unicode else "~")


def _is_braille(drawn: Sequence[_Drawn], style: Style) -> bool:
    """Several curves without colours are told apart by their marks."""
    return style.is_unicode and (style.has_colour or len(drawn) == 1)


def _colour(owner: int, style: Style) -> str:
    return COLOURS[owner % len(COLOURS)] if owner >= 0 and style.has_colour else ""
