"""The trash inside a store: trash/<stamp>/ab/cdef... and plan.json, which says what was let go, of which runs.

`.tmp` files of writers that died lie under left/, by their path in the store. plan.json comes before the first of all
these and goes before the first is deleted: a batch that has one can be undone whole.
Objects move by rename(2), so each is at every instant in exactly one place.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from exptrack import wire
from exptrack.actions.authors import author
from exptrack.actions.journal import Journal
from exptrack.errors import Damaged, ExptrackError
from exptrack.files import locked, read_bytes, remove_if_there, sync_folder, write_atomic
from exptrack.record.rundir import new_id, utc
from exptrack.store.modes import LOCK, make_folder
from exptrack.store.place import Store
from exptrack.store.records import ID
from exptrack.store.schema import unix_time
from exptrack.typed import NamedTuple

FOLDER, PLAN, LEFT = "trash", "plan.json", "left"
NOT_ACCOUNTED: Mapping[str, float] = {}


@contextmanager
def alone(store: Store) -> Iterator[None]:
    """The only one that lets go or brings back for the length of a block. What the disk refuses is an ExptrackError."""
    try:
        with locked(os.path.join(store.root, LOCK)):
            yield
    except OSError as e:
        where = f" ({e.filename})" if e.filename else ""
        hint = "check whose it is and its disk; nothing is lost, and the same command goes on where it stopped"
        raise ExptrackError(f"the store cannot be changed: {e.strerror}{where}", hint) from e


class Moved(NamedTuple):
    """What went into the trash. `spared`: objects somebody used between the plan and the move."""

    stamp: str
    objects: int
    size: int
    spared: int


class TrashBatch(NamedTuple):
    """One `gc --apply`. `runs`: run -> digests its event names; `size`: bytes; `at`: UTC ISO 8601."""

    path: str
    stamp: str
    at: str
    runs: Mapping[str, tuple[str, ...]]
    objects: int
    size: int

    @staticmethod
    def make(store: Store, now: float, runs: Mapping[str, Iterable[str]], goes: Mapping[str, int]) -> TrashBatch:
        """A new, empty batch with its plan on disk."""
        stamp = new_id(now)
        path = os.path.join(store.root, FOLDER, stamp)
        modes = store.modes
        make_folder(os.path.dirname(path), modes)
        make_folder(path, modes)
        batch = TrashBatch(path, stamp, utc(now), {r: tuple(d) for r, d in runs.items()}, len(goes), sum(goes.values()))
        facts = {"at": batch.at, "by": author(), "runs": batch.runs, "objects": batch.objects, "size": batch.size}
        write_atomic(os.path.join(path, PLAN), wire.dump({"format": 1, **facts}), mode=modes.record)
        sync_folder(os.path.dirname(path))
        return batch


def batches(store: Store) -> list[TrashBatch]:
    """Everything that can be undone, oldest first. Damaged when a plan cannot be read."""
    found = []
    for stamp in _stamps(store):
        path = os.path.join(store.root, FOLDER, stamp)
        try:
            raw = wire.load(read_bytes(os.path.join(path, PLAN), wire.MAX_RECORD_BYTES), f"{path}/{PLAN}")
        except FileNotFoundError:
            continue
        try:
            runs = {str(r): tuple(map(str, d)) for r, d in raw["runs"].items()}
            found.append(TrashBatch(path, stamp, str(raw["at"]), runs, int(raw["objects"]), int(raw["size"])))
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            raise Damaged(f"{path}/{PLAN} is no plan of a gc: {e}", "move it away if it is not yours") from e
    return found


def _stamps(store: Store) -> list[str]:
    try:
        return sorted(n for n in os.listdir(os.path.join(store.root, FOLDER)) if ID.match(n))
    except FileNotFoundError:
        return []


def move_to_trash(
    store: Store,
    batch: TrashBatch,
    digests: Iterable[str],
    *,
    young: float,
    accounted: Mapping[str, float] = NOT_ACCOUNTED,
) -> Moved:
    """Move objects into a batch. Whoever stores bytes that are there already touches them: one that turns out to have
    been touched within `young` seconds before the batch goes back, so that no run being sealed loses what it names.
    `accounted`: digest -> mtime that is known to be no such touch (freshness.py)."""
    began = unix_time(batch.at) or time.time()
    count = size = spared = 0

    def is_used(digest: str, at: float) -> bool:
        return at > began - young and at != accounted.get(digest)

    for digest in sorted(digests):
        source, target = store.objects.path(digest), os.path.join(batch.path, digest[:2], digest[2:])
        make_folder(os.path.dirname(target), store.modes)
        try:
            if is_used(digest, os.stat(source).st_mtime):
                spared += 1
                continue
            os.rename(source, target)
        except FileNotFoundError:
            continue
        # After the move: a touch by path either came before it and shows here, or fails and the bytes are stored anew.
        info = os.stat(target)
        if is_used(digest, info.st_mtime):
            os.rename(target, source)
            spared += 1
            continue
        count, size = count + 1, size + info.st_size
    return Moved(batch.stamp, count, size, spared)


def move_leftovers(store: Store, batch: TrashBatch, paths: Iterable[str]) -> int:
    """Move files (by their path in the store) into a batch; bytes moved."""
    size = 0
    for path in paths:
        target = os.path.join(batch.path, LEFT, path)
        os.makedirs(os.path.dirname(target), mode=store.modes.folder & 0o777, exist_ok=True)
        try:
            os.rename(os.path.join(store.root, path), target)
        except FileNotFoundError:
            continue
        size += os.stat(target).st_size
    return size


class Undone(NamedTuple):
    """`objects` of `size` bytes are back, for `runs` runs."""

    stamp: str
    at: str
    runs: int
    objects: int
    size: int


def undo_gc(store: Store) -> Undone:
    """Take back the last `gc --apply`: the bytes first, then the words. ExptrackError (exit 1) when there is none."""
    with alone(store):
        kept = batches(store)
        if not kept:
            raise ExptrackError(
                "there is no gc to undo", "the trash is empty: nothing was collected, or its grace period has ended", 1
            )
        batch, count, size = kept[-1], 0, 0
        for digest, path in _objects(batch.path):
            target = store.objects.path(digest)
            size, count = size + os.stat(path).st_size, count + 1
            make_folder(os.path.dirname(target), store.modes)
            # The same bytes may have been stored again meanwhile; either copy is as good.
            os.replace(path, target)
        for inside, path in _leftovers(batch.path):
            size += os.stat(path).st_size
            os.replace(path, os.path.join(store.root, inside))
        journal = Journal(store)
        for run_id, digests in batch.runs.items():
            journal.add(run_id, "unexpire", {"digests": list(digests), "trash": batch.stamp})
        remove_batch(batch.path)
        return Undone(batch.stamp, batch.at, len(batch.runs), count, size)


def _objects(path: str) -> Iterable[tuple[str, str]]:
    for prefix in sorted(os.listdir(path)):
        folder = os.path.join(path, prefix)
        if len(prefix) == 2 and os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                yield prefix + name, os.path.join(folder, name)


def _leftovers(path: str) -> Iterator[tuple[str, str]]:
    """(path in the store, path in the batch)"""
    top = os.path.join(path, LEFT)
    for folder, _, names in os.walk(top):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), top), os.path.join(folder, name)


def empty_trash(store: Store, grace: float, now: float) -> tuple[int, int]:
    """Delete for good what has been in the trash for more than `grace` seconds -> (objects, bytes). What an interrupted
    emptying left is deleted too."""
    count = size = 0
    with alone(store):
        known = {b.stamp: b for b in batches(store)}
        for stamp in _stamps(store):
            batch = known.get(stamp)
            at = unix_time(batch.at) if batch else None
            if batch and (at is None or now - at < grace):
                continue
            path = os.path.join(store.root, FOLDER, stamp)
            sizes = [os.stat(p).st_size for _, p in _objects(path)]
            count, size = count + len(sizes), size + sum(sizes) + sum(os.stat(p).st_size for _, p in _leftovers(path))
            remove_batch(path)
    return count, size


def remove_batch(path: str) -> None:
    """A batch without its plan is rubbish; so the plan goes first, for good."""
    remove_if_there(os.path.join(path, PLAN))
    sync_folder(path)
    shutil.rmtree(path)
