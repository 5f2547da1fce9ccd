"""Read many objects again at once. Threads are enough: sha256 and read(2) let go of the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from threading import Lock

from exptrack.store.place import Store
from exptrack.together import each, processors
from exptrack.typed import NamedTuple


class Done(NamedTuple):
    """How far it has come, in objects and bytes."""

    objects: int
    size: int
    all_objects: int
    all_size: int


Progress = Callable[[Done], None]
# Called for each object that is whole, with what lstat said of it before it was read; never by two threads at once.
Whole = Callable[[str, os.stat_result], None]


def altered_among(
    store: Store, sizes: Mapping[str, int], progress: Progress | None = None, whole: Whole | None = None
) -> list[str]:
    """The digests whose bytes are not (any more) what their name says. `sizes`: digest -> bytes, for the progress."""
    reading = _Reading(store, sizes, progress, whole)
    # The largest first: at the end no thread is left alone with one of 100 GB.
    try:
        each(reading.check, sorted(sizes, key=lambda d: -sizes[d]), threads=min(processors(), len(sizes)))
    finally:
        reading.hush()
    return sorted(reading.bad)


class _Reading:
    """What the threads share."""

    def __init__(self, store: Store, sizes: Mapping[str, int], progress: Progress | None, whole: Whole | None) -> None:
        self.store, self.progress, self.whole = store, progress, whole
        self.bad: list[str] = []
        self.done = Done(0, 0, len(sizes), sum(sizes.values()))
        self.lock = Lock()

    def check(self, digest: str) -> None:
        try:
            info = os.lstat(self.store.objects.path(digest))
            is_whole = self.store.objects.is_whole(digest, self._read)
        except FileNotFoundError:
            is_whole = False
        with self.lock:
            if not is_whole:
                self.bad.append(digest)
            elif self.whole:
                self.whole(digest, info)
            self._tell(objects=1)

    def hush(self) -> None:
        """After Ctrl-C threads may still be reading: nobody wants to hear of it any more."""
        with self.lock:
            self.progress = self.whole = None

    def _read(self, count: int) -> None:
        with self.lock:
            self._tell(size=count)

    def _tell(self, *, objects: int = 0, size: int = 0) -> None:
        self.done = self.done._replace(objects=self.done.objects + objects, size=self.done.size + size)
        if self.progress:
            self.progress(self.done)
