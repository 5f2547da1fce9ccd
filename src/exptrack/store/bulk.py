"""Many objects at once: written first, made durable together, named last.

One fsync a file while the disk is still busy with the one before costs a third of a millisecond on a good disk and ten
on a bad one; a first snapshot has thousands. Here the disk is waited for a thousand files or 256 MiB at a time
(durable.py), and told to begin with large ones when they are written. Nothing has a name before its bytes are on disk:
a crash leaves only `.tmp` files, and of large outputs it costs only the last batch. Several threads may add at once.
"""

from __future__ import annotations

import os
from _thread import allocate_lock

from exptrack.files import publish, remove_if_there, sync_folder
from exptrack.store.copying import start_writing
from exptrack.store.durable import Disk
from exptrack.store.modes import make_folder
from exptrack.store.objects import Objects
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exptrack.store.hints import Hints

MANY, MUCH = 1024, 1 << 28
# Smaller ones are written by the time anybody would wait for them.
BEGUN = 1 << 16


class Bulk(Objects):
    """A store's objects; what is added has its name after `settle` or `commit`, at the latest. The caller ends with
    `drop`, whatever happened."""

    def __init__(self, root: str, hints: Hints | None = None) -> None:
        super().__init__(root, hints)
        self._lock = allocate_lock()
        self._waiting: dict[str, str] = {}
        self._size = 0
        self._folders: set[str] = set()
        self._trouble: dict[str, OSError] = {}
        self._disk: Disk | None = None
        self._made: set[str] = set()

    def _begin(self) -> None:
        if self._disk is None:
            make_folder(self.root, self.modes)
            with self._lock:
                self._disk = self._disk or Disk(self.root)

    def has(self, digest: str) -> bool:
        return self.path(digest) in self._waiting or super().has(digest)

    def touch(self, digest: str, size: int | None = None, source: bytes | int | None = None) -> bool:
        return self.path(digest) in self._waiting or super().touch(digest, size, source)

    def _seal(self, fd: int, tmp: str, path: str, size: int) -> None:
        self._close(fd, path, size)
        if size >= BEGUN:
            start_writing(fd)
        full: dict[str, str] = {}
        with self._lock:
            is_first = path not in self._waiting
            if is_first:
                # Without the one that is added now: what is added last may be a tree that promises all before it.
                if len(self._waiting) >= MANY or self._size >= MUCH:
                    full, self._waiting, self._size = self._waiting, {}, 0
                self._waiting[path] = tmp
                self._size += size
        if not is_first:
            remove_if_there(tmp)
        self._name(full)

    def _name(self, batch: dict[str, str]) -> None:
        """Make every file of a batch durable, then name it; what the disk refuses is noted and stays without a name."""
        if not batch:
            return
        refused = self._disk.sync([*batch.values()]) if self._disk else {}
        for path, tmp in batch.items():
            trouble = refused.get(tmp)
            if trouble is None:
                try:
                    self._publish(tmp, path)
                    continue
                except OSError as e:
                    trouble = e
            self._trouble[path] = trouble
            remove_if_there(tmp)

    def _publish(self, tmp: str, path: str) -> None:
        folder = os.path.dirname(path)
        if folder not in self._made:
            make_folder(folder, self.modes)
            self._made.add(folder)
        self._folders.add(folder)
        try:
            publish(tmp, path)
        except FileNotFoundError:
            make_folder(folder, self.modes)  # the store was taken away meanwhile
            publish(tmp, path)

    def settle(self) -> Mapping[str, OSError]:
        """Name what is waiting, then fsync the folders; tells what could not be stored, and forgets it. OSError when a
        folder refuses: then nobody knows what of it would outlive a crash."""
        waiting, self._waiting, self._size = self._waiting, {}, 0
        self._name(waiting)
        folders, self._folders = sorted(self._folders), set()
        for folder in (*folders, self.root) if folders else ():
            sync_folder(folder)
        trouble, self._trouble = self._trouble, {}
        return {path[len(self.root) :].replace(os.sep, ""): e for path, e in trouble.items()}

    def commit(self, last: str | None = None) -> None:
        """`settle` for those that need all of it: OSError when anything could not be stored. `last`: a digest that gets
        its name when all others are safe, since whoever finds it takes it for a sign that they are there."""
        path = self.path(last) if last else ""
        final = {path: tmp} if (tmp := self._waiting.pop(path, "")) else {}
        try:
            for trouble in self.settle().values():
                raise trouble
        finally:
            self._waiting |= final
        for trouble in self.settle().values():
            raise trouble

    def forget(self, digests: Iterable[str], spared: Iterable[str] = ()) -> None:
        lost = {path for path in map(self.path, digests) if path in self._waiting}
        lost.difference_update(map(self.path, spared))
        for path in lost:
            remove_if_there(self._waiting.pop(path))

    def drop(self) -> None:
        """Take away what has no name yet."""
        for tmp in self._waiting.values():
            remove_if_there(tmp)
        self._waiting.clear()
        if self._disk:
            self._disk.close()
