"""Signals as bytes in a pipe, so that one poll loop sees them in order with everything else.

The handlers are C code of the interpreter that writes the signal's number; nothing of ours runs inside a handler. What
was ignored or blocked when we were started is so again in the command, and here when the run is over.
"""

from __future__ import annotations

import os
import signal

FORWARDED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTERM,
    signal.SIGTSTP,
    signal.SIGCONT,
    signal.SIGWINCH,
)
# A write from the background must not stop the relay (the command would hang on a full pipe), and a read from there has
# to fail instead: the command's own terminal signals are what decides whether the job stops.
_IGNORED = (signal.SIGTTIN, signal.SIGTTOU)
_CAUGHT = (*FORWARDED, signal.SIGCHLD)


class Signals:
    """From construction to `close` all forwarded signals and SIGCHLD arrive in `fd`; blocked until `unblock`."""

    def __init__(self) -> None:
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self._before = {number: signal.getsignal(number) for number in (*_CAUGHT, *_IGNORED)}
        self.fd = self.fd_in = -1
        self.renew()
        for number in _CAUGHT:
            signal.signal(number, _note)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)

    def renew(self) -> None:
        """A pipe of its own; a fork shares its parent's until it calls this."""
        self.fd, self.fd_in = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self.fd_in, False)
        signal.set_wakeup_fd(self.fd_in, warn_on_full_buffer=False)

    @property
    def ignored(self) -> frozenset[int]:
        """What was ignored when we were started, and is so in the command."""
        return frozenset(number for number, handler in self._before.items() if handler is signal.SIG_IGN)

    def unblock(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask - {*_CAUGHT, *_IGNORED})

    def read(self) -> bytes:
        """Numbers of the signals that came since the last call, oldest first."""
        try:
            return os.read(self.fd, 512)
        except BlockingIOError:
            return b""

    def hand_back(self) -> None:
        """In the forked command, before exec: the dispositions and the mask that exptrack itself was started with.

        Python ignores SIGPIPE and SIGXFSZ for itself at start, before any code of ours could look; as in `subprocess`,
        they are taken for having been at their default."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if handler is signal.SIG_IGN else signal.SIG_DFL)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def stop(self, number: int, *, is_whole_group: bool) -> None:
        """Stop as the command was stopped, so that a shell shows this job as it would have shown the command.

        Returns when continued; at once where the kernel discards the stop (nobody there who could continue us)."""
        # Without its handler, the SIGCONT that ends the stop is not reported as one to forward.
        signal.signal(signal.SIGCONT, signal.SIG_DFL)
        if number != signal.SIGSTOP:
            signal.signal(number, signal.SIG_DFL)
        if is_whole_group:
            os.killpg(os.getpgrp(), number)
        else:
            os.kill(os.getpid(), number)
        signal.signal(signal.SIGCONT, _note)
        if number != signal.SIGSTOP:
            signal.signal(number, signal.SIG_IGN if number in _IGNORED else _note)

    def send_to_siblings(self, number: int) -> None:
        """A signal to everybody in our process group but ourselves."""
        signal.signal(number, signal.SIG_IGN)
        os.killpg(os.getpgrp(), number)
        signal.signal(number, _note)

    def close(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _CAUGHT)
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        os.close(self.fd)
        os.close(self.fd_in)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


def _note(_number: int, _frame: object) -> None:
    """The number is in the pipe already; Python only wants a function to be there."""


def name_of(number: int) -> str:
    """15 -> SIGTERM, 36 -> SIGRTMIN+2; what `signal.Signals` cannot name is SIG<number>."""
    try:
        return signal.Signals(number).name
    except ValueError:
        if signal.SIGRTMIN < number < signal.SIGRTMAX:
            return f"SIGRTMIN+{number - signal.SIGRTMIN}"
        return f"SIG{number}"


def number_of(name: str) -> int:
    """The inverse of `name_of`."""
    known = getattr(signal, name, None)
    if known is not None:
        return int(known)
    if name.startswith("SIGRTMIN+"):
        return signal.SIGRTMIN + int(name.removeprefix("SIGRTMIN+"))
    return int(name.removeprefix("SIG"))
