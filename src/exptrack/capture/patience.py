"""Something that may never return, done in a thread that nobody has to wait for.

A call into a sick driver cannot be interrupted; but ctypes lets go of the interpreter while it waits, and the
thread does not keep the process from ending.
"""

from __future__ import annotations

import threading  # noqa: F401 - see beside.py: what is called here may import it, and may never return
from collections.abc import Callable

from exptrack.beside import Beside


class Errand:
    """Starts at once; `result` is there after a `wait` that gave True, and `error` if it raised."""

    def __init__(self, task: Callable[[], object]) -> None:
        self._task = task
        self.result: object = None
        self.error: Exception | None = None
        self._thread = Beside(self._run)

    def wait(self, seconds: float) -> bool:
        """Is it done, within that time?"""
        return self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self.result = self._task()
        except Exception as e:  # noqa: BLE001 - handed to whoever waits
            self.error = e
