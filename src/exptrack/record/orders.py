"""Orders to stop that reached a run, noted as they come: when the batch system kills everything a moment later, the
record still says who began. What an order means (which limit, whose preemption) is said at the seal, by stopping.py.

Imported before the command starts, so it stays light; an order is plain data: {"signal", "reach", "at"}.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection

from exptrack.record.signals import name_of
from exptrack.record.terminal import is_foreground_job
from exptrack.typed import Any

# How far it went: exptrack's process alone, the whole process group or every process, keys that were typed, a terminal
# that was closed.
PROCESS, GROUP, KEYBOARD, TERMINAL = "process", "group", "keyboard", "terminal"
_KINDS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_KEYS = (signal.SIGINT, signal.SIGQUIT)
# Of each signal: a program may use SIGUSR1 as a doorbell.
_MOST = 4


class Orders:
    """`ignored`: signals the command ignores since before it started, as under nohup: no order to it."""

    def __init__(self, ignored: Collection[int], note: Callable[[dict[str, Any]], None]) -> None:
        self.came: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self._ignored, self._note = ignored, note

    def take(self, number: int, reach: str) -> None:
        """Call it when the signal was passed on: writing may take its time. Never raises."""
        name = name_of(number)
        if number not in _KINDS or number in self._ignored:
            return
        if sum(order["signal"] == name for order in self.came) >= _MOST:
            return
        if reach == GROUP and number in _KEYS and is_foreground_job():
            reach = KEYBOARD
        order = {"signal": name, "reach": reach, "at": round(time.time(), 3)}
        self.came.append(order)
        try:
            self._note(order)
        except OSError as e:
            self.problems.append(f"{name} was not noted when it came: {e}")
