"""One path that a run left - a file, or a folder with all that has bytes below it - on its way into the store."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from exptrack.config import FOLDER
from exptrack.model import Artifact, StoredFile
from exptrack.store.trees import encode_tree
from exptrack.typed import Any, Protocol


class Keeper(Protocol):
    """What takes bytes and tells their digest, from several threads at once: a store's objects, or only a hash."""

    def add_bytes(self, data: bytes) -> str: ...
    def add_file(self, path: str) -> tuple[str, int]: ...


class OneOutput:
    """First `look`, then `keep` each of `names` (from any thread), then `close`. `trouble`: why it cannot be kept;
    `left_out`: files of a folder that vanished or may not be read (with `is_strict` they are trouble too)."""

    def __init__(self, path: str, cwd: str, *, is_strict: bool = False) -> None:
        self.path, self.cwd, self.is_strict = path, cwd, is_strict
        self.look()

    def look(self) -> None:
        """See what is there; forgets what was kept before."""
        self.names: list[str] = []
        self.left_out: list[str] = []
        self.trouble: OSError | None = None
        self._files: dict[str, StoredFile] = {}
        self._tree, self._mode = "", 0
        try:
            self._mode = os.stat(self.path).st_mode
            if self.is_folder:
                self.names = sorted(walk(self.path, None if self.is_strict else self.left_out))
            elif stat.S_ISREG(self._mode):
                self.names = [""]
            else:
                self.trouble = OSError(0, "not a file or folder")
        except OSError as e:
            self.trouble = e

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self._mode)

    def size_of(self, name: str) -> int:
        """Bytes it has now; 0 when it is gone."""
        try:
            return os.lstat(os.path.join(self.path, name) if name else self.path).st_size
        except OSError:
            return 0

    def keep(self, objects: Keeper, name: str) -> None:
        """Store one file. A full disk costs the whole output: the rest is not even tried."""
        if self.trouble:
            return
        try:
            self._files[name] = self._store(objects, name)
        except (FileNotFoundError, PermissionError) as e:
            if self.is_folder and not self.is_strict and e.filename == os.path.join(self.path, name):
                self.left_out.append(f"{name}: {e.strerror}")
            else:
                self.trouble = e
        except OSError as e:
            self.trouble = e

    def _store(self, objects: Keeper, name: str) -> StoredFile:
        path, mode = self.path, self._mode
        if name:
            path = os.path.join(self.path, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                target = os.fsencode(os.readlink(path))
                return StoredFile(path=name, digest=objects.add_bytes(target), size=len(target), mode="120000")
        digest, size = objects.add_file(path)
        return StoredFile(path=name, digest=digest, size=size, mode="100755" if mode & 0o100 else "100644")

    def entries(self) -> list[StoredFile]:
        """The files that were kept, by path."""
        return [self._files[name] for name in self.names if name in self._files]

    def close(self, objects: Keeper) -> None:
        """Store the listing of a folder."""
        self.left_out.sort()
        if self.is_folder and not self.trouble:
            try:
                self._tree = objects.add_bytes(encode_tree(self.entries()))
            except OSError as e:
                self.trouble = e

    def digests(self) -> set[str]:
        """Everything of it that was given to the store."""
        return {f.digest for f in self._files.values()} | ({self._tree} if self._tree else set())

    def artifact(self, kind: str, *, is_older: bool = False) -> Artifact:
        """What the manifest says of it."""
        shown = os.path.relpath(self.path, self.cwd)
        shown = self.path if shown == ".." or shown.startswith("../") else shown
        if self.is_folder:
            size, files = sum(f.size for f in self._files.values()), len(self._files)
            facts: dict[str, Any] = {"digest": self._tree, "size": size, "files": files, "is_tree": True}
        else:
            one = self._files[""]
            facts = {"digest": one.digest, "size": one.size, "mode": one.mode}
        return Artifact(kind=kind, path=shown, is_older=is_older, **facts)


def walk(top: str, left_out: list[str] | None = None) -> Iterator[str]:
    """Relative paths of files and symlinks below a folder; pipes, sockets and devices are no bytes to keep, and a store
    is not put into itself. A folder that cannot be read is told to `left_out`; without that it is an OSError."""
    todo = [""]
    while todo:
        inside = todo.pop()
        try:
            with os.scandir(os.path.join(top, inside)) as found:
                entries = list(found)
        except OSError as e:
            if left_out is None:
                raise
            left_out.append(f"{inside or '.'}: {e.strerror}")
            continue
        for entry in entries:
            name = os.path.join(inside, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if entry.name != FOLDER:
                    todo.append(name)
            elif entry.is_symlink() or entry.is_file():
                yield name
