"""Which signals are passed on, to whom, and when force is allowed.

A signal that reached the command without us (the keyboard's, `kill %1`, `timeout`, a batch system that signals every
process) is not passed on; one that was sent to us alone is, once. The command is never killed, unless exptrack itself
was told to stop twice, at least a second apart: then, and only then, after a grace period.
"""

from __future__ import annotations

import signal
import time

from exptrack.record.aide import Aide
from exptrack.record.orders import GROUP, PROCESS, TERMINAL, Orders
from exptrack.record.spawn import Command

# `timeout` and process managers signal a process and then its group; both are one order. Long enough for the second to
# arrive on a loaded machine, and short for whoever waits.
SETTLE = 0.03
_SLACK = 0.1
SECOND_ORDER_AFTER = 1.0
GRACE = 30.0
_STOP_ORDERS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Forwarder:
    """Signals that came, until it is clear who else got them. Times are of the monotonic clock, in seconds."""

    def __init__(self, command: Command, witness: Aide, orders: Orders) -> None:
        self._command, self._witness, self._orders = command, witness, orders
        self._came: dict[int, float] = {}
        self._first_order = 0.0
        self._kill_at = 0.0
        self.is_interrupted = False
        self.warnings: list[str] = []

    def take(self, number: int) -> None:
        self._came.setdefault(number, time.monotonic())

    def next_due(self) -> float | None:
        """Seconds until `settle` has something to do."""
        moments = [came + SETTLE for came in self._came.values()] + ([self._kill_at] if self._kill_at else [])
        return min(moments) - time.monotonic() if moments else None

    def settle(self, *, is_over: bool = False) -> None:
        """Pass on what has waited long enough; everything when the run `is_over`, which tells only who sent it."""
        now = time.monotonic()
        due = [n for n, came in self._came.items() if is_over or came + SETTLE <= now]
        if due:
            self._witness.read()
            self._witness.catch_up()
        for number in due:
            since = self._came.pop(number) - _SLACK
            self._decide(number, since)
        if self._kill_at and now >= self._kill_at:
            self._kill_at = 0.0
            self.warnings.append("killed: exptrack was told to stop twice, and the command did not end")
            self._command.send_to_group(signal.SIGKILL)

    def _decide(self, number: int, since: float) -> None:
        is_broadcast = self._witness.saw(number, since)
        anchor = self._command.anchor
        is_hang_up = anchor is not None and number == signal.SIGHUP
        is_everywhere = anchor is not None and anchor.saw(number, since)
        if not is_everywhere:
            self._pass_on(number, is_broadcast=is_broadcast)
        reach = TERMINAL if is_hang_up else GROUP if is_broadcast or is_everywhere else PROCESS
        self._orders.take(number, reach)

    def _pass_on(self, number: int, *, is_broadcast: bool) -> None:
        if self._command.anchor:
            if is_broadcast or number == signal.SIGHUP:
                self._command.send_to_group(number)
            else:
                self._command.send(number)
        elif is_broadcast:
            self.is_interrupted = self.is_interrupted or number == signal.SIGINT
        else:
            self._command.send(number)
        if not is_broadcast and number in _STOP_ORDERS:
            self._count_order()

    def _count_order(self) -> None:
        now = time.monotonic()
        if not self._first_order:
            self._first_order = now
        elif not self._kill_at and now - self._first_order >= SECOND_ORDER_AFTER:
            self._kill_at = now + GRACE
