"""What the last snapshot saw: its tree, and of every file the path, lstat and line in the tree. A cache: a file that is
missing, torn or not understood is an empty one.

Every line belongs to the tree that `tree` names, so a store that has the tree has all their bytes. A row is
(mode, inode, mtime, ctime, size): when lstat says the same again, the bytes are the same. Rows that were too fresh to
tell a later change are kept with time 0, which never matches.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zlib
from array import array
from functools import cached_property

from exptrack.typed import Any

CACHE_FILE = "snapshot"
VERSION = 2
WIDTH = 5
ABSENT = (0,) * WIDTH
_ALL_BITS = (1 << 64) - 1  # inode numbers may use the top bit, times may be before 1970
_SECOND = 1_000_000_000

Row = tuple[int, ...]


def row_of(st: os.stat_result) -> Row:
    """A file's lstat as a row."""
    return (
        st.st_mode,
        st.st_ino & _ALL_BITS,
        st.st_mtime_ns & _ALL_BITS,
        st.st_ctime_ns & _ALL_BITS,
        st.st_size,
    )


def look_at(path: str) -> Row:
    """lstat as a row; ABSENT for what is not there."""
    try:
        return row_of(os.lstat(path))
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT


def settled(row: Row) -> Row:
    """The row as it may be remembered now. As with git's racy entries: a file changed within the clock's granularity
    could change again without a new time. Whole seconds hint at a file system that keeps no finer ones."""
    newest = max(row[2], row[3])
    granularity = 2 * _SECOND if newest % _SECOND == 0 else _SECOND // 10
    return row if newest < time.time_ns() - granularity else (row[0], row[1], 0, 0, row[4])


class Seen:
    """One cache file, read as a whole; its columns are taken apart when first asked for."""

    def __init__(self, head: dict[str, Any], body: memoryview) -> None:
        self.tree: str | None = head.get("tree")
        self.repositories: dict[str, dict[str, Any]] = {r["prefix"]: r for r in head.get("repositories", ())}
        self.unsure: set[str] = set(head.get("unsure", ()))
        self.masked: dict[str, list[int]] = head.get("masked", {})
        first, second = head.get("parts", (0, 0))
        self._paths, self._rows, self._lines = body[:first], body[first : first + second], body[first + second :]

    @cached_property
    def paths(self) -> list[str]:
        return os.fsdecode(bytes(self._paths)).split("\0") if self._paths else []

    @cached_property
    def rows(self) -> array[int]:
        rows = array("Q")
        rows.frombytes(self._rows)
        return rows

    @cached_property
    def lines(self) -> list[str]:
        return str(self._lines, "ascii").split("\n") if self.paths else []

    @cached_property
    def places(self) -> dict[str, int]:
        return {p: i for i, p in enumerate(self.paths)}

    def row(self, place: int) -> Row:
        return tuple(self.rows[place * WIDTH : place * WIDTH + WIDTH])

    def digest(self, place: int) -> str:
        """The digest in the line of a file that was there."""
        return str(json.loads(self.lines[place])[3])

    def segment(self, prefix: str) -> tuple[int, int]:
        """Where the tracked files of a repository are: first place and count."""
        start = 0
        for other, head in self.repositories.items():
            if other == prefix:
                return start, head["count"]
            start += head["count"]
        return start, 0

    def unsure_of(self, prefix: str) -> list[str]:
        """Tracked files of a repository that were not clean last time: what is known of them is not git's version."""
        start, count = self.segment(prefix)
        return [p for p in self.unsure if start <= self.places.get(p, -1) < start + count]

    def sizes(self, start: int, count: int) -> list[int]:
        """Bytes of `count` files from a place on."""
        return self.rows[start * WIDTH + 4 : (start + count) * WIDTH : WIDTH].tolist()


def load(path: str, settings: str) -> Seen:
    """Read the cache; an empty Seen unless it is whole and was made under the same settings."""
    try:
        with open(path, "rb") as f:
            first, body = f.readline(), f.read()
        head = json.loads(first)
        expected = [VERSION, sys.byteorder, settings, zlib.crc32(body)]
        if head["mark"] == expected:
            return Seen(head, memoryview(body))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no cache, or none of ours: the snapshot is then taken from the files alone
    return Seen({}, memoryview(b""))


def save(
    path: str,
    settings: str,
    head: dict[str, Any],
    *,
    paths: list[str],
    rows: array[int],
    lines: list[str],
) -> None:
    """Write the cache; `head` has tree, repositories, unsure and masked (path -> lines)."""
    from exptrack.files import write_atomic

    names = os.fsencode("\0".join(paths))
    body = names + rows.tobytes() + "\n".join(lines).encode("ascii")
    mark = [VERSION, sys.byteorder, settings, zlib.crc32(body)]
    first = json.dumps({**head, "mark": mark, "parts": [len(names), len(rows) * rows.itemsize]})
    os.makedirs(os.path.dirname(path), exist_ok=True)
    write_atomic(path, first.encode("ascii") + b"\n" + body, durable=False)
