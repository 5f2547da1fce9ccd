"""One call in a thread of its own, which is known to have begun.

threading.Thread.start waits without end for a thread that dies for want of memory before its first line, and so does
whoever waits for that one; here that is an error like any other. No thread of these keeps the process from ending,
unless it is the first to import `threading`, which takes that one for the main thread then: whoever does not end with
os._exit imports it before.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread
from collections.abc import Callable

# Seconds a thread may take to its first line; on a machine that swaps it is slow, not dead.
PATIENCE = 10.0


class Beside:
    """Calls `work` at once; what it raises is printed on stderr and ends the thread.

    RuntimeError when there are no more threads for us, MemoryError when it did not begin."""

    def __init__(self, work: Callable[[], object]) -> None:
        # Bare locks: letting go of one takes no memory.
        self._claim, self._begun, self._done = allocate_lock(), allocate_lock(), allocate_lock()
        self._begun.acquire()
        self._done.acquire()
        start_new_thread(self._run, (work,))
        if not self._begun.acquire(timeout=PATIENCE) and self._claim.acquire(blocking=False):
            raise MemoryError("a thread could not begin")

    def _run(self, work: Callable[[], object]) -> None:
        if not self._claim.acquire(blocking=False):
            return  # given up already: nobody will wait for what it would do now
        try:
            self._begun.release()
            work()
        except BaseException:  # noqa: BLE001 - there is nobody above it but the interpreter
            # Before anybody who waited goes on, or ends the process.
            import traceback

            traceback.print_exc()
        finally:
            self._done.release()

    def join(self, seconds: float = -1) -> bool:
        """Wait until the call has returned or raised, at most so long (-1: without end); has it?"""
        is_done = self._done.acquire(timeout=seconds)
        if is_done:
            self._done.release()
        return is_done
