"""What the command gets as stdin, stdout and stderr, and how its output comes back to us.

A terminal is given where we have one, a pipe where we have anything else, one of them for both outputs where ours are
one open file (their order is kept then), and nothing where we have nothing.
"""

from __future__ import annotations

import fcntl
import os

from exptrack.record.logs import Logs
from exptrack.record.relay import Poller, Sink, Stream
from exptrack.record.terminal import Terminal, device, open_pty, take_terminal

_PIPE_SIZE = 1 << 20
STDIN, STDOUT, STDERR = 0, 1, 2


class Output:
    """One way back: the log's name, our end, the stream of ours it is passed on to, and whether it is a pty."""

    __slots__ = ("is_terminal", "name", "source", "target")

    def __init__(self, name: str, source: int, target: int, is_terminal: bool) -> None:
        self.name, self.source, self.target, self.is_terminal = name, source, target, is_terminal


class Wiring:
    """`given`: the command's descriptors, None for inherited ones. `terminal`: ours, when the command gets its own."""

    def __init__(self) -> None:
        self.terminal: Terminal | None = take_terminal()
        self.given: list[int | None] = [None, None, None]
        self.outputs: list[Output] = []
        is_open = [is_given(fd) for fd in (STDIN, STDOUT, STDERR)]
        if self.terminal:
            self._connect(STDOUT, "terminal", self.terminal.fd)
            self.given[STDIN] = self.given[STDOUT]
        elif is_open[STDOUT]:
            is_shared = is_open[STDERR] and is_same_file(STDOUT, STDERR)
            self._connect(STDOUT, "terminal" if is_shared else "stdout")
        if is_open[STDERR]:
            if is_open[STDOUT] and is_same_file(STDOUT, STDERR):
                self.given[STDERR] = self.given[STDOUT]
            else:
                self._connect(STDERR, "stderr")

    def _connect(self, stream: int, name: str, like: int | None = None) -> None:
        is_terminal = os.isatty(stream)
        if is_terminal:
            ours, theirs = open_pty(stream if like is None else like, is_output_only=like is None)
        else:
            ours, theirs = os.pipe()
            os.set_blocking(ours, False)
            _widen(ours)
        self.given[stream] = theirs
        self.outputs.append(Output(name, ours, stream, is_terminal))

    @property
    def command_terminal(self) -> int | None:
        return self.given[STDIN] if self.terminal else None

    @property
    def streams(self) -> tuple[int | None, int | None, int | None]:
        return self.given[STDIN], self.given[STDOUT], self.given[STDERR]

    def prepare(self) -> None:
        """Before the fork, so that not even the first key or line meets our terminal in the wrong mode."""
        if self.terminal:
            self.terminal.make_raw()

    def close_given(self) -> None:
        """After the fork: what stays open here would hide that the command closed it."""
        for fd in {fd for fd in self.given if fd is not None}:
            os.close(fd)

    def close(self) -> None:
        """Our terminal, with its modes as they were."""
        if self.terminal:
            self.terminal.close()

    def relay(self, logs: Logs, poller: Poller) -> list[Stream]:
        streams = []
        for output in self.outputs:
            logs.open(output.name)
            streams.append(Stream(output.name, output.source, Sink(output.target), logs, poller))
        return streams


def _widen(pipe: int) -> None:
    """A large pipe lets the command print on while we write; the limit of pages per user may forbid it."""
    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if set_size is not None:
        try:
            fcntl.fcntl(pipe, set_size, _PIPE_SIZE)
        except PermissionError:
            return


def is_given(fd: int) -> bool:
    """Were we started with it? What was closed then is closed, or held by a placeholder that exec closes."""
    try:
        return os.get_inheritable(fd)
    except OSError:
        return False


def is_same_file(a: int, b: int) -> bool:
    if device(a) or device(b):
        return device(a) == device(b)
    one, other = os.fstat(a), os.fstat(b)
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
