"""Bring the index up to date with the store: compare names, add what is new, drop what is gone.

Names suffice because what has one never changes. Two processes may do this at once: a run's rows follow from its
newest manifest and from the events in the index's own table at the moment of writing, so whoever writes last writes the
same; rows of an earlier attempt never replace those of a later one.
A folder counts as read only when its mtime had stopped moving before it was listed (SETTLE_NS).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence

from exptrack.errors import ExptrackError
from exptrack.store import schema
from exptrack.typed import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3

    from exptrack.model import Event, Promotion, RunManifest
    from exptrack.store.place import Store
    from exptrack.store.records import Records

# Coarser than any file system's clock ticks (ext4 4 ms, NFS and FAT up to 2 s): a name made in the tick of our listing
# leaves the mtime as it was, and would never be seen.
SETTLE_NS = 3_000_000_000
CHUNK = 1000

Stamps = dict[str, tuple[int, int]]


class Differences(NamedTuple):
    new_runs: list[str]
    gone_runs: list[str]
    shorter_runs: list[str]
    new_events: list[str]
    gone_events: list[str]
    models: list[str]


def sync(conn: sqlite3.Connection, store: Store) -> None:
    """Afterwards the index says what the store said when this began. Unreadable files end up in the table `problems`
    and are tried again each time. Raises sqlite3.Error, and OSError when the store itself cannot be listed."""
    stamps = stamps_of(store.records)
    noted = {path: (mtime, settled) for path, mtime, settled in conn.execute("SELECT * FROM folders")}
    has_problems = conn.execute("SELECT 1 FROM problems LIMIT 1").fetchone()
    if stamps == noted and not has_problems and all(settled for _, settled in stamps.values()):
        return
    found = _differences(conn, store.records, stamps, noted)
    if stamps == noted and not any(found) and not has_problems:
        return
    problems: dict[str, str] = {}
    if found.shorter_runs:
        with schema.transaction(conn):
            for run_id in found.shorter_runs:
                schema.delete_run(conn, run_id)
    add_events(conn, store, found.new_events, found.gone_events, problems)
    for start in range(0, len(found.new_runs), CHUNK):
        manifests = read_runs(store, found.new_runs[start : start + CHUNK], problems)
        add_folders(conn, store, manifests)
        add_runs(conn, manifests)
    histories = {model: read_promotions(store.records, model, problems) for model in found.models}
    with schema.transaction(conn):
        for run_id in found.gone_runs:
            schema.delete_run(conn, run_id)
        if found.gone_runs:
            from exptrack.store.indexed_trees import drop_trees

            drop_trees(conn)
        for model, history in histories.items():
            conn.execute("DELETE FROM promotions WHERE model = ?", (schema.clean(model),))
            schema.insert(conn, {"promotions": schema.rows_of_promotions(history)})
        note(conn, stamps, problems)


def note(conn: sqlite3.Connection, stamps: Stamps, problems: dict[str, str]) -> None:
    """Remember how far the store was read; the caller holds the transaction."""
    conn.execute("DELETE FROM folders")
    conn.execute("DELETE FROM problems")
    schema.insert(conn, {"folders": [(path, *stamp) for path, stamp in stamps.items()]})
    schema.insert(conn, {"problems": [(path, schema.clean(text)) for path, text in problems.items()]})


def stamps_of(records: Records) -> Stamps:
    """Folder -> (mtime in ns, had it settled). Taken before anything is listed."""
    promotions = records.promotions_folder
    folders = [records.runs, records.events, promotions, *(os.path.join(promotions, n) for n in _model_names(records))]
    now, stamps = time.time_ns(), {}
    for folder in folders:
        try:
            mtime = os.stat(folder).st_mtime_ns
        except FileNotFoundError:
            mtime = 0
        stamps[schema.clean(folder)] = (mtime, int(now - mtime > SETTLE_NS))
    return stamps


def _model_names(records: Records) -> list[str]:
    try:
        return sorted(n for n in os.listdir(records.promotions_folder) if not n.startswith("."))
    except FileNotFoundError:
        return []


def _differences(conn: sqlite3.Connection, records: Records, stamps: Stamps, noted: Stamps) -> Differences:
    bad = {path for (path,) in conn.execute("SELECT path FROM problems")}
    on_disk, known = records.attempt_counts(), dict(conn.execute("SELECT id, attempts FROM runs").fetchall())
    gone = known.keys() - on_disk.keys()
    events, known_events = records.event_ids(), {i for (i,) in conn.execute("SELECT id FROM events")}
    gone_events = known_events.difference(events)
    # A model whose folder has gone altogether is in the index only.
    from urllib.parse import unquote  # on use: adding a run needs none of it

    models = {unquote(n): os.path.join(records.promotions_folder, n) for n in _model_names(records)}
    moved = {m for m, path in models.items() if stamps.get(path) != noted.get(path) or not stamps.get(path, (0, 0))[1]}
    moved.update(m for m in models if any(b.startswith(f"promotions/{m}/") for b in bad))
    moved.update({m for (m,) in conn.execute("SELECT DISTINCT model FROM promotions")}.difference(models))
    # Another process may have added a run after our listing: what is gone must be gone from the disk too.
    return Differences(
        new_runs=[i for i, count in on_disk.items() if known.get(i) != count],
        gone_runs=sorted(i for i in gone if not records.has_run(i)),
        # An older copy of the store was put back: attempts are gone.
        shorter_runs=[i for i, count in on_disk.items() if known.get(i, 0) > count == records.attempt_count(i)],
        new_events=[i for i in events if i not in known_events],
        gone_events=sorted(i for i in gone_events if not os.path.exists(os.path.join(records.events, i + ".json"))),
        models=sorted(moved),
    )


def read_runs(store: Store, run_ids: Iterable[str], problems: dict[str, str]) -> list[RunManifest]:
    """The manifests; what is unreadable is named in `problems`."""
    out = []
    for run_id in run_ids:
        try:
            out.append(store.records.manifest(run_id))
        except (ExptrackError, OSError) as e:
            problems[f"runs/{run_id}.json"] = str(e)
    return out


def add_folders(conn: sqlite3.Connection, store: Store, manifests: Sequence[RunManifest]) -> None:
    """Add what is in the folders that these runs kept."""
    if any(a.is_tree for m in manifests for a in m.kept):
        from exptrack.store.indexed_trees import add_trees  # on use: most runs keep none

        add_trees(conn, store, manifests)


def read_promotions(records: Records, model: str, problems: dict[str, str]) -> list[Promotion]:
    out = []
    for number in records.promotion_numbers(model):
        try:
            out.append(records.promotion(model, number))
        except (ExptrackError, OSError) as e:
            problems[f"promotions/{model}/{number}.json"] = str(e)
    return out


def add_runs(conn: sqlite3.Connection, found: Sequence[RunManifest]) -> None:
    """Write runs with the events the index knows by now, in one short transaction."""
    with schema.transaction(conn):
        _write(conn, found)


def add_events(
    conn: sqlite3.Connection, store: Store, new: Sequence[str], gone: Sequence[str], problems: dict[str, str]
) -> None:
    """Add and drop events; the runs they speak of are written again, as far as the index has them."""
    rows = []
    for event_id in new:
        try:
            rows.append(schema.row_of_event(store.records.event(event_id)))
        except (ExptrackError, OSError) as e:
            problems[f"events/{event_id}.json"] = str(e)
    if not rows and not gone:
        return
    touched = {row[1] for row in rows}
    for event_id in gone:
        touched.update(run for (run,) in conn.execute("SELECT run FROM events WHERE id = ?", (event_id,)))
    known = [i for i in sorted(touched) if conn.execute("SELECT 1 FROM runs WHERE id = ?", (i,)).fetchone()]
    found = read_runs(store, known, problems)
    with schema.transaction(conn):
        schema.insert(conn, {"events": rows})
        conn.executemany("DELETE FROM events WHERE id = ?", [(i,) for i in gone])
        _write(conn, found)


def _write(conn: sqlite3.Connection, found: Sequence[RunManifest]) -> None:
    from exptrack.store.fold import apply_events

    for manifest in found:
        known = conn.execute("SELECT attempts FROM runs WHERE id = ?", (manifest.id,)).fetchone()
        if known and known[0] > (len(manifest.attempts) or 1):
            continue
        run = apply_events(manifest, events_of(conn, manifest.id))
        schema.delete_run(conn, manifest.id)
        schema.insert(conn, schema.rows_of_run(run))


def events_of(conn: sqlite3.Connection, run_id: str) -> list[Event]:
    """What was said about a run, as far as the index knows, in the order of the event ids."""
    from exptrack.model import Event

    rows = conn.execute("SELECT id, action, at, author, data FROM events WHERE run = ? ORDER BY id", (run_id,))
    return [
        Event(id=i, run=run_id, action=action, at=at, author=author, data=json.loads(data))
        for i, action, at, author, data in rows
    ]
