"""One path that a run left - a file, or a folder with all that has bytes below it - on its way into the store."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from exptrack.config import FOLDER
from exptrack.files import shown_path
from exptrack.model import Artifact, StoredFile
from exptrack.store.listing import Listing
from exptrack.typed import Any, NamedTuple, Protocol

# Files of a folder that are taken by one thread at once: one by one while they are few, since each may be large.
MOST_AT_ONCE, SHARE = 64, 32


class Keeper(Protocol):
    """What takes bytes and tells their digest, from several threads at once: a store's objects, or only a hash."""

    def add_bytes(self, data: bytes) -> str: ...
    def add_file(self, path: str) -> tuple[str, int]: ...


class Stretch(NamedTuple):
    """Some files of a folder that follow each other, and the how-manieth of such they are."""

    place: int
    names: list[str]


class OneOutput:
    """First `look`, then `keep` each of the `stretches` (from any thread), then `close`. `trouble`: why it cannot be
    kept; `left_out`: files of a folder that vanished or may not be read (with `is_strict` they are trouble too).
    `scratch`: a folder for what is too long a listing for memory; `done` when nothing is asked any more."""

    def __init__(self, path: str, cwd: str, scratch: str | None, *, is_strict: bool = False) -> None:
        self.path, self.cwd, self.scratch, self.is_strict = path, cwd, scratch, is_strict
        self._below = os.path.join(path, "")
        self._listing = Listing(scratch)
        self.look()

    def look(self) -> None:
        """See what is there; forgets what was kept before."""
        self.left_out: list[str] = []
        self.trouble: OSError | None = None
        self._listing.close()
        self._listing = Listing(self.scratch)
        self._one: StoredFile | None = None
        self._tree, self._mode = "", 0
        try:
            self._mode = os.stat(self.path).st_mode
            if not self.is_folder and not stat.S_ISREG(self._mode):
                self.trouble = OSError(0, "not a file or folder")
        except OSError as e:
            self.trouble = e

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self._mode)

    def stretches(self) -> Iterator[Stretch]:
        """Everything there is to keep; folders are looked into on the way."""
        if self.trouble:
            return
        if not self.is_folder:
            yield Stretch(0, [""])
            return
        names = walk(self.path, None if self.is_strict else self.left_out)
        count = place = 0
        try:
            while some := list(islice(names, min(MOST_AT_ONCE, 1 + count // SHARE))):
                yield Stretch(place, some)
                count, place = count + len(some), place + 1
        except OSError as e:
            self.trouble = e

    def size_of(self, name: str) -> int:
        """Bytes it has now; 0 when it is gone."""
        try:
            return os.lstat(os.path.join(self.path, name) if name else self.path).st_size
        except OSError:
            return 0

    def keep(self, objects: Keeper, stretch: Stretch) -> None:
        """Store some files. A full disk costs the whole output: the rest is not even tried."""
        kept = []
        for name in stretch.names:
            if self.trouble:
                break
            try:
                kept.append(self._store(objects, name))
            except (FileNotFoundError, PermissionError) as e:
                if self.is_folder and not self.is_strict and e.filename == self._below + name:
                    self.left_out.append(f"{name}: {e.strerror}")
                else:
                    self.trouble = e
            except OSError as e:
                self.trouble = e
        if not self.is_folder:
            self._one = kept[0] if kept else None
        elif kept:
            try:
                self._listing.add(stretch.place, kept)
            except OSError as e:
                self.trouble = e

    def _store(self, objects: Keeper, name: str) -> StoredFile:
        path, mode = self.path, self._mode
        if name:
            path = self._below + name
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                target = os.fsencode(os.readlink(path))
                return StoredFile(path=name, digest=objects.add_bytes(target), size=len(target), mode="120000")
        digest, size = objects.add_file(path)
        return StoredFile(path=name, digest=digest, size=size, mode="100755" if mode & 0o100 else "100644")

    def entries(self) -> Iterator[StoredFile]:
        """The files that were kept, by path."""
        return self._listing.files() if self._one is None else iter([self._one])

    def close(self, add_pieces: Callable[[Iterable[bytes]], str]) -> None:
        """Store the listing of a folder."""
        self.left_out.sort()
        if self.is_folder and not self.trouble:
            try:
                self._tree = add_pieces(self._listing.pieces())
            except OSError as e:
                self.trouble = e

    def done(self) -> None:
        self._listing.close()

    def digests(self) -> Iterator[str]:
        """Everything of it that was given to the store."""
        yield from (f.digest for f in self.entries())
        if self._tree:
            yield self._tree

    def artifact(self, kind: str, *, is_older: bool = False) -> Artifact:
        """What the manifest says of it."""
        shown = shown_path(self.path, self.cwd)
        if self.is_folder:
            size, files = self._listing.size, self._listing.count
            facts: dict[str, Any] = {"digest": self._tree, "size": size, "files": files, "is_tree": True}
        else:
            assert self._one is not None
            facts = {"digest": self._one.digest, "size": self._one.size, "mode": self._one.mode}
        return Artifact(kind=kind, path=shown, is_older=is_older, **facts)


def walk(top: str, left_out: list[str] | None = None) -> Iterator[str]:
    """Relative paths of files and symlinks below a folder, sorted as a tree lists them; pipes, sockets and devices are
    no bytes to keep, and a store is not put into itself. A folder that cannot be read is told to `left_out`; without
    that it is an OSError. Held in memory are the names of one folder, and of those around it."""
    todo = [iter([""])]
    folders = [""]
    while todo:
        name = next(todo[-1], None)
        if name is None:
            todo.pop()
            folders.pop()
            continue
        path = folders[-1] + name
        if name and not name.endswith("/"):
            yield path
            continue
        try:
            todo.append(iter(_inside(os.path.join(top, path))))
            folders.append(path)
        except OSError as e:
            if left_out is None:
                raise
            left_out.append(f"{path.rstrip('/') or '.'}: {e.strerror}")


def _inside(folder: str) -> list[str]:
    """Names in a folder, those of folders with a slash behind them: so they sort as the paths of what is in them do."""
    names = []
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != FOLDER:
                    names.append(entry.name + "/")
            elif entry.is_symlink() or entry.is_file():
                names.append(entry.name)
    names.sort()
    return names
