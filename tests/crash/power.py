"""Power loss, simulated: every call that changes the disk is noted, and then the disk is made anew as it may look after
a crash between any two of them.

What is simulated is what POSIX allows and file systems do. Bytes of a file count once the file was fsynced, names in a
folder once the folder was. What was not synced is, in one world each: gone (`strict`); there by name, but empty, as
delayed allocation leaves it (`empty`); there by name with half its bytes (`torn`). Calls made by C code (buffered
files, SQLite) are not seen: such files are taken as they were at the beginning, and so the index is left out.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

WORLDS = ("strict", "empty", "torn")

# Runs `code` and appends one JSON line for each call below `top` to `journal`, after the call came back well.
RECORDER = """
import base64, json, os, sys, threading
top, journal, code = sys.argv[1:4]
# A call and its note are one step: of two threads none may note before the other what it did after it.
turn = threading.RLock()
paths, said = {}, os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
real = {n: getattr(os, n) for n in ("open", "write", "fsync", "close", "link", "replace", "rename", "unlink", "mkdir",
                                    "rmdir", "ftruncate")}

def note(*words):
    real["write"](said, json.dumps(words).encode() + b"\\n")

def inside(path):
    return isinstance(path, str) and os.path.abspath(path).startswith(top + "/")

def name(path):
    return os.path.relpath(os.path.abspath(path), top)

def call_open(path, flags, *rest, **more):
    is_new = inside(path) and flags & os.O_CREAT and not os.path.lexists(path)
    fd = real["open"](path, flags, *rest, **more)
    paths.pop(fd, None)
    if inside(path):
        paths[fd] = name(path)
        if is_new:
            note("create", name(path))
        elif flags & os.O_TRUNC:
            note("truncate", name(path), 0)
    return fd

def call_write(fd, data):
    at = os.fstat(fd).st_size if fd in paths else 0
    count = real["write"](fd, data)
    if fd in paths:
        note("write", paths[fd], at, base64.b64encode(bytes(data)[:count]).decode())
    return count

def call_fsync(fd):
    real["fsync"](fd)
    if fd in paths:
        note("fsync", paths[fd])

def call_ftruncate(fd, size):
    real["ftruncate"](fd, size)
    if fd in paths:
        note("truncate", paths[fd], size)

def two(kind):
    def call(a, b, **more):
        real[kind](a, b, **more)
        if inside(a) or inside(b):
            note("link" if kind == "link" else "rename", name(a), name(b))
            for fd, path in paths.items():
                if path == name(a) and kind != "link":
                    paths[fd] = name(b)
    return call

def one(kind):
    def call(path, *rest, **more):
        real[kind](path, *rest, **more)
        if inside(path):
            note(kind, name(path))
    return call

def in_turn(call):
    def alone(*words, **more):
        with turn:
            return call(*words, **more)
    return alone

def call_syncfs(fd):
    is_done = real_syncfs(fd)
    if is_done:
        note("syncfs", ".")
    return is_done

os.open, os.write, os.fsync, os.ftruncate = map(in_turn, (call_open, call_write, call_fsync, call_ftruncate))
for kind in ("link", "replace", "rename"):
    setattr(os, kind, in_turn(two(kind)))
for kind in ("unlink", "mkdir", "rmdir"):
    setattr(os, kind, in_turn(one(kind)))
from exptrack.store import durable
real_syncfs, durable.sync_all = durable.sync_all, in_turn(call_syncfs)
exec(compile(code, "code", "exec"), {"note": note})
"""


@dataclass
class File:
    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""


@dataclass
class Folder:
    names: dict[str, File | Folder] = field(default_factory=dict)
    synced: dict[str, File | Folder] = field(default_factory=dict)


class Disk:
    """A folder as it was and as it becomes, call by call."""

    def __init__(self, top: Path) -> None:
        self.root = self._load(top)

    def _load(self, path: Path) -> Folder:
        folder = Folder()
        for entry in path.iterdir():
            data = entry.read_bytes() if entry.is_file() else b""
            folder.names[entry.name] = File(bytearray(data), data) if entry.is_file() else self._load(entry)
        folder.synced = dict(folder.names)
        return folder

    def _at(self, path: str) -> File | Folder:
        here: File | Folder = self.root
        for part in path.split("/") if path != "." else ():
            assert isinstance(here, Folder)
            here = here.names[part]
        return here

    def _names(self, path: str) -> dict[str, File | Folder]:
        folder = self._at(os.path.dirname(path) or ".")
        assert isinstance(folder, Folder)
        return folder.names

    def apply(self, kind: str, path: str, *rest: object) -> None:
        base = os.path.basename(path)
        if kind in ("create", "mkdir"):
            self._names(path)[base] = File() if kind == "create" else Folder()
        elif kind in ("unlink", "rmdir"):
            self._names(path).pop(base, None)  # its making may not have been seen
        elif kind in ("link", "rename"):
            target = str(rest[0])
            self._names(target)[os.path.basename(target)] = self._at(path)
            if kind == "rename":
                del self._names(path)[base]
        elif kind == "syncfs":
            self._sync(self.root)
        elif kind == "fsync":
            found = self._at(path)
            if isinstance(found, File):
                found.synced = bytes(found.data)
            else:
                found.synced = dict(found.names)
        else:
            file = self._at(path)
            assert isinstance(file, File)
            at = int(str(rest[0]))
            if kind == "write":
                file.data[at:] = base64.b64decode(str(rest[1]))
            else:
                del file.data[at:]

    def _sync(self, what: File | Folder) -> None:
        if isinstance(what, File):
            what.synced = bytes(what.data)
            return
        what.synced = dict(what.names)
        for entry in what.names.values():
            self._sync(entry)

    def write(self, folder: Path, world: str) -> None:
        """The disk as it may look after the power came back."""
        self._write(self.root, folder, world)

    def _write(self, what: Folder, path: Path, world: str) -> None:
        path.mkdir(parents=True)
        for name, entry in (what.synced if world == "strict" else what.names).items():
            if isinstance(entry, Folder):
                self._write(entry, path / name, world)
                continue
            data = entry.synced
            if world == "torn" and len(entry.data) > len(entry.synced):
                data = bytes(entry.data[: (len(entry.synced) + len(entry.data)) // 2])
            (path / name).write_bytes(data)


def journal_of(code: str, top: Path, folder: Path) -> list[list[object]]:
    """Run `code` on `folder` (which changes) and return what it did there. `note("said", ...)` in it marks a moment."""
    path = top / "journal"
    done = subprocess.run(
        [sys.executable, "-c", RECORDER, str(folder), str(path), code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in path.read_text().splitlines()]


def after_every_call(disk: Disk, journal: list[list[object]], top: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """(folder, what happened, moments that were marked before it) for every call and world; the folder is fresh."""
    said: list[str] = []
    for number, (kind, *words) in enumerate(journal):
        if kind == "said":
            said = [*said, str(words[0])]
        else:
            disk.apply(str(kind), *[str(w) for w in words])
        for world in WORLDS:
            folder = top / f"{number}-{world}"
            disk.write(folder, world)
            yield folder, f"after call {number}, {kind} {words[0]}, {world}", said
            shutil.rmtree(folder)
