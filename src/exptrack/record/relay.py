"""Output on its way: out of the command's pipe or pty, into the log, and on to where our own stream leads.

One thread and one poll; nothing here ever blocks, so signals are always heard, and nothing happens per line. A slow
reader makes the command wait, as without us; one that went away makes the command's next write fail, as without us.

A pipe that is busy with small writes is read once a millisecond. Being woken by every line would cost the command more
than its lines do: the kernel takes it from its processor in favour of whoever waits for it, line by line.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import time
from collections.abc import Callable

from exptrack.record.logs import Logs

_BUFFER = 1 << 17
# Seconds between two reads of a busy pipe, which is one that has had something to read twice within twice that time.
_REST = 0.001
# A read of more than this part of the pipe is followed by the next one at once: the command must not find it full.
_ROOMY = 32
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Poller:
    """poll(2) with a function for each descriptor."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._calls: dict[int, Callable[[int], None]] = {}
        self._is_resting = False

    def watch(self, fd: int, events: int, call: Callable[[int], None]) -> None:
        """`call` gets the events that came; errors and hang-ups come unasked."""
        self._poll.register(fd, events)
        self._calls[fd] = call

    def forget(self, fd: int) -> None:
        if self._calls.pop(fd, None):
            self._poll.unregister(fd)

    def rest(self) -> None:
        """Let more come together before the next round."""
        self._is_resting = True

    def wait(self, seconds: float | None) -> None:
        """One round; None waits for ever."""
        if self._is_resting:
            self._is_resting = False
            time.sleep(_REST)
        for fd, events in self._poll.poll(None if seconds is None else max(0, seconds) * 1000 + 1):
            if call := self._calls.get(fd):
                call(events)


class Sink:
    """Where one of our own streams leads, written without ever blocking.

    O_NONBLOCK belongs to the open file, which other processes share; so pipes and terminals are opened anew. What
    cannot be (a socket, another user's terminal) is written in pieces that fit when poll says there is room."""

    def __init__(self, fd: int) -> None:
        mode = os.fstat(fd).st_mode
        self.fd = fd
        self.is_terminal = os.isatty(fd)
        self._is_ours = False
        self._piece = 0
        self.can_vanish = self.is_terminal or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
        if not self.can_vanish:
            return
        try:
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            self.fd = os.open(f"/proc/self/fd/{fd}", flags)
            self._is_ours = True
        except OSError:
            self._piece = 256 if self.is_terminal else 4096
            self._room = select.poll()
            self._room.register(fd, select.POLLOUT)

    def write(self, block: memoryview) -> int:
        """How much was taken; BlockingIOError when there is no room, OSError when nobody reads any more."""
        if self._piece:
            if not self._room.poll(0):
                raise BlockingIOError
            block = block[: self._piece]
        return os.write(self.fd, block)

    def close(self) -> None:
        if self._is_ours:
            os.close(self.fd)


class Stream:
    """One output of the command. `source` is ours and non-blocking; -1 once it is closed."""

    def __init__(self, name: str, source: int, sink: Sink, logs: Logs, poller: Poller) -> None:
        self.name, self.source, self.sink = name, source, sink
        self._logs, self._poller = logs, poller
        self._buffer = memoryview(bytearray(_BUFFER))
        self._pending = self._buffer[:0]
        self._has_reader = True
        self._left = -1
        self.problem = ""
        self._small = _capacity(source) // _ROOMY
        self._read_at = 0.0
        self._watch()

    def _watch(self) -> None:
        if self.source >= 0:
            self._poller.watch(self.source, select.POLLIN, self._on_output)
        if self.sink.can_vanish and self._has_reader:
            self._poller.watch(self.sink.fd, 0, self._on_sink)

    @property
    def is_done(self) -> bool:
        return self.source < 0 and not self._pending

    def _on_output(self, _events: int) -> None:
        self._take()

    def _take(self) -> bool:
        """Move one block; False when there is none now, none any more, or the last one is not through yet."""
        if self._pending or self.source < 0:
            return False
        try:
            size = os.readv(self.source, [self._buffer[: self._left] if 0 <= self._left < _BUFFER else self._buffer])
        except BlockingIOError:
            return False
        except OSError as e:
            # EIO: the last descriptor of the command's side of a pty is closed (pty(7) leaves it open; Linux says so).
            if e.errno != errno.EIO:
                raise
            size = 0
        if self._left > 0:
            self._left -= size
        if not size:
            self._close_source()
            return False
        self._rest_if_busy(size)
        block = self._buffer[:size]
        self._logs.write(self.name, block)
        if self._has_reader:
            self._pending = block
            self._push()
        return not self._pending

    def _rest_if_busy(self, size: int) -> None:
        before, self._read_at = self._read_at, time.monotonic()
        if size < self._small and self._read_at - before < 2 * _REST:
            self._poller.rest()

    def _push(self) -> None:
        while self._pending:
            try:
                self._pending = self._pending[self.sink.write(self._pending) :]
            except BlockingIOError:
                self._poller.forget(self.source)
                self._poller.watch(self.sink.fd, select.POLLOUT, self._on_sink)
                return
            except OSError as e:
                if e.errno not in (errno.EPIPE, errno.EIO):
                    self.problem = f"{self.name} could not be passed on: {e.strerror}"
                self._lose_reader()

    def _on_sink(self, events: int) -> None:
        if self._pending:
            self._push()
            if not self._pending:
                self._watch()
                if self._left >= 0:
                    self.take_rest()
        elif events & _GONE:
            self._lose_reader()

    def _lose_reader(self) -> None:
        """Nobody reads: the next write of the command shall fail as it would without us, once what is there is logged.

        A terminal that goes away is different: it sends SIGHUP, and a command that survives it goes on into the log."""
        self._has_reader = False
        self._pending = self._buffer[:0]
        self._poller.forget(self.sink.fd)
        if self.sink.is_terminal:
            self._watch()
        else:
            self._finish(_BUFFER)

    def hang_up(self) -> None:
        """Close the command's terminal: what is there is logged, and its reads and writes fail from now on."""
        self._has_reader = False
        self._pending = self._buffer[:0]
        self._finish(_BUFFER)

    def _finish(self, limit: int) -> None:
        self._left = limit
        self.take_rest()

    def take_what_is_there(self) -> None:
        """Before a stop: what was printed belongs on the screen before the shell's prompt does."""
        while self._take():
            pass

    def take_rest(self) -> None:
        """After the end: what the command left in the pipe, and nothing that somebody else writes into it later."""
        if self.source >= 0 and not self._pending:
            while self._left and self._take():
                pass
            if not self._pending:
                self._close_source()

    def end(self, waiting: int) -> None:
        """The command has ended; at most `waiting` bytes of its output are still to come."""
        self._finish(waiting)

    def abandon(self) -> None:
        """Do not wait for a reader that does not read: all of it is in the log."""
        self._has_reader = False
        self._pending = self._buffer[:0]
        self._poller.forget(self.sink.fd)
        self.take_rest()

    def _close_source(self) -> None:
        if self.source >= 0:
            self._poller.forget(self.source)
            os.close(self.source)
            self.source = -1

    def close(self) -> None:
        self._close_source()
        self._poller.forget(self.sink.fd)
        self.sink.close()


def _capacity(source: int) -> int:
    """Bytes a pipe holds. 0 for a terminal: it holds little, people look at it, and its kernel thread is woken by every
    write in any case."""
    if source < 0 or os.isatty(source):
        return 0
    get_size = getattr(fcntl, "F_GETPIPE_SZ", None)
    return fcntl.fcntl(source, get_size) if get_size is not None else select.PIPE_BUF
