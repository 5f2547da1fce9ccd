"""Declared inputs -> digests and sizes; the bytes are not kept.

A file's digest is the sha256 of its bytes, a folder's or glob's that of the tree of its files (paths below it, no
modes, symlinks followed), so the same data set has the same digest wherever it is mounted.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence

from exptrack.capture.digests import DigestCache, digest_file
from exptrack.config import FOLDER
from exptrack.model import Declared, Input, StoredFile

CACHE = "digests.jsonl"
_MAGIC = frozenset("*?[")
_MOST_NAMED = 3

EncodeTree = Callable[[Iterable[StoredFile]], bytes]


def capture_inputs(
    declared: Sequence[Declared],
    cwd: str,
    cache_folder: str,
    encode_tree: EncodeTree,
    is_rewritten: Callable[[os.stat_result], bool] = lambda _: False,
) -> tuple[list[Input], list[str]]:
    """One Input for each declared one, and what there is to warn of. A missing or partly unreadable input has no
    digest; nothing is raised for the state of the data. `encode_tree`: canonical bytes of a list of files.
    `is_rewritten`: were a file's bytes written after the run began, so that it may have read others?"""
    cache = DigestCache(os.path.join(cache_folder, CACHE))
    inputs, warnings = [], []
    for one in declared:
        reader = _Reader(cache, is_rewritten)
        inputs.append(_capture(one, cwd, reader, encode_tree))
        if reader.problems:
            more = len(reader.problems) - _MOST_NAMED
            text = "; ".join(reader.problems[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
            warnings.append(f"input {one.label or one.pattern}: {text}")
        if reader.rewritten:
            which = os.path.relpath(reader.rewritten[0], cwd)
            which += f" and {len(reader.rewritten) - 1} more" if len(reader.rewritten) > 1 else ""
            warnings.append(
                f"input {one.label or one.pattern}: {which} changed after the run began: the digest may not be that of "
                "the bytes it read"
            )
    try:
        cache.save()
    except OSError as e:
        warnings.append(f"digests of inputs are not remembered: {e}")
    return inputs, warnings


def _capture(one: Declared, cwd: str, reader: _Reader, encode_tree: EncodeTree) -> Input:
    # The shell does not expand `~` behind `NAME=`.
    path = os.path.join(cwd, os.path.expanduser(one.pattern))
    name = one.label or one.pattern
    if os.path.isfile(path):
        file = reader.read(path, path)
        digest, size = (file.digest, file.size) if file else (None, 0)
        return Input(name=name, path=one.pattern, digest=digest, size=size, files=1 if file else 0)
    found = _Tree(reader)
    if os.path.isdir(path):
        found.add_folder(path, path)
    elif not _MAGIC.isdisjoint(one.pattern):
        found.add_matches(path)
    if not found.files and not os.path.isdir(path):
        reader.problems.append(f"{one.pattern} is not there" if not reader.problems else "nothing could be read")
        return Input(name=name, path=one.pattern, digest=None, size=0, files=0)
    return Input(
        name=name,
        path=one.pattern,
        # A digest of a part would pass for one of the whole.
        digest=None if reader.problems else _digest(encode_tree(found.files)),
        size=sum(f.size for f in found.files),
        files=len(found.files),
    )


def _digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


class _Reader:
    """Digests through the cache; what cannot be read is a problem, not an exception."""

    def __init__(self, cache: DigestCache, is_rewritten: Callable[[os.stat_result], bool]) -> None:
        self.cache, self.is_rewritten = cache, is_rewritten
        self.problems: list[str] = []
        self.rewritten: list[str] = []

    def read(self, path: str, name: str) -> StoredFile | None:
        """The file as an entry called `name`; None when it cannot be read or is no regular file."""
        try:
            now = os.stat(path)
            if not stat.S_ISREG(now.st_mode):
                self.problems.append(f"{path} is no file")  # a FIFO would be waited for, a device never ends
                return None
            digest = self.cache.digest_of(path, now)
            if digest is None:
                digest, now = digest_file(path)
                self.cache.remember(path, now, digest)
        except OSError as e:
            self.problems.append(f"{path}: {e.strerror or e}")
            return None
        if self.is_rewritten(now):
            self.rewritten.append(path)
        return StoredFile(path=name, digest=digest, size=now.st_size)


class _Tree:
    """The files of one folder or glob, each path once."""

    def __init__(self, reader: _Reader) -> None:
        self.reader = reader
        self.files: list[StoredFile] = []

    def add_folder(self, folder: str, base: str) -> None:
        for path in self._walk(folder, frozenset()):
            self._add(path, base)

    def add_matches(self, pattern: str) -> None:
        """Files of a glob, `**` included, and those below folders it names; paths below its fixed part."""
        import glob

        base = pattern
        while not _MAGIC.isdisjoint(base):
            base = os.path.dirname(base)
        paths: set[str] = set()
        for match in glob.iglob(pattern, recursive=True):
            paths.update(self._walk(match, frozenset()) if os.path.isdir(match) else (match,))
        for path in sorted(paths):
            self._add(path, base)

    def _add(self, path: str, base: str) -> None:
        file = self.reader.read(path, os.path.relpath(path, base))
        if file is not None:
            self.files.append(file)

    def _walk(self, folder: str, above: frozenset[tuple[int, int]]) -> Iterator[str]:
        """Every file below, links to folders followed except into a folder we are in; our own records are no data."""
        try:
            here = os.stat(folder)
            with os.scandir(folder) as found:
                entries = sorted((e.name, e.is_dir()) for e in found if e.name != FOLDER)
        except OSError as e:
            self.reader.problems.append(f"{folder}: {e.strerror or e}")
            return
        identity = (here.st_dev, here.st_ino)
        if identity in above:
            return
        for name, is_folder in entries:
            path = os.path.join(folder, name)
            if is_folder:
                yield from self._walk(path, above | {identity})
            else:
                yield path
