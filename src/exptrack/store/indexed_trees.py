"""The files of kept folders in the index: once for each content of a folder, however many runs kept it.

A tree is read block by block, so that memory stays flat in the number of its files; only what a folder with links is
for who reads it needs all of them at once. A line of what calls itself a tree is LINE at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from exptrack.errors import Damaged, ExptrackError
from exptrack.model import StoredFile
from exptrack.sha256 import sha256
from exptrack.store import schema
from exptrack.store.as_read import LINK, PLAIN, digest_as_read
from exptrack.store.objects import is_digest
from exptrack.store.trees import HEADER, decode_lines, decode_tree, encode_rows
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from exptrack.model import RunManifest
    from exptrack.store.place import Store

# Bytes: the longest path a file can have takes 25,000 in JSON.
LINE = 1 << 20


def add_trees(conn: sqlite3.Connection, store: Store, manifests: Iterable[RunManifest]) -> None:
    """Whatever these runs kept that is a folder and that the index does not know yet. What is gone or damaged is left
    out: `verify` is who reports that, and the run is found by all its other rows."""
    wanted = dict.fromkeys(a.digest for m in manifests for a in m.kept if a.is_tree and is_digest(a.digest))
    for digest in (digest for digest in wanted if not _is_known(conn, digest)):
        # One at a time: nobody waits for the index longer than one listing takes to be read.
        with suppress(ExptrackError, OSError), schema.transaction(conn):
            if not _is_known(conn, digest):  # another process may have added it
                _add(conn, store, digest)


def drop_trees(conn: sqlite3.Connection) -> None:
    """Those that no run keeps any more; the caller holds the transaction."""
    conn.execute("DELETE FROM listings WHERE digest NOT IN (SELECT digest FROM kept WHERE is_tree)")
    conn.execute("DELETE FROM listed WHERE listing NOT IN (SELECT id FROM listings)")


def _is_known(conn: sqlite3.Connection, digest: str) -> bool:
    return conn.execute("SELECT 1 FROM listings WHERE digest = ?", (digest,)).fetchone() is not None


def _add(conn: sqlite3.Connection, store: Store, digest: str) -> None:
    number = conn.execute("INSERT INTO listings (digest) VALUES (?)", (digest,)).lastrowid
    reading = _Reading()
    files = reading.files(store.objects.pieces(digest))
    rows = ((number, schema.clean(f.path), f.digest, schema.clean(f.size)) for f in files)
    conn.executemany("INSERT INTO listed VALUES (?, ?, ?, ?)", rows)
    read = digest_as_read(decode_tree(store.objects.read(digest))) if reading.has_links else reading.as_read()
    conn.execute("UPDATE listings SET as_read = ? WHERE id = ?", (read, number))


class _Reading:
    """One tree while it is read; afterwards it says what as_read.py would."""

    def __init__(self) -> None:
        self.has_links = self._has_modes = False
        self._sum = sha256(f"{HEADER}\n".encode())

    def files(self, pieces: Iterable[bytes]) -> Iterator[StoredFile]:
        """The entries; Damaged for what is no tree, at the latest when all of it has been read."""
        for some in decode_lines(_whole_lines(pieces)):
            self.has_links |= any(f.mode == LINK for f in some)
            self._has_modes |= any(f.mode != PLAIN for f in some)
            self._sum.update(encode_rows(f if f.mode == PLAIN else _plain(f) for f in some))
            yield from some

    def as_read(self) -> str | None:
        return self._sum.hexdigest() if self._has_modes else None


def _plain(f: StoredFile) -> StoredFile:
    return StoredFile(path=f.path, digest=f.digest, size=f.size, mode=PLAIN)


def _whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        head, newline, tail = piece.rpartition(b"\n")
        if newline:
            yield rest + head
            rest = tail
        else:
            rest += piece
            if len(rest) > LINE:
                raise Damaged("not a tree of files: it has no lines", "`exptrack verify` lists what is damaged")
    if rest:
        yield rest
