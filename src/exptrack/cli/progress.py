"""One line on a terminal that says how far reading has come and how fast; nothing in a pipe."""

from __future__ import annotations

import time

from exptrack.amounts import counted
from exptrack.cli.humane import size
from exptrack.typed import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from types import TracebackType

    from exptrack.actions.hashing import Done

EVERY = 0.1
CLEAR = "\r\x1b[K"


class Bar:
    """`show` redraws the line, at most ten times a second; the line goes when the block ends."""

    def __init__(self, file: TextIO | None) -> None:
        self.file = file
        self.began = time.monotonic()
        self.next = self.began + EVERY
        self.is_drawn = False

    @classmethod
    def on(cls, file: TextIO) -> Bar:
        """A bar on a terminal, a silent one elsewhere."""
        return cls(file if file.isatty() else None)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if self.file and self.is_drawn:
            self.file.write(CLEAR)
            self.file.flush()

    def show(self, done: Done) -> None:
        now = time.monotonic()
        if self.file is None or now < self.next:
            return
        self.next, self.is_drawn = now + EVERY, True
        self.file.write(CLEAR + text(done, now - self.began))
        self.file.flush()


def text(done: Done, seconds: float) -> str:
    """'40 %  12 of 30 objects  1.2 GiB of 3.0 GiB  310.0 MiB/s'. `seconds` since the beginning."""
    share = done.size / done.all_size if done.all_size else 1.0
    rate = size(done.size / seconds) if seconds > 0 else "-"
    counts = f"{done.objects} of {counted(done.all_objects, 'object')}"
    return f"{share:.0%}  {counts}  {size(done.size)} of {size(done.all_size)}  {rate}/s"
