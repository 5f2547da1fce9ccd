"""`ls`: runs as a table. Which columns, how each value is said, what is best; a terminal gets what fits, a pipe all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exptrack.actions.columns import Key, differing, goal, value
from exptrack.cli import humane
from exptrack.cli.screen import GAP, Column, Screen, Span, widths_of
from exptrack.model import Run
from exptrack.typed import Any

STATUS_STYLE = {
    "running": "cyan",
    "finished": "green",
    "incomplete": "yellow",
    "failed": "red",
    "killed": "red",
    "lost": "magenta",
}
ARROWS = {"max": "↑", "min": "↓"}
NOTHING = "-"
# Names get at least this many cells on a terminal; what they need beyond goes to columns that differ.
NAME = 20

_TITLES = {"started_at": "started", "ended_at": "ended", "seconds": "duration"}
_SIZES = ("machine.memory", "usage.max_rss", "usage.max_gpu_memory")
_DURATIONS = ("seconds", "usage.cpu_seconds")
_NEVER_SHORTENED = ("id", "status", "started_at", "seconds")


def print_runs(
    screen: Screen,
    runs: Sequence[Run],
    keys: Sequence[Key] | None = None,
    *,
    empty: str = "",
    named: Sequence[str] = (),
) -> None:
    """The runs in the order given. `keys`: the columns asked for; None: the usual ones, metrics with a goal, and what
    differs. `empty`: said when there are none; `named`: metrics the policy speaks of, which are shown wherever one of
    the runs has them."""
    if not runs:
        if empty:
            screen.line(empty)
        return
    chosen, left_out = (list(keys), 0) if keys is not None else _usual(screen, runs, named)
    columns, rows = lay_out(runs, chosen, screen.now)
    screen.table(columns, rows)
    if left_out:
        screen.line(Span(f"+ {left_out} more that differ: see --columns, --csv, or a wider window", "dim"))


def _usual(screen: Screen, runs: Sequence[Run], named: Sequence[str]) -> tuple[list[Key], int]:
    """The columns nobody asked for, and how many that differ had no room. Those of `named` have room: in a narrow
    window the duration and the start give way to them."""
    basic = [Key("field", name) for name in ("id", "status")]
    if any(r.manifest.name for r in runs):
        basic.append(Key("field", "name"))
    basic += [Key("field", "started_at"), Key("field", "seconds")]
    if any(r.pinned or r.models for r in runs):
        basic.append(Key("field", "marks"))
    leading = [Key("metric", n) for n in named if any(n in r.manifest.metrics for r in runs)]
    candidates = [key for key in differing(runs) if key not in leading]
    if not screen.is_terminal:
        return basic + leading + candidates, 0
    for name in ("seconds", "started_at"):
        if _width(*lay_out(runs, basic + leading, screen.now)) > screen.width:
            basic.remove(Key("field", name))
    basic += leading
    room = screen.width - _width(*lay_out(runs, basic, screen.now))
    chosen = []
    for key in candidates:
        needed = _width(*lay_out(runs, [key], screen.now)) + len(GAP)
        if needed <= room:
            chosen.append(key)
            room -= needed
    return basic + chosen, len(candidates) - len(chosen)


def _width(columns: Sequence[Column], rows: Sequence[Sequence[Span]]) -> int:
    """Cells that columns need beside each other; a long name may be shortened, so it does not count in full."""
    widths = widths_of([[Span(c.title) for c in columns], *rows])
    needed = [w if c.is_fixed or len(columns) == 1 else min(w, NAME) for c, w in zip(columns, widths, strict=True)]
    return sum(needed) + len(GAP) * (len(widths) - 1)


def lay_out(runs: Sequence[Run], keys: Sequence[Key], now: float) -> tuple[list[Column], list[list[Span]]]:
    """Columns and cells of a table of runs. `now`: seconds since the epoch."""
    titles = _titles(keys, runs)
    columns, cells = [], []
    for key, title in zip(keys, titles, strict=True):
        values = [_marks(r) if key.name == "marks" and key.kind == "field" else value(r, key) for r in runs]
        is_right = any(_is_number(v) for v in values) and all(v is None or _is_number(v) for v in values)
        columns.append(Column(title, is_right, key.kind == "field" and key.name in _NEVER_SHORTENED))
        best = _best(values, goal(key, runs))
        cells.append([_cell(key, v, now, v is not None and v == best) for v in values])
    return columns, [list(row) for row in zip(*cells, strict=True)]


def _titles(keys: Sequence[Key], runs: Sequence[Run]) -> list[str]:
    """Short names where they are clear, else the key in full; metrics with the arrow of their goal."""
    short = [_TITLES.get(k.name, k.name) + ("" if k.part == "last" else "." + k.part) for k in keys]
    titles = [name if short.count(name) == 1 else key.text for name, key in zip(short, keys, strict=True)]
    goals = [goal(k, runs) for k in keys]
    return [f"{title} {ARROWS[g]}" if g in ARROWS else title for title, g in zip(titles, goals, strict=True)]


def _marks(run: Run) -> str | None:
    """`churn-prod@` is how RUN names this run too."""
    words = [f"{m}@" for m in run.models] + ["pinned"] * run.pinned
    return " ".join(words) or None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _best(values: Sequence[Any], goal: str | None) -> Any:
    """The best of several values by a goal; None when there is nothing to choose from. NaN is never the best."""
    numbers = [v for v in values if _is_number(v) and v == v]
    if goal is None or len(set(numbers)) < 2:
        return None
    return max(numbers) if goal == "max" else min(numbers)


def _cell(key: Key, value: Any, now: float, is_best: bool) -> Span:
    if value is None or value == []:
        return Span(NOTHING, "dim")
    if key.kind == "field":
        return _field(key.name, value, now)
    style = "bold green" if is_best else "red" if value != value else ""
    return Span(humane.scalar(value), style)


def _field(name: str, value: Any, now: float) -> Span:
    if name == "status":
        return Span(value, STATUS_STYLE.get(value, ""))
    if name == "marks":
        return Span(value, "bold cyan")
    if name in ("started_at", "ended_at"):
        return Span(humane.age(value, now))
    if name in _DURATIONS:
        return Span(humane.duration(value))
    if name in _SIZES:
        return Span(humane.size(value))
    if isinstance(value, list):
        return Span((" " if name in ("command", "models") else ", ").join(map(str, value)))
    return Span(humane.scalar(value))


def print_groups(screen: Screen, rows: Sequence[Mapping[str, Any]]) -> None:
    """`ls --group-by`: one row a group, every column any of them has, in the order they come."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [Column(n, all(row.get(n) is None or _is_number(row.get(n)) for row in rows)) for n in names]
    screen.table(columns, [[_plain(row.get(n)) for n in names] for row in rows])


def _plain(value: Any) -> Span:
    return Span(NOTHING, "dim") if value is None else Span(humane.scalar(value))
