"""The logs of a live run, read while they grow: every byte once, in the order of arrival as far as `chunks` tells yet.

Files stay open from when they are first seen: sealing a run removes their names, not what is still to be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

from exptrack.record.logs import read_entry
from exptrack.record.tail import BLOCK, STREAMS
from exptrack.typed import BinaryIO


class GrowingLogs:
    """The logs in a run's directory; `stack` closes them."""

    def __init__(self, folder: str, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._files: dict[str, BinaryIO] = {}
        self._chunks: BinaryIO | None = None
        # Bytes of each stream that `chunks` accounts for.
        self._due = dict.fromkeys(STREAMS, 0)

    @property
    def opened(self) -> set[str]:
        """The streams that were there to be read."""
        return set(self._files)

    def take(self) -> Iterator[tuple[str, bytes]]:
        """(stream, block) of all that has come since the last time, blocks of at most 1 MiB."""
        self._open()
        while entry := self._next_entry():
            name, size = entry
            self._due[name] += size
            yield from self._read(name, self._due[name])
        for name in STREAMS:
            yield from self._read(name, None)

    def _open(self) -> None:
        for name in STREAMS:
            if name not in self._files and (file := self._opened(name + ".log")):
                self._files[name] = file
        if self._chunks is None:
            self._chunks = self._opened("chunks")

    def _opened(self, name: str) -> BinaryIO | None:
        try:
            # Unbuffered: where a reader stands is where the next one goes on, and what was appended is seen.
            return self._stack.enter_context(open(os.path.join(self.folder, name), "rb", buffering=0))
        except FileNotFoundError:
            return None

    def _next_entry(self) -> tuple[str, int] | None:
        """The next whole line of `chunks`; half a line is read again when the rest is there."""
        if self._chunks is None:
            return None
        at = self._chunks.tell()
        entry = read_entry(self._chunks)
        if entry is None:
            self._chunks.seek(at)
        return entry

    def _read(self, name: str, until: int | None) -> Iterator[tuple[str, bytes]]:
        """Up to byte `until` of the log, None: up to its end. What an earlier `take` was ahead is not read again."""
        file = self._files.get(name)
        while file is not None:
            size = BLOCK if until is None else min(BLOCK, until - file.tell())
            block = file.read(size) if size > 0 else b""
            if not block:
                return
            yield name, block
