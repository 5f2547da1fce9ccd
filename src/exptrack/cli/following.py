"""A picture that is drawn again over itself as its runs go on. The cursor stays where a prompt would be, below the
picture and visible: whatever ends us, there is nothing to put back."""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Callable, Sequence

from exptrack.actions.series import Watch, require_points
from exptrack.cli.plotting import Line, Style, picture
from exptrack.cli.screen import Screen

# Twice a second at most.
PAUSE = 0.5


def follow(screen: Screen, watch: Watch, style: Callable[[], Style]) -> None:
    """Draw until every run has ended, then once more; in a pipe only that last picture. `style` is asked for each
    picture: a terminal may change its size. NoSuchRun when there was nothing to draw in the end."""
    drawing, size = _Drawing(screen), -1
    while watch.look():
        if screen.is_terminal and (watch.size != size or drawing.is_resized()):
            size = watch.size
            drawing.show(_frame(watch, style()))
        time.sleep(PAUSE)
    require_points(watch)
    drawing.show(picture(watch.curves(), style()))


def _frame(watch: Watch, style: Style) -> list[Line]:
    curves = watch.curves()
    return picture(curves, style) if curves else [[f"waiting for points of {watch.wanted.text}"[: style.width]]]


class _Drawing:
    """What is on the terminal now, so that the next one can take its place."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._lines = 0
        self._size = _size()

    def is_resized(self) -> bool:
        return _size() != self._size

    def show(self, lines: Sequence[Line]) -> None:
        """One write a picture: a terminal shows it whole or not at all."""
        if not self.screen.is_terminal:
            print_picture(self.screen, lines)
            return
        head = f"\x1b[{self._lines}F" if self._lines else ""
        if self.is_resized():
            # The terminal has wrapped the old lines anew: where they begin now, nobody knows.
            head, self._size = "\x1b[H\x1b[2J", _size()
        text = io.StringIO()
        inner = Screen(text, is_terminal=True, has_colour=self.screen.has_colour)
        print_picture(inner, lines)
        self.screen.write(head + text.getvalue().replace("\n", "\x1b[K\n") + "\x1b[J")
        self.screen.file.flush()
        self._lines = len(lines)


def print_picture(screen: Screen, lines: Sequence[Line]) -> None:
    for line in lines:
        screen.line(*line)


def _size() -> os.terminal_size:
    return shutil.get_terminal_size()
