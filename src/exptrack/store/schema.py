"""The index's tables: how a connection to index.db is opened, its schema made, and what rows a run becomes.

Light on purpose: completion reads the index through this module. VERSION is in `PRAGMA user_version`; an index of
another version is thrown away and rebuilt, so changing index.sql or a row means raising VERSION and nothing else.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import contextmanager

from exptrack.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exptrack.model import Event, Promotion, Run, Scalar

VERSION = 5
Rows = dict[str, list[tuple[Any, ...]]]
DETAILS = ("tags", "params", "metrics", "inputs", "artifacts", "kept")
_LARGEST = 2**63 - 1


def connect(path: str, *, timeout: float = 20.0, read_only: bool = False) -> sqlite3.Connection:
    """Open index.db in autocommit mode; `timeout` in seconds is how long a locked index is waited for.

    A rollback journal and not WAL: .exptrack may lie in a home folder on a network file system, and other programs
    may read the index without write permission; WAL does neither. Raises sqlite3.Error.
    """
    if read_only:
        from urllib.parse import quote

        uri = f"file:{quote(os.fsencode(path))}?mode=ro"
        conn = sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None)
    else:
        conn = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    conn.execute("PRAGMA synchronous=NORMAL")
    conn.create_function("regexp", 2, _regexp, deterministic=True)
    conn.create_function("contains", 2, _contains, deterministic=True)
    conn.create_function("number", 1, _number, deterministic=True)
    return conn


class Glance:
    """A look at the index as it lies there, for completion: read-only, without waiting, and silent. An index that is
    not there, locked, broken or of another version says nothing."""

    def __init__(self, path: str) -> None:
        self._conn: sqlite3.Connection | None = None
        self._is_ours = False
        if not os.path.exists(path):
            return
        try:
            self._conn = connect(path, timeout=0.1, read_only=True)
            self._is_ours = version_of(self._conn) == VERSION
        except sqlite3.Error:
            self._is_ours = False

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()

    def rows(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if self._conn is None or not self._is_ours:
            return []
        try:
            return self._conn.execute(sql, args).fetchall()
        except sqlite3.Error:
            return []


def _regexp(pattern: str, value: Scalar) -> bool:
    return value is not None and re.search(pattern, str(value)) is not None


def _contains(word: str, text: str | None) -> bool:
    return text is not None and word.casefold() in text.casefold()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def version_of(conn: sqlite3.Connection) -> int:
    """The index's schema version; 0 for an empty file, -1 for tables that are not ours."""
    number = int(conn.execute("PRAGMA user_version").fetchone()[0])
    if number == 0 and conn.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return -1
    return number


def script() -> str:
    """index.sql, which is the schema."""
    with open(os.path.join(os.path.dirname(__file__), "index.sql"), encoding="utf-8") as f:
        return f.read()


def create(conn: sqlite3.Connection) -> None:
    """Make the tables in an empty index, in one transaction; nothing when another process has just done it."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        if version_of(conn) == 0:
            for statement in _statements(script()):
                conn.execute(statement)
            conn.execute(f"PRAGMA user_version={VERSION}")
        conn.execute("COMMIT")
    except BaseException:
        conn.execute("ROLLBACK")
        raise


def _statements(text: str) -> list[str]:
    # Not executescript: it commits first, and then two processes would both be making tables.
    return [s for s in text.split(";\n") if s.strip()]


def columns(conn: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in conn.execute(f"PRAGMA table_info({table})")]


def insert(conn: sqlite3.Connection, rows: Rows) -> None:
    """Add rows as they are made below; the caller holds the transaction."""
    for table, values in rows.items():
        if values:
            marks = ",".join("?" * len(values[0]))
            conn.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)  # noqa: S608 - our own table names


def delete_run(conn: sqlite3.Connection, run_id: str) -> None:
    conn.execute("DELETE FROM runs WHERE id = ?", (run_id,))
    for table in DETAILS:
        conn.execute(f"DELETE FROM {table} WHERE run = ?", (run_id,))  # noqa: S608 - our own table names


@contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. IMMEDIATE: a reader that turns writer half-way would fail at once instead of waiting."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise


def rows_of_run(run: Run) -> Rows:
    """Every row a run has, in the order of the columns of index.sql."""
    m, i = run.manifest, run.id
    metrics = [
        _row(i, name, s.first, s.last, s.min, s.max, s.count, s.best, s.best_step, s.last_step, s.goal, s.source)
        for name, s in m.metrics.items()
    ]
    return {
        "runs": [_run_row(run)],
        "tags": [_row(i, k, v) for k, v in run.tags.items()],
        "params": [(i, clean(k), *typed(v)) for k, v in m.params.items()],
        "metrics": metrics,
        "inputs": [_row(i, x.name, x.path, x.digest, x.size, x.files) for x in m.inputs],
        "artifacts": [_row(i, a.kind, a.path, a.digest, a.size, a.files, int(a.is_tree)) for a in m.artifacts],
        "kept": [_row(i, a.kind, a.path, a.digest, a.size, int(a.is_tree)) for a in m.kept],
    }


def _run_row(run: Run) -> tuple[Any, ...]:
    import shlex

    m, code, box, u = run.manifest, run.manifest.code, run.manifest.machine, run.manifest.usage
    gpus = ", ".join(g.name for g in box.gpus) or None
    return _row(
        *(m.id, m.name, run.status, m.project, m.group, run.note, m.author, m.host, shlex.join(m.command), m.cwd),
        *(m.started_at, m.ended_at, unix_time(m.started_at), unix_time(m.ended_at), m.seconds, m.exit_code, m.signal),
        *(int(run.pinned), m.parent, code.commit, code.branch, code.remote, code.dirty, code.tree, code.files),
        *(m.environment.python, m.environment.executable),
        *(box.os or None, box.cpu or None, box.cores or None, box.memory or None, gpus, len(box.gpus), box.cuda),
        *(u.cpu_seconds, u.max_rss, u.max_gpu_memory, u.gpu_utilisation, u.energy_joules),
        *(", ".join(m.missing) or None, len(m.warnings), m.version, m.stopped_by),
        *(len(m.attempts) or 1, job_of(box.scheduler), m.policy_bypassed),
    )


def job_of(scheduler: Mapping[str, str]) -> str | None:
    """A batch job by one text: `slurm 1234`, `slurm 1234_5` for a task of an array; None outside of one."""
    kind, job, task = (scheduler.get(k) for k in ("kind", "job", "task"))
    return (f"{kind} {job}_{task}" if task else f"{kind} {job}") if kind and job else None


def row_of_event(event: Event) -> tuple[Any, ...]:
    from exptrack import wire

    data = wire.dump(event.data).decode().rstrip("\n")
    return _row(event.id, event.run, event.action, event.at, event.author, data)


def rows_of_promotions(promotions: Iterable[Promotion]) -> list[tuple[Any, ...]]:
    return [_row(p.model, p.sequence, p.run, p.previous, p.at, p.author, p.reason) for p in promotions]


def _row(*values: Any) -> tuple[Any, ...]:
    return tuple(map(clean, values))


def clean(value: Any) -> Any:
    """A value as SQLite can hold it: lone surrogates (undecodable file names) escaped, integers past 64 bits as floats,
    NaN as NULL (SQLite makes it that)."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, int) and abs(value) > _LARGEST:
        return float(value) if value.bit_length() < 1024 else repr(value)
    return value


def typed(value: Scalar) -> tuple[Any, str]:
    """A parameter -> (value to search by, its type). True is stored as the text `true`, so that 1 is not found by it;
    NaN as the text `nan`."""
    if value is None:
        return None, "null"
    if isinstance(value, bool):
        return str(value).lower(), "bool"
    if value in ("nan", "inf", "-inf"):  # floats, as wire.py writes them; a text of that kind cannot be told apart
        value = float(value)
    if isinstance(value, float) and value != value:
        return "nan", "float"
    return clean(value), type(value).__name__


def unix_time(text: str | None) -> float | None:
    """ISO 8601 -> seconds since the epoch; None for what is no time, so that one odd manifest hides no other."""
    if not text:
        return None
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
