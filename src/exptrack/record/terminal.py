"""Terminals: ours, whose modes are always given back, and the ones made for the command.

Every call that only `termios` knows is here. Our own terminal is opened anew, so that no flag set here (O_NONBLOCK) is
seen by another process that shares our standard streams. See termios(3), ioctl_tty(2), pty(7).
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys
import termios

from exptrack.typed import Any

# asm-generic/ioctls.h: the device behind a descriptor, also behind /dev/tty. termios does not export it.
_TIOCGDEV = 0x80045432
_NO_SIZE = bytes(8)
_IFLAG, _OFLAG, _CFLAG, _LFLAG, _CC = 0, 1, 2, 3, 6
_TYPED = ((termios.VINTR, signal.SIGINT), (termios.VQUIT, signal.SIGQUIT))


def device(fd: int) -> int:
    """The number of the terminal behind `fd`, the same for every descriptor and name of it; 0: no terminal."""
    if not os.isatty(fd):
        return 0
    try:
        return int.from_bytes(fcntl.ioctl(fd, _TIOCGDEV, bytes(4)), sys.byteorder)
    except OSError:
        return os.fstat(fd).st_rdev


def window_size(fd: int) -> bytes:
    """struct winsize as the kernel keeps it, pixels included; zeros when nobody set one."""
    try:
        return fcntl.ioctl(fd, termios.TIOCGWINSZ, _NO_SIZE)
    except OSError:
        return _NO_SIZE


def copy_window_size(source: int, target: int) -> bool:
    """True when it was another one. The kernel then sends SIGWINCH to the foreground of `target`, if it has one."""
    size = window_size(source)
    if size == window_size(target):
        return False
    fcntl.ioctl(target, termios.TIOCSWINSZ, size)
    return True


def open_pty(like: int, *, is_output_only: bool) -> tuple[int, int]:
    """(our end, non-blocking; the command's end) of a new terminal with the modes and the size of `like`.

    Output-only ones leave the bytes alone: the real terminal behind turns newlines into what it needs, once."""
    ours, theirs = os.openpty()
    modes = termios.tcgetattr(like)
    if is_output_only:
        modes[_OFLAG] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, window_size(like))
    os.set_blocking(ours, False)
    return ours, theirs


def make_controlling(fd: int) -> None:
    """The terminal of our new session; setsid(2) has to come first."""
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)


def typed_signals(pty: int, typed: bytes, group: int) -> list[int]:
    """Which signals the terminal behind `pty` makes of these keys for its foreground, if that is `group`."""
    try:
        modes = termios.tcgetattr(pty)
        if not modes[_LFLAG] & termios.ISIG or os.tcgetpgrp(pty) != group:
            return []
    except OSError:
        return []
    return [number for key, number in _TYPED if modes[_CC][key] != b"\0" and modes[_CC][key] in typed]


def end_input(pty: int) -> bool:
    """Whoever reads the terminal behind `pty` now, or next, finds the end of file; False where only a hang-up ends it.

    To be repeated: the end serves one read. One that nobody waited for is flushed first, so that they do not add up."""
    modes = termios.tcgetattr(pty)
    if not modes[_LFLAG] & termios.ICANON:
        return False
    termios.tcsetattr(pty, termios.TCSAFLUSH, modes)
    os.write(pty, modes[_CC][termios.VEOF])
    return True


def unread(fd: int) -> int:
    """Bytes that wait in a pipe."""
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)


class Terminal:
    """Our controlling terminal, while the command has another one in its place."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._modes = termios.tcgetattr(fd)
        self._raw: list[Any] = []
        self._is_raw = False

    def is_in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return False

    def is_gone(self) -> bool:
        """Hung up for good: the window was closed, or the connection lost."""
        try:
            os.tcgetpgrp(self.fd)
        except OSError:
            return True
        return False

    def make_raw(self) -> None:
        """Every key as a byte, no echo, no signals: all of that happens in the command's terminal."""
        if self._is_raw:
            return
        modes = termios.tcgetattr(self.fd)
        if modes != self._raw:  # it is ours still, if we were put into the background without a word
            self._modes = modes
        raw = [*self._modes[:_CC], list(self._modes[_CC])]
        raw[_IFLAG] &= ~(termios.BRKINT | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.INPCK)
        raw[_IFLAG] &= ~(termios.ISTRIP | termios.IXON | termios.PARMRK)
        raw[_OFLAG] &= ~termios.OPOST
        raw[_CFLAG] = raw[_CFLAG] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
        raw[_LFLAG] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN | termios.ISIG)
        raw[_CC][termios.VMIN], raw[_CC][termios.VTIME] = 1, 0
        termios.tcsetattr(self.fd, termios.TCSANOW, raw)
        self._raw = termios.tcgetattr(self.fd)
        self._is_raw = True

    def forget_modes(self) -> None:
        """Somebody else has the terminal now: nothing of ours is to be restored in it."""
        self._is_raw = False

    def restore(self) -> None:
        """The modes as they were; in the background they belong to somebody else and are left alone."""
        if not self._is_raw:
            return
        self._is_raw = False
        if self.is_in_foreground():
            try:
                termios.tcsetattr(self.fd, termios.TCSANOW, self._modes)
            except termios.error as e:
                if e.args[0] not in (errno.EIO, errno.ENOTTY):
                    raise

    def close(self) -> None:
        self.restore()
        os.close(self.fd)


def has_terminal() -> bool:
    """Have we a controlling terminal: can there be a shell that stops and continues us?"""
    try:
        fd = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    os.close(fd)
    return True


def is_foreground_job() -> bool:
    """Does what is typed at our controlling terminal reach our process group?"""
    try:
        fd = os.open("/dev/tty", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return Terminal(fd).is_in_foreground()
    finally:
        os.close(fd)


def take_terminal() -> Terminal | None:
    """Our terminal, when stdin and stdout are it and we are what the user looks at; else None.

    In a pipeline or in the background the shell's job control already does the right thing with a command that stays in
    our process group, and better than anything we could do in its place."""
    ours = device(1)
    if not ours or device(0) != ours:
        return None
    try:
        fd = os.open("/dev/tty", os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    terminal = Terminal(fd)
    if device(fd) == ours and terminal.is_in_foreground():
        return terminal
    terminal.close()
    return None
