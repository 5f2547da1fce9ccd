"""Where text goes: a terminal with its width and colours, or a pipe that gets everything and no colour.

Invariant: whatever is printed passes `clean` here, so no name, tag or note of a run can send an escape code; colours
are added afterwards. rich is imported for tables on a terminal only (65 ms).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence

from exptrack.cli.humane import cells, clean
from exptrack.typed import Any, NamedTuple, TextIO

GAP = "  "
DEFAULT_WIDTH = 80
NARROWEST = 40
NARROWEST_COLUMN = 4

# Style -> SGR parameters (ECMA-48); rich knows the same names.
STYLES = {
    "": "",
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "cyan": "36",
    "bold red": "1;31",
    "bold green": "1;32",
    "bold cyan": "1;36",
}
# For a terminal or file that cannot show them.
LINES = {"├": "|", "└": "`", "─": "-", "│": "|", "²": "2", "±": "+-"}
ASCII_SIGNS = str.maketrans(
    {**LINES, "↑": "^", "↓": "v", "→": ">", "✓": "+", "✗": "x", "–": "-", "…": "~", "·": "-", "×": "x"}
)


class Span(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: str = ""


Piece = Span | str


class Column(NamedTuple):
    """Head of a table's column. `is_fixed`: never shortened on a terminal."""

    title: str
    is_right: bool = False
    is_fixed: bool = False


class Screen:
    """A file to print on; `width` in cells. `now`: seconds since the epoch, for ages."""

    def __init__(
        self,
        file: TextIO,
        *,
        width: int = DEFAULT_WIDTH,
        is_terminal: bool = False,
        has_colour: bool = False,
        now: float | None = None,
    ) -> None:
        self.file, self.width, self.is_terminal, self.has_colour = file, width, is_terminal, has_colour
        self.now = time.time() if now is None else now
        self.encoding = getattr(file, "encoding", None) or "utf-8"
        self._is_unicode = self.encoding.lower().replace("_", "-").startswith("utf")

    @classmethod
    def of(cls, file: TextIO | None = None, environment: Mapping[str, str] = os.environ) -> Screen:
        """The screen behind a file (default: standard output)."""
        file = sys.stdout if file is None else file
        is_terminal = file.isatty()
        return cls(
            file,
            width=_width(file, environment) if is_terminal else DEFAULT_WIDTH,
            is_terminal=is_terminal,
            has_colour=has_colour(is_terminal, environment),
        )

    def line(self, *pieces: Piece) -> None:
        """One line, as long as it is."""
        self.write("".join(self._painted(p) for p in pieces).rstrip(" ") + "\n")

    def columns(self, rows: Sequence[Sequence[Piece]], indent: str = "") -> None:
        """Aligned rows without a head, never cut. The last cell of a row may be long: it pushes no column aside."""
        body = [[_span(p) for p in row] for row in rows]
        self._aligned(body, widths_of([row[:-1] for row in body]), frozenset(), indent)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Piece]], indent: str = "") -> None:
        """A table: fitted to the width on a terminal, whole in a pipe."""
        body = [[_span(p) for p in row] for row in rows]
        if self.is_terminal:
            self._fitted(columns, body, indent)
        else:
            whole = [[Span(c.title) for c in columns], *body]
            self._aligned(whole, widths_of(whole), frozenset(i for i, c in enumerate(columns) if c.is_right), indent)

    def write(self, text: str) -> None:
        """Text as it is, but for characters the file cannot take."""
        if not self._is_unicode:
            text = text.translate(ASCII_SIGNS).encode(self.encoding, "backslashreplace").decode(self.encoding)
        self.file.write(text)

    def write_exact(self, text: str) -> None:
        """Text with undecodable bytes as surrogates (PEP 383), as exactly those bytes: for pipes, where it is data."""
        buffer = getattr(self.file, "buffer", None)
        if buffer is None:
            self.write(text)
            return
        self.file.flush()
        buffer.write(text.encode("utf-8", "surrogateescape"))

    def _painted(self, piece: Piece, keep: str = "\t") -> str:
        span = _span(piece)
        text = clean(span.text, keep)
        code = STYLES[span.style]
        return f"\x1b[{code}m{text}\x1b[0m" if code and text and self.has_colour else text

    def _aligned(self, rows: list[list[Span]], widths: list[int], right: frozenset[int], indent: str) -> None:
        lines = []
        for row in rows:
            parts = []
            for i, span in enumerate(row):
                space = " " * (widths[i] - cells(clean(span.text))) if i < len(widths) else ""
                text = self._painted(span, keep="")
                parts.append(space + text if i in right else text + space)
            lines.append((indent + GAP.join(parts)).rstrip(" ") + "\n")
        self.write("".join(lines))

    def _fitted(self, columns: Sequence[Column], rows: list[list[Span]], indent: str) -> None:
        from rich.console import Console
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        console = Console(
            file=self.file,
            width=self.width,
            color_system="standard" if self.has_colour else None,
            force_terminal=self.has_colour,
            legacy_windows=False,
        )
        grid = Table(box=None, pad_edge=False, padding=(0, len(GAP), 0, 0), header_style="bold", show_edge=False)
        titles = [self._sign(clean(c.title)) for c in columns]
        body = [[Span(self._sign(clean(s.text)), s.style) for s in row] for row in rows]
        natural = widths_of([[Span(t) for t in titles], *body])
        room = self.width - len(indent) - len(GAP) * (len(columns) - 1)
        widths = fitted(natural, [c.is_fixed for c in columns], room)
        for column, title, width in zip(columns, titles, widths, strict=True):
            grid.add_column(
                Text(title),
                justify="right" if column.is_right else "left",
                no_wrap=True,
                overflow="ellipsis" if self._is_unicode else "crop",
                width=width,
            )
        for row in body:
            grid.add_row(*(Text(span.text, style=span.style) for span in row))
        console.print(Padding(grid, (0, 0, 0, len(indent)), expand=False))

    def _sign(self, text: str) -> str:
        if self._is_unicode:
            return text
        return text.translate(ASCII_SIGNS).encode(self.encoding, "backslashreplace").decode(self.encoding)


def widths_of(rows: Sequence[Sequence[Span]]) -> list[int]:
    """Cells each column needs."""
    count = max((len(r) for r in rows), default=0)
    return [max(cells(clean(row[i].text)) for row in rows if i < len(row)) for i in range(count)]


def fitted(widths: Sequence[int], is_fixed: Sequence[bool], room: int) -> list[int]:
    """Widths that add up to at most `room` cells: the widest are cut first, fixed ones only when nothing else helps.
    (rich would take as much from each column, from the id too.)"""
    if sum(widths) <= room:
        return list(widths)
    cut = [w for w, f in zip(widths, is_fixed, strict=True) if not f]
    left = room - (sum(widths) - sum(cut))
    if left < NARROWEST_COLUMN * len(cut):
        if not any(is_fixed):
            return [max(1, room // len(widths))] * len(widths)
        return fitted(widths, [False] * len(widths), room)
    limit = max(cut)
    while sum(min(w, limit) for w in cut) > left:
        limit -= 1
    return [w if f else min(w, limit) for w, f in zip(widths, is_fixed, strict=True)]


def has_colour(is_terminal: bool, environment: Mapping[str, str]) -> bool:
    """Colours for a terminal only, whatever is asked for: what goes into a pipe is never coloured. NO_COLOR
    (no-color.org) switches them off, FORCE_COLOR on where TERM says that the terminal has none."""
    if not is_terminal or environment.get("NO_COLOR"):
        return False
    return bool(environment.get("FORCE_COLOR")) or environment.get("TERM", "dumb") != "dumb"


def _width(file: Any, environment: Mapping[str, str]) -> int:
    named = environment.get("COLUMNS", "")
    if named.isdigit() and int(named) > 0:
        return max(NARROWEST, int(named))
    try:
        return max(NARROWEST, os.get_terminal_size(file.fileno()).columns or DEFAULT_WIDTH)
    except (OSError, ValueError):
        return DEFAULT_WIDTH


def _span(piece: Piece) -> Span:
    return Span(piece) if isinstance(piece, str) else piece
