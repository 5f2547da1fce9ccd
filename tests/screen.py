"""A terminal for tests: a real pty with a program in its foreground, keys to type and a screen to read."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

PATIENCE = 20.0


class Screen:
    """Runs `command` as the leader of a session on its own terminal of `rows` x `columns`."""

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str] | None = None, rows: int = 24, columns: int = 80
    ) -> None:
        self.ours, theirs = os.openpty()
        self.resize(rows, columns)
        self.seen = b""
        self.status: int | None = None
        self.pid = os.fork()
        if not self.pid:
            try:
                os.setsid()
                fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
                for fd in (0, 1, 2):
                    os.dup2(theirs, fd)
                for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTSTP):
                    signal.signal(number, signal.SIG_DFL)
                os.execvpe(command[0], list(command), dict(os.environ if env is None else env))
            finally:
                os._exit(127)
        os.close(theirs)

    def type(self, keys: str | bytes) -> None:
        data = keys.encode() if isinstance(keys, str) else keys
        while data:
            data = data[os.write(self.ours, data) :]

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect(self, text: str | bytes) -> bytes:
        """Wait until the regular expression appears; returns and forgets everything up to its end."""
        pattern = re.compile(text.encode() if isinstance(text, str) else text)
        deadline = time.monotonic() + PATIENCE
        while not (found := pattern.search(self.seen)):
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{pattern.pattern!r} did not appear; on the screen: {self.seen!r}")
        before, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return before

    def drain(self) -> None:
        """Take what is on the screen now, so that whoever prints is not kept waiting."""
        while self._read(0):
            pass

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.ours], [], [], max(0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self.ours, 65536)
        except OSError:
            data = b""
        self.seen += data
        return bool(data)

    def rest(self) -> bytes:
        """Everything until the program and all of its terminal's users are gone; `code` is its exit code then."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline - time.monotonic()):
            pass
        return self.seen

    @property
    def code(self) -> int:
        """Exit code, negative for a signal; waits."""
        deadline = time.monotonic() + PATIENCE
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
            elif time.monotonic() > deadline:
                raise AssertionError(f"still running; on the screen: {self.seen!r}")
            else:
                self._read(0.02)
        return os.waitstatus_to_exitcode(self.status)

    def modes(self) -> list[object]:
        """termios of the terminal, as its foreground sees them."""
        return termios.tcgetattr(self.ours)

    @property
    def foreground(self) -> int:
        """The process group that has the keyboard now."""
        return os.tcgetpgrp(self.ours)

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.status is None:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        os.close(self.ours)
