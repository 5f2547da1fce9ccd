"""Many new files made durable: one syncfs(2) for all of them where it can be believed, else one fsync(2) each.

An fsync of a file whose bytes are on their way already still costs a flush of the disk's own cache, 0.2 ms a file. One
syncfs waits for all of them together, but also for what others wrote to that disk; so it is for many files only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from exptrack.store.copying import start_writing

# From so many files on one syncfs is cheaper, also where somebody else keeps the disk busy: a first snapshot of a few
# changed files, which the child waits for, must not wait for another training's checkpoint.
MANY = 128
# File systems of Linux whose syncfs(2) tells of bytes that did not arrive, by statfs(2)'s f_type: ext4, XFS, btrfs,
# F2FS. Not overlayfs (the errors are its lower one's), FUSE (it need not ask its server), NFS (quotas answer late).
KNOWN = (0xEF53, 0x58465342, 0x9123683E, 0xF2F52010)
# Before this version of Linux syncfs(2) kept such errors to itself.
TELLS = (5, 8)


class Disk:
    """The file system that a folder lies on. To be made before the files are written: the kernel tells each open
    descriptor what has gone wrong since it was opened."""

    def __init__(self, folder: str) -> None:
        self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if sys.platform == "linux" else -1
        self._is_known: bool | None = None

    def sync(self, paths: Sequence[str]) -> dict[str, OSError]:
        """Wait until the disk has all of these; tells those that it refused or that are gone. Any thread may ask."""
        if len(paths) >= MANY and self._fd >= 0:
            if self._is_known is None:
                self._is_known = _tells_all(self._fd)
            if self._is_known and sync_all(self._fd):
                return {}
        for path in paths:
            _visit(path, start_writing)
        return {path: e for path in paths if (e := _visit(path, os.fsync))}

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def sync_all(fd: int) -> bool:
    """syncfs(2), which Python does not have; False when bytes of somebody's were lost, and each file must be asked."""
    import ctypes

    return int(ctypes.CDLL(None).syncfs(fd)) == 0


def _tells_all(fd: int) -> bool:
    import ctypes

    major, minor, *_ = (*os.uname().release.split("."), "0")
    # struct statfs begins with f_type, a long nearly everywhere; elsewhere another number is found, and none is known.
    found = (ctypes.c_long * 64)()
    is_told = ctypes.CDLL(None).fstatfs(fd, found) == 0 and found[0] in KNOWN
    return is_told and minor.isdigit() and (int(major), int(minor)) >= TELLS


def _visit(path: str, do: Callable[[int], None]) -> OSError | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            do(fd)
        finally:
            os.close(fd)
    except OSError as e:
        return e
    return None
