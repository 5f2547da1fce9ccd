"""How far a `verify` of a whole store came before it was interrupted: cache/verify, so that the next one goes on there.

A line an object that was read and found whole, with its inode, size and times; one that differs in any of them now is
read again. The list is that of one verify: it goes when that one ends, and counts for nothing after KEEP.
"""

from __future__ import annotations

import json
import os
import time

from exptrack.files import remove_if_there, write_all
from exptrack.record.rundir import utc

FILE = "verify"
FORMAT = 1
KEEP = 7 * 86400.0
EVERY = 2.0


class Unfinished:
    """`read`: object -> state of those found whole by the verify that began at `since` (seconds since the epoch)."""

    def __init__(self, folder: str, root: str) -> None:
        """`folder`: the project's cache; `root`: the store's folder, others' lists are not taken for ours."""
        self.path, self.root = os.path.join(folder, FILE), os.path.realpath(root)
        self.since = time.time()
        self.read: dict[str, str] = {}
        self._new: list[str] = []
        self._flushed = time.monotonic()
        self._load()

    def _load(self) -> None:
        try:
            with open(self.path, encoding="ascii") as f:
                head = json.loads(f.readline())
                is_ours = head["format"] == FORMAT and head["store"] == self.root
                if is_ours and 0 <= self.since - head["since"] < KEEP:
                    # A torn last line has no such state, and its object is read again.
                    self.read = dict(line.split() for line in f if line.count(" ") == 1)
                    self.since = float(head["since"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # no list, or none of ours: everything is read

    def is_read(self, digest: str, info: os.stat_result) -> bool:
        """Did the interrupted verify find this very file whole?"""
        return self.read.get(digest) == _state(info)

    def note(self, digest: str, info: os.stat_result) -> None:
        """It is whole; `info`: its lstat from before it was read. On disk within EVERY seconds: OSError."""
        self._new.append(f"{digest} {_state(info)}\n")
        if time.monotonic() - self._flushed >= EVERY:
            self.save()

    def save(self) -> None:
        """Write what is new. OSError."""
        self._flushed = time.monotonic()
        if not self._new:
            return
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        is_first = not self.read
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if is_first else os.O_APPEND)
        fd = os.open(self.path, flags, 0o600)
        try:
            if is_first:
                head = {"format": FORMAT, "store": self.root, "since": self.since, "at": utc(self.since)}
                write_all(fd, json.dumps(head).encode("ascii") + b"\n")
            write_all(fd, "".join(self._new).encode("ascii"))
        finally:
            os.close(fd)
        self.read |= dict(line.split() for line in self._new)
        self._new.clear()

    def forget(self) -> None:
        """The verify came to its end, or is to begin anew."""
        self.read.clear()
        self._new.clear()
        self.since = time.time()
        remove_if_there(self.path)


def _state(info: os.stat_result) -> str:
    return f"{info.st_ino}:{info.st_size}:{info.st_mtime_ns}:{info.st_ctime_ns}"
