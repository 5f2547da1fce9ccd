"""Many objects at once: written first, made durable together, named last.

One fsync a file while the disk is still busy with the one before costs a third of a millisecond on a good disk and ten
on a bad one; a first snapshot has thousands. Nothing has a name before `commit`, so a crash leaves only `.tmp` files.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from exptrack.files import publish, remove_if_there, sync_folder
from exptrack.store.modes import make_folder
from exptrack.store.objects import Objects

if TYPE_CHECKING:
    from typing import IO


class Bulk(Objects):
    """A store's objects; what is added gets its name at `commit`. The caller ends with `drop`, whatever happened."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._waiting: dict[str, str] = {}

    def has(self, digest: str) -> bool:
        return self.path(digest) in self._waiting or super().has(digest)

    def _seal(self, f: IO[bytes], tmp: str, path: str) -> None:
        if path in self._waiting:
            remove_if_there(tmp)
            return
        f.flush()
        os.fchmod(f.fileno(), self.modes.object)
        self._waiting[path] = tmp

    def commit(self) -> None:
        """fsync every file, then name every file, then fsync the folders; OSError leaves none of the rest named."""
        for tmp in self._waiting.values():
            fd = os.open(tmp, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        folders = {os.path.dirname(path) for path in self._waiting}
        for folder in folders:
            make_folder(folder, self.modes)
        for path in list(self._waiting):
            publish(self._waiting.pop(path), path)
        for folder in (*folders, self.root) if folders else ():
            sync_folder(folder)

    def drop(self) -> None:
        """Take away what has no name yet."""
        for tmp in self._waiting.values():
            remove_if_there(tmp)
        self._waiting.clear()
