"""The whole index anew: made in memory by sqlite-utils, then copied over index.db in one step.

Copied page by page within SQLite's own locks and journal, never renamed over: another process may have the file open,
and its journal would be found by name beside the new one. Readers see the old index until the new one is whole.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict

from exptrack.errors import ExptrackError
from exptrack.store import schema, sync
from exptrack.store.fold import apply_events
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

    from exptrack.model import Event
    from exptrack.store.place import Store


def rebuild(target: sqlite3.Connection, store: Store) -> None:
    """Replace everything in `target` by what the store says. sqlite3.Error when it stays locked or is not writable."""
    from sqlite_utils import Database

    memory = schema.connect(":memory:")
    try:
        schema.create(memory)
        _fill(Database(memory, tracer=None), store)
        memory.backup(target, progress=_give_up_when_locked, sleep=0.1)
    finally:
        memory.close()


def _fill(db: Database, store: Store) -> None:
    records, problems = store.records, dict[str, str]()
    stamps = sync.stamps_of(records)
    said: dict[str, list[Event]] = defaultdict(list)
    events = []
    for event_id in records.event_ids():
        try:
            event = records.event(event_id)
        except (ExptrackError, OSError) as e:
            problems[f"events/{event_id}.json"] = str(e)
            continue
        said[event.run].append(event)
        events.append(schema.row_of_event(event))
    _insert(db, {"events": events})
    ids = records.run_ids()
    for start in range(0, len(ids), sync.CHUNK):
        rows: schema.Rows = defaultdict(list)
        manifests = sync.read_runs(store, ids[start : start + sync.CHUNK], problems)
        sync.add_folders(db.conn, store, manifests)
        for manifest in manifests:
            run = apply_events(manifest, said[manifest.id])
            for table, values in schema.rows_of_run(run).items():
                rows[table] += values
        _insert(db, rows)
    for model in records.models():
        _insert(db, {"promotions": schema.rows_of_promotions(sync.read_promotions(records, model, problems))})
    sync.note(db.conn, stamps, problems)
    db.analyze()


def _insert(db: Database, rows: schema.Rows) -> None:
    for table, values in rows.items():
        names = schema.columns(db.conn, table)
        db.table(table).insert_all((dict(zip(names, row, strict=True)) for row in values), batch_size=500)


def _give_up_when_locked(status: int, _remaining: int, _total: int) -> None:
    """Connection.backup tries for ever while the target is locked; SQLite has waited out its own timeout by then."""
    if status in (5, 6):  # SQLITE_BUSY, SQLITE_LOCKED
        raise sqlite3.OperationalError("database is locked")
