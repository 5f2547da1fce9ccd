"""One thing done with many, several at once, in threads: reading, writing, hashing and fsync let go of the interpreter.

Memory stays flat however many there are: the threads draw from one iterator, and nothing is queued.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from exptrack.beside import Beside
from exptrack.typed import Generic, TypeVar

T = TypeVar("T")
MOST = 8


def processors() -> int:
    """Those we may use (a batch system gives fewer than there are); 2 to MOST: even on one, one can wait for the disk
    while the other computes."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return max(2, min(MOST, len(allowed)))


def each(do: Callable[[T], object], items: Iterable[T], *, threads: int) -> None:
    """Call `do` for every item, `threads` at once, ours being one of them. The first exception ends it: no further item
    is drawn, and it is raised when those under way are done; after Ctrl-C nobody is waited for."""
    if threads <= 1:
        for item in items:
            do(item)
        return
    crew = _Crew(do, items)
    helpers = []
    for _ in range(threads - 1):
        try:
            helpers.append(Beside(crew.work))
        except (RuntimeError, MemoryError):
            break  # no more threads for us (ulimit -u, -v, pids.max): fewer do the same work
    crew.work()
    try:
        if not any(isinstance(e, KeyboardInterrupt) for e in crew.failed):
            for helper in helpers:
                helper.join()
    except KeyboardInterrupt as e:
        crew.failed.append(e)
        raise
    if crew.failed:
        raise crew.failed[0]


class _Crew(Generic[T]):
    """What the threads of one `each` share."""

    def __init__(self, do: Callable[[T], object], items: Iterable[T]) -> None:
        from threading import Lock

        self.do, self.items, self.lock = do, iter(items), Lock()
        self.failed: list[BaseException] = []

    def draw(self) -> Iterator[T]:
        while not self.failed:
            with self.lock:
                try:
                    item = next(self.items)
                except StopIteration:
                    return
            yield item

    def work(self) -> None:
        try:
            for item in self.draw():
                self.do(item)
        except BaseException as e:  # noqa: BLE001 - raised again by `each`, in the thread that asked
            self.failed.append(e)
