"""index.db: an open index that mends itself. Disposable and local; deleting it changes no answer.

Broken or of another version: thrown away and rebuilt. Locked for too long, on a full or read-only disk: the same
answers come from a copy in memory, with a warning. Nothing here ever decides what is written into the store.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence

from exptrack.errors import ExptrackError
from exptrack.files import locked, remove_if_there
from exptrack.store import schema, sync
from exptrack.typed import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

    from exptrack.config import Project
    from exptrack.model import Event, RunManifest
    from exptrack.store.place import Store

T = TypeVar("T")

# Primary result codes, https://sqlite.org/rescode.html
_BROKEN = {11, 24, 26}  # CORRUPT, FORMAT, NOTADB
_READONLY = 8
_UNAVAILABLE = {3, 5, 6, 8, 10, 13, 14, 15, 22, 23}  # PERM BUSY LOCKED READONLY IOERR FULL CANTOPEN PROTOCOL NOLFS AUTH


class Index:
    """Open it, `sync` it with the store, then `select`. One process, one thread."""

    def __init__(self, path: str, *, timeout: float = 20.0) -> None:
        """`timeout`: seconds to wait for another process that writes; after that the answers come from memory."""
        self.path, self.timeout = path, timeout
        self.warnings: list[str] = []
        self._store: Store | None = None
        self._is_outdated = False
        self._inode = -1
        self._conn = self._open()

    @classmethod
    def open(cls, project: Project, *, timeout: float = 20.0) -> Index:
        return cls(project.index, timeout=timeout)

    @classmethod
    def in_memory(cls) -> Index:
        """An empty index of its own, for runs that are in no store yet."""
        return cls(":memory:")

    def __enter__(self) -> Index:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._conn.close()

    def sync(self, store: Store) -> None:
        """Bring the index up to date; cheap when nothing has happened. ExptrackError when the store cannot be read."""
        self._store = store
        try:
            self._guarded(self._sync)
        except OSError as e:
            from exptrack.store.place import closed

            place = e.filename if isinstance(e.filename, str) else store.root
            raise closed(f"the store {store.root} cannot be read: {e.strerror}", place) from e

    def _sync(self) -> None:
        assert self._store is not None
        if self._is_outdated:
            self._rebuild()
        sync.sync(self._conn, self._store)

    def rebuild(self, store: Store) -> None:
        """Make the index anew from the store, whatever it says now. ExptrackError when its file cannot be written."""
        self._store = store
        self._guarded(self._rebuild)
        if self._inode < 0:
            raise ExptrackError(f"the index {self.path} cannot be written", "; ".join(self.warnings))

    def select(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of one query. SQL is written by us; whatever a user wrote is in `args`."""
        return self._guarded(lambda: self._conn.execute(sql, args).fetchall())

    def add(self, store: Store, manifest: RunManifest) -> str | None:
        """Put one sealed run into the index at the end of `run`: best effort, never raises for what is wrong with the
        index. Returns the warning; None when all is well. The next reader makes up for it."""
        reason = "; ".join(self.warnings)
        try:
            if not self._is_outdated and not reason:
                sync.add_folders(self._conn, store, [manifest])
                sync.add_runs(self._conn, [manifest])
        except sqlite3.Error as e:
            reason = str(e)
        return f"the run is not in the index yet ({reason}); the next `exptrack ls` adds it" if reason else None

    def add_unsealed(self, manifest: RunManifest, said: Sequence[Event]) -> None:
        """Add a run that has no manifest in the store yet, with what was said about it: only to an index in memory."""
        assert self.path == ":memory:"
        schema.insert(self._conn, {"events": [schema.row_of_event(event) for event in said]})
        sync.add_runs(self._conn, [manifest])

    def events(self, run_id: str) -> list[Event]:
        return self._guarded(lambda: sync.events_of(self._conn, run_id))

    def problems(self) -> list[tuple[str, str]]:
        """(file in the store, what is wrong with it) for everything that could not be read."""
        return [(path, text) for path, text in self.select("SELECT path, message FROM problems ORDER BY path")]

    def forget(self, run_id: str, message: str) -> None:
        """A manifest that was whole when it was indexed no longer is: answer as a rebuilt index would."""

        def work() -> None:
            with schema.transaction(self._conn):
                schema.delete_run(self._conn, run_id)
                schema.insert(self._conn, {"problems": [(f"runs/{run_id}.json", schema.clean(message))]})

        self._guarded(work)

    def _guarded(self, work: Callable[[], T]) -> T:
        """Do the work; when the index is what fails, mend it and do it again."""
        for _ in range(3):
            try:
                return work()
            except sqlite3.DatabaseError as e:
                if self._conn.in_transaction:
                    self._conn.execute("ROLLBACK")
                if _is_broken(e):
                    self._start_over()
                elif _code(e) in _UNAVAILABLE and self._inode >= 0:
                    self._retreat(e)
                else:
                    raise
        return work()

    def _open(self) -> sqlite3.Connection:
        if self.path == ":memory:":
            return self._blank()
        try:
            return self._connect()
        except OSError as e:
            return self._blank(str(e))
        except sqlite3.DatabaseError as e:
            if not _is_broken(e):
                return self._blank(str(e))
        try:
            self._wipe()
            return self._connect()
        except (sqlite3.DatabaseError, OSError) as e:
            return self._blank(str(e))

    def _connect(self) -> sqlite3.Connection:
        """The file's connection, its tables made when it is new; sqlite3.DatabaseError when that cannot be."""
        if not os.path.exists(self.path):
            # sqlite would make it as the umask says, and the folder around may be older than exptrack and open.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        conn = schema.connect(self.path, timeout=self.timeout)
        try:
            version = schema.version_of(conn)
            if version == 0:
                schema.create(conn)
            self._is_outdated = version not in (0, schema.VERSION)
            self._inode = os.stat(self.path).st_ino
        except BaseException:
            conn.close()
            raise
        return conn

    def _blank(self, reason: str = "") -> sqlite3.Connection:
        """An empty index in memory; `reason` says why it has to stand in for the file."""
        if reason:
            self.warnings.append(f"the index {self.path} cannot be used ({reason}): answering from a copy in memory")
        self._inode, self._is_outdated = -1, False
        conn = schema.connect(":memory:")
        schema.create(conn)
        return conn

    def _retreat(self, e: sqlite3.DatabaseError) -> None:
        """Into memory, with what a read-only file already knows (a colleague's project: 3 s for 10,000 runs)."""
        old, is_worth_a_copy = self._conn, _code(e) == _READONLY and not self._is_outdated
        self._conn = self._blank(str(e))
        try:
            if is_worth_a_copy:
                old.backup(self._conn)
        finally:
            old.close()

    def _start_over(self) -> None:
        """The index is broken: a fresh file, rebuilt."""
        self._conn.close()
        try:
            self._wipe()
            self._conn = self._connect()
        except (sqlite3.DatabaseError, OSError) as e:
            self._conn = self._blank(str(e))
        if self._store is not None:
            self._rebuild()

    def _wipe(self) -> None:
        """Delete the file, unless another process has just done so and made a new one. OSError when it cannot be."""
        with locked(self.path + ".lock"):
            if self._inode in (-1, _inode_of(self.path)):
                for tail in ("", "-journal", "-wal", "-shm"):
                    remove_if_there(self.path + tail)

    def _rebuild(self) -> None:
        from exptrack.store.rebuild import rebuild

        assert self._store is not None
        rebuild(self._conn, self._store)
        self._is_outdated = False


def add(project: Project, store: Store, manifest: RunManifest) -> str | None:
    """`Index.add` for who has none open."""
    with Index.open(project, timeout=2.0) as index:
        return index.add(store, manifest)


def _is_broken(e: sqlite3.DatabaseError) -> bool:
    """Damaged bytes, or tables that are not those of index.sql (somebody changed them: the index is only ours)."""
    return _code(e) in _BROKEN or str(e).startswith("no such ") or " columns but " in str(e)


def _code(e: sqlite3.DatabaseError) -> int:
    """The primary result code; 5 (BUSY) for an error that Python itself made, as rebuild does when it waited enough."""
    return int(getattr(e, "sqlite_errorcode", 5)) & 0xFF


def _inode_of(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return -2
