"""Read many objects again at once. Threads are enough: sha256 and read(2) let go of the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple

from exptrack.store.place import Store


class Done(NamedTuple):
    """How far it has come, in objects and bytes."""

    objects: int
    size: int
    all_objects: int
    all_size: int


Progress = Callable[[Done], None]


def altered_among(store: Store, sizes: Mapping[str, int], progress: Progress | None = None) -> list[str]:
    """The digests whose bytes are not (any more) what their name says. `sizes`: digest -> bytes, for the progress."""
    bad: list[str] = []
    total, size = sum(sizes.values()), 0
    pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="verify")
    try:
        # The largest first: at the end no thread is left alone with one of 100 GB.
        order = sorted(sizes, key=lambda d: -sizes[d])
        waiting = {pool.submit(store.objects.is_whole, digest): digest for digest in order}
        for count, future in enumerate(as_completed(waiting), 1):
            digest = waiting[future]
            if future.result() is not True:
                bad.append(digest)
            size += sizes[digest]
            if progress:
                progress(Done(count, size, len(order), total))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return sorted(bad)
