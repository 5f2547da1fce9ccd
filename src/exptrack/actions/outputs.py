"""Declared outputs -> objects. Also after a failure: what the program left behind is exactly what is missed later."""

from __future__ import annotations

import glob
import os
import stat
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from exptrack.model import Artifact, Declared, StoredFile
from exptrack.store.trees import encode_tree


class Keeper(Protocol):
    """What takes bytes and tells their digest: a store's objects, or only a hash."""

    def add_bytes(self, data: bytes) -> str: ...
    def add_file(self, path: str) -> tuple[str, int]: ...


def keep_outputs(
    objects: Keeper, declared: Sequence[Declared], cwd: str, started_at: str
) -> tuple[list[Artifact], list[str]]:
    """Store every file or folder that matches; (artifacts, warnings). A pattern without a match is a warning."""
    kept: list[Artifact] = []
    warnings: list[str] = []
    for output in declared:
        pattern = os.path.join(cwd, os.path.expanduser(output.pattern))
        found = [pattern] if os.path.lexists(pattern) else sorted(glob.glob(pattern, recursive=True))
        if not found:
            warnings.append(f"output {output.label} is missing: nothing at {output.pattern}")
        for path in found:
            try:
                kept.append(_keep(objects, output.label, path, cwd))
            except OSError as e:
                warnings.append(f"output {output.label} not kept: {path}: {e.strerror or e}")
                continue
            if is_older(path, started_at):
                warnings.append(f"output {output.label}: {output.pattern} was not written by this run: it is older")
    return kept, warnings


def _keep(objects: Keeper, kind: str, path: str, cwd: str) -> Artifact:
    shown = os.path.relpath(path, cwd)
    shown = path if shown.startswith("..") else shown
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        files = keep_folder(objects, path)
        digest = objects.add_bytes(encode_tree(files))
        size = sum(f.size for f in files)
        return Artifact(kind=kind, path=shown, digest=digest, size=size, files=len(files), is_tree=True)
    if not stat.S_ISREG(mode):
        raise OSError(0, "not a file or folder")
    digest, size = objects.add_file(path)
    return Artifact(kind=kind, path=shown, digest=digest, size=size, mode="100755" if mode & 0o100 else "100644")


def keep_folder(objects: Keeper, top: str) -> list[StoredFile]:
    """Everything below a folder that has bytes, as the entries of its tree."""
    return [_keep_entry(objects, top, name) for name in sorted(_walk(top))]


def _keep_entry(objects: Keeper, top: str, name: str) -> StoredFile:
    path = os.path.join(top, name)
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        target = os.fsencode(os.readlink(path))
        return StoredFile(path=name, digest=objects.add_bytes(target), size=len(target), mode="120000")
    digest, size = objects.add_file(path)
    return StoredFile(path=name, digest=digest, size=size, mode="100755" if info.st_mode & 0o100 else "100644")


def _walk(top: str) -> Iterator[str]:
    """Relative paths of files and symlinks below a folder; pipes, sockets and devices are no bytes to keep."""
    for folder, folders, files in os.walk(top):
        for name in [*files, *(d for d in folders if os.path.islink(os.path.join(folder, d)))]:
            path = os.path.join(folder, name)
            if stat.S_ISREG(os.lstat(path).st_mode) or os.path.islink(path):
                yield os.path.relpath(path, top)


def is_older(path: str, started_at: str) -> bool:
    """Was nothing at `path` written since the run started? Two seconds of slack for coarse clocks of file systems."""
    import calendar

    began = calendar.timegm(time.strptime(started_at[:19], "%Y-%m-%dT%H:%M:%S")) - 2
    if os.path.isdir(path):
        return all(os.lstat(os.path.join(path, n)).st_mtime < began for n in _walk(path))
    return os.stat(path).st_mtime < began
