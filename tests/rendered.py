"""What a person sees: a program on a real pty whose bytes a terminal emulator (pyte, a VT102 as TERM=linux) draws.

A `Take` is one program on one terminal, its screens held against golden/screens/NAME.txt frame by frame. The golden
text is one for the bare program and for the one behind exptrack: both show the same, or one of them fails.
EXPTRACK_UPDATE_GOLDEN=1 writes it anew from the bare program.
"""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Iterator, Mapping, Sequence

import pyte

from drive import PATIENCE
from golden_text import FOLDER
from screen import Screen

# As long nothing may change before a new golden frame is taken; a comparison waits for nothing but equality.
SETTLED = 0.5


class Rendered(Screen):
    """A Screen that is drawn, and that answers what a terminal is asked (cursor position, device status)."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], rows: int, columns: int) -> None:
        self.drawn = pyte.Screen(columns, rows)
        self.drawn.write_process_input = self.type
        self._stream = pyte.ByteStream(self.drawn)
        super().__init__(command, env=env, rows=rows, columns=columns)

    def resize(self, rows: int, columns: int) -> None:
        self.drawn.resize(rows, columns)
        super().resize(rows, columns)

    def _read(self, seconds: float) -> bool:
        before = len(self.seen)
        is_there = super()._read(seconds)
        self._stream.feed(self.seen[before:])
        return is_there

    def look(self, seconds: float) -> bool:
        """Draw what comes within that time; False when nothing did."""
        return bool(select.select([self.ours], [], [], seconds)[0]) and self._read(0)

    def picture(self) -> str:
        """The screen in a frame, then the cursor and every run of characters that is not plain."""
        screen = self.drawn
        bar = "+" + "-" * screen.columns + "+"
        lines = [bar, *(f"|{row}|" for row in screen.display), bar]
        hidden = " (hidden)" * screen.cursor.hidden
        lines.append(f"cursor: row {screen.cursor.y + 1}, column {screen.cursor.x + 1}{hidden}")
        lines += self._styles()
        return "\n".join(lines)

    def _styles(self) -> Iterator[str]:
        for y in range(self.drawn.lines):
            row = self.drawn.buffer[y]
            styles = [_style(row[x]) for x in range(self.drawn.columns)]
            x = 0
            while x < len(styles):
                end = x
                while end < len(styles) and styles[end] == styles[x]:
                    end += 1
                if styles[x]:
                    yield f"row {y + 1}, columns {x + 1}-{end}: {styles[x]}"
                x = end


def _style(cell: pyte.screens.Char) -> str:
    words = [w for w in ("bold", "italics", "underscore", "strikethrough", "reverse", "blink") if getattr(cell, w)]
    words += [cell.fg] * (cell.fg != "default") + [f"on {cell.bg}"] * (cell.bg != "default")
    return " ".join(words)


class Take(Rendered):
    """One program in one `way` ("bare" or "wrapped"), its frames compared as they come."""

    def __init__(
        self, name: str, way: str, command: Sequence[str], *, env: Mapping[str, str], rows: int = 12, columns: int = 60
    ) -> None:
        super().__init__(command, env=env, rows=rows, columns=columns)
        self._path = FOLDER / "screens" / f"{name}.txt"
        self._is_new = os.environ.get("EXPTRACK_UPDATE_GOLDEN") == "1" and way == "bare"
        self._wanted = {} if self._is_new else _frames(self._path.read_text(encoding="utf-8"))
        self._taken: dict[str, str] = {}

    def shows(self, title: str, text: str) -> None:
        """Wait for the frame of that title: all of the screen as golden text has it. `text` is what it takes for a new
        one to be complete."""
        deadline = time.monotonic() + PATIENCE
        while not self._is_right(title, text):
            if not self.look(0.02) and time.monotonic() > deadline:
                wanted = self._wanted.get(title, f"something with {text!r}")
                raise AssertionError(f"{title}: the screen is\n{self.picture()}\nand should be\n{wanted}")
        self._taken[title] = self.picture()

    def _is_right(self, title: str, text: str) -> bool:
        if not self._is_new:
            return self.picture() == self._wanted[title]
        return any(text in line for line in self.drawn.display) and not self.look(SETTLED)

    def end(self, code: int) -> None:
        """The program ends with that code, and no golden frame was left out."""
        self.rest()
        assert self.code == code
        if self._is_new:
            self._path.parent.mkdir(exist_ok=True)
            self._path.write_text("".join(f"== {t} ==\n{p}\n\n" for t, p in self._taken.items()), encoding="utf-8")
        else:
            assert list(self._taken) == list(self._wanted)


def _frames(text: str) -> dict[str, str]:
    parts = re.split(r"^== (.*) ==\n", text, flags=re.M)
    return {title: frame.rstrip("\n") for title, frame in zip(parts[1::2], parts[2::2], strict=True)}
