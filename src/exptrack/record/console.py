"""Keyboard and window of our terminal, passed on to the command's, while we are what the user looks at.

Keys that mean a signal become one in the command's terminal; the rest of our own process group (the script that called
us) gets it from here, as it would have from the keyboard.
"""

from __future__ import annotations

import os
import select
import signal
import time

from exptrack.record.orders import KEYBOARD, Orders
from exptrack.record.relay import Poller, Stream
from exptrack.record.signals import Signals
from exptrack.record.terminal import Terminal, copy_window_size, end_input, typed_signals

# A shell does not say when it moves a running job to the foreground.
_GLANCE = 0.25


class Console:
    """`output` is what comes from the command's terminal; `command` the process group in its foreground at first."""

    def __init__(
        self, terminal: Terminal, output: Stream, command: int, poller: Poller, signals: Signals, orders: Orders
    ) -> None:
        # A descriptor of its own: the poller knows the other one as a source of output.
        self._pty = os.dup(output.source)
        self._terminal, self._output, self._command = terminal, output, command
        self._poller, self._signals, self._orders = poller, signals, orders
        self._pending = b""
        self._is_listening = False
        self._is_gone = False
        self._gone_since = 0.0
        self.is_interrupted = False
        self.refresh()

    def refresh(self) -> None:
        """Listen to the keyboard if we are in the foreground (again); the window may have changed meanwhile."""
        if self._is_gone or self._is_listening:
            return
        if self._terminal.is_gone():
            # A moment later: SIGHUP comes first, and is what most commands want to end of.
            self._gone_since = self._gone_since or time.monotonic()
            if time.monotonic() - self._gone_since >= _GLANCE:
                self._gone_since = 0.0
                self._lose_terminal()
        elif self._terminal.is_in_foreground():
            self._listen()

    def _listen(self) -> None:
        self._terminal.make_raw()
        self._is_listening = True
        self.resize()
        if self._pending:
            self._push()
        else:
            self._poller.watch(self._terminal.fd, select.POLLIN, self._on_keys)

    def next_due(self) -> float | None:
        """Seconds until `refresh` should look again; None while it need not."""
        return None if self._is_listening or self._is_gone else _GLANCE

    def resize(self) -> bool:
        """True when the size changed: then the kernel tells the command's foreground."""
        return not self._is_gone and copy_window_size(self._terminal.fd, self._pty)

    def _on_keys(self, _events: int) -> None:
        try:
            keys = os.read(self._terminal.fd, 4096)
        except BlockingIOError:
            return
        except OSError:
            keys = b""
        if not keys:
            # In the background without a word, or the terminal is gone: `refresh` finds out.
            self.mute()
            self._terminal.forget_modes()
            return
        signals = typed_signals(self._pty, keys, self._command)
        self._pending = keys
        self._push()
        for number in signals:
            self.is_interrupted = self.is_interrupted or number == signal.SIGINT
            self._signals.send_to_siblings(number)
            self._orders.take(number, KEYBOARD)

    def _lose_terminal(self) -> None:
        """A command that goes on all the same must not wait for keys that never come; what it prints is logged."""
        self._pending = b""
        if not end_input(self._pty):
            self._is_gone = True
            self._output.hang_up()
            self.close()

    def _push(self, _events: int = 0) -> None:
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._pty, self._pending) :]
        except BlockingIOError:
            self._poller.forget(self._terminal.fd)
            self._poller.watch(self._pty, select.POLLOUT, self._push)
            return
        self._poller.forget(self._pty)
        if self._is_listening:
            self._poller.watch(self._terminal.fd, select.POLLIN, self._on_keys)

    def mute(self) -> None:
        """Leave what is typed from now on to whoever reads the terminal next."""
        self._is_listening = False
        self._poller.forget(self._terminal.fd)
        self._poller.forget(self._pty)

    def step_aside(self) -> None:
        """Before a stop: the terminal as we found it."""
        self.mute()
        self._terminal.restore()

    def close(self) -> None:
        self.step_aside()
        if self._pty >= 0:
            os.close(self._pty)
            self._pty = -1
