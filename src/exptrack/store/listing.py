"""The tree object of a folder (trees.py), put together while its files are being stored, in memory that does not grow
with their number: the rows of a stretch of neighbouring files are kept as text, beyond MOST bytes of it in a file that
has no name. Stretches may come in any order and from any thread.
"""

from __future__ import annotations

import os
from _thread import allocate_lock
from collections.abc import Iterator, Sequence

from exptrack.model import StoredFile
from exptrack.store.trees import HEADER, decode_rows, encode_rows
from exptrack.typed import IO

# Bytes of rows that are kept in memory: those of some ten thousand files.
MOST = 1 << 20


class Listing:
    """`count` files of `size` bytes together. `folder`: where there may be a file for what is too much for memory;
    None: where the system wants such files."""

    def __init__(self, folder: str | None) -> None:
        self.folder = folder
        self.count = self.size = 0
        self._lock = allocate_lock()
        self._places: dict[int, tuple[int, int]] = {}
        self._text = bytearray()
        self._file: IO[bytes] | None = None
        self._written = 0

    def add(self, place: int, files: Sequence[StoredFile]) -> None:
        """The files of stretch number `place`, sorted by path. OSError when there is no room for their rows."""
        rows = encode_rows(files)
        with self._lock:
            self._places[place] = (self._written + len(self._text), len(rows))
            self._text += rows
            self.count += len(files)
            self.size += sum(f.size for f in files)
            if len(self._text) > MOST:
                self._spill()

    def _spill(self) -> None:
        if self._file is None:
            from tempfile import TemporaryFile

            if self.folder:
                os.makedirs(self.folder, mode=0o700, exist_ok=True)
            # Where it has a name for an instant, it is one that `gc` knows.
            self._file = TemporaryFile(dir=self.folder, prefix=".listing.", suffix=".tmp", buffering=0)  # noqa: SIM115 - lives as long as we do
        done = 0
        while done < len(self._text):  # at its place: what a full disk cut short is written over
            done += os.pwrite(self._file.fileno(), self._text[done:], self._written + done)
        self._written += done
        self._text = bytearray()

    def close(self) -> None:
        """It is not needed any more."""
        if self._file is not None:
            self._file.close()

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the tree, once all stretches are there."""
        yield f"{HEADER}\n".encode()
        yield from self._stretches()

    def files(self) -> Iterator[StoredFile]:
        """What was added so far, by path."""
        for rows in self._stretches():
            yield from decode_rows(rows)

    def _stretches(self) -> Iterator[bytes]:
        for _, (start, count) in sorted(self._places.items()):
            if start >= self._written:
                yield bytes(self._text[start - self._written : start - self._written + count])
            else:
                assert self._file is not None
                yield os.pread(self._file.fileno(), count, start)
