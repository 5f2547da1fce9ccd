"""The line that says how far reading has come: on a terminal only, and gone at the end."""

from __future__ import annotations

import io

from exptrack.actions.hashing import Done
from exptrack.cli.progress import CLEAR, Bar, text

HALF = Done(3, 1 << 20, 6, 2 << 20)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_it_says():
    assert text(HALF, 0.5) == "50%  3 of 6 objects  1.0 MiB of 2.0 MiB  2.0 MiB/s"
    assert text(Done(0, 0, 0, 0), 0.0) == "100%  0 of 0 objects  0 B of 0 B  -/s"


def test_on_a_terminal_it_is_redrawn_and_taken_away():
    file = Terminal()
    with Bar.on(file) as bar:
        bar.next = 0.0
        bar.show(HALF)
        bar.show(HALF)  # too soon
    assert file.getvalue().count("3 of 6 objects") == 1
    assert file.getvalue().endswith(CLEAR)


def test_elsewhere_and_for_what_is_quick_there_is_none():
    pipe, quick = io.StringIO(), Terminal()
    with Bar.on(pipe) as bar:
        bar.next = 0.0
        bar.show(HALF)
    with Bar.on(quick) as bar:
        bar.show(HALF)
    assert pipe.getvalue() == quick.getvalue() == ""
