"""Declared outputs -> objects. Also after a failure: what the program left behind is exactly what is missed later."""

from __future__ import annotations

import glob
import os
import stat
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from exptrack.config import FOLDER
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
    kept: dict[tuple[str, str], Artifact] = {}
    warnings: list[str] = []
    for output in declared:
        found = _find(output.pattern, cwd)
        if not found:
            warnings.append(f"output {output.label} is missing: nothing at {output.pattern}")
        for path in found:
            left_out: list[str] = []
            try:
                artifact = _keep(objects, output.label, path, cwd, left_out)
            except OSError as e:
                warnings.append(f"output {output.label} not kept: {path}: {e.strerror or e}")
                continue
            kept[artifact.kind, artifact.path] = artifact
            warnings += [f"output {output.label}: {path}: left out {what}" for what in left_out]
            if is_older(path, started_at):
                warnings.append(f"output {output.label}: {output.pattern} was not written by this run: it is older")
    return list(kept.values()), warnings


def _find(pattern: str, cwd: str) -> list[str]:
    """What a pattern names, outermost only: `out/**` matches a folder and everything in it."""
    try:
        full = os.path.join(cwd, os.path.expanduser(pattern))
        found = [full] if os.path.lexists(full) else glob.glob(full, recursive=True)
    except ValueError:
        return []  # a NUL, or a character no file name can have: a program may declare anything
    out: list[str] = []
    for path in sorted(found, key=lambda p: p.split("/")):
        if not (out and os.path.isdir(out[-1]) and path.startswith(os.path.join(out[-1], ""))):
            out.append(path)
    return out


def _keep(objects: Keeper, kind: str, path: str, cwd: str, left_out: list[str]) -> Artifact:
    shown = os.path.relpath(path, cwd)
    shown = path if shown == ".." or shown.startswith("../") else shown
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        files = keep_folder(objects, path, left_out)
        digest = objects.add_bytes(encode_tree(files))
        size = sum(f.size for f in files)
        return Artifact(kind=kind, path=shown, digest=digest, size=size, files=len(files), is_tree=True)
    if not stat.S_ISREG(mode):
        raise OSError(0, "not a file or folder")
    digest, size = objects.add_file(path)
    return Artifact(kind=kind, path=shown, digest=digest, size=size, mode="100755" if mode & 0o100 else "100644")


def keep_folder(objects: Keeper, top: str, left_out: list[str] | None = None) -> list[StoredFile]:
    """Everything below a folder that has bytes, as the entries of its tree. With `left_out` (why, one a file) a file
    that vanished or may not be read costs only itself; a full disk costs all: OSError."""
    kept = []
    for name in sorted(_walk(top, left_out)):
        try:
            kept.append(_keep_entry(objects, top, name))
        except (FileNotFoundError, PermissionError) as e:
            if left_out is None:
                raise
            left_out.append(f"{name}: {e.strerror}")
    return kept


def _keep_entry(objects: Keeper, top: str, name: str) -> StoredFile:
    path = os.path.join(top, name)
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        target = os.fsencode(os.readlink(path))
        return StoredFile(path=name, digest=objects.add_bytes(target), size=len(target), mode="120000")
    digest, size = objects.add_file(path)
    return StoredFile(path=name, digest=digest, size=size, mode="100755" if info.st_mode & 0o100 else "100644")


def _walk(top: str, left_out: list[str] | None = None) -> Iterator[str]:
    """Relative paths of files and symlinks below a folder; pipes, sockets and devices are no bytes to keep, and a store
    is not put into itself."""

    def unreadable(e: OSError) -> None:
        if left_out is None:
            raise e
        left_out.append(f"{os.path.relpath(e.filename, top)}: {e.strerror}")

    for folder, folders, files in os.walk(top, onerror=unreadable):
        folders[:] = [d for d in folders if d != FOLDER]
        for name in [*files, *(d for d in folders if os.path.islink(os.path.join(folder, d)))]:
            path = os.path.join(folder, name)
            if os.path.islink(path) or os.path.isfile(path):
                yield os.path.relpath(path, top)


def is_older(path: str, started_at: str) -> bool:
    """Was nothing at `path` written since the run started? Two seconds of slack for coarse clocks of file systems.
    False for what has gone meanwhile."""
    import calendar

    began = calendar.timegm(time.strptime(started_at[:19], "%Y-%m-%dT%H:%M:%S")) - 2
    try:
        inside = _walk(path, []) if os.path.isdir(path) else ()
        return all(
            os.lstat(p).st_mtime < began for p in (os.path.realpath(path), *(os.path.join(path, n) for n in inside))
        )
    except FileNotFoundError:
        return False
