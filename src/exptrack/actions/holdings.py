"""What a sealed run names in the store: code, points, logs, outputs - and everything later words say of all runs.

Read from the files that are the truth, never from the index: `verify` and `gc` decide by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from exptrack.attempt import Attempt
from exptrack.errors import Damaged, ExptrackError
from exptrack.model import Artifact, Event, Promotion, RunManifest, StoredFile
from exptrack.store.place import Store
from exptrack.store.trees import decode_tree
from exptrack.typed import NamedTuple


class Holding(NamedTuple):
    """One object a manifest names; `what` says it to people. A tree names further objects: its files."""

    digest: str
    what: str
    is_tree: bool = False


def holdings(manifest: RunManifest) -> Iterator[Holding]:
    """Everything a run's manifest names, of every attempt, outputs last."""
    yield from records_of(manifest)
    for a in manifest.kept:
        yield Holding(a.digest, f"{a.kind} {a.path}", a.is_tree)


def records_of(manifest: RunManifest) -> Iterator[Holding]:
    """What a run is remembered by, outputs aside: retention never touches it."""
    yield from _record(manifest, "")
    for attempt in manifest.attempts[:-1]:
        yield from _record(attempt, f" of attempt {attempt.number}")
    if manifest.attempts and (own := manifest.attempts[-1].points):
        yield Holding(own, f"points of attempt {manifest.attempts[-1].number}")


def _record(one: RunManifest | Attempt, whose: str) -> Iterator[Holding]:
    if tree := one.tree if isinstance(one, Attempt) else one.code.tree:
        yield Holding(tree, f"code{whose}", is_tree=True)
    if one.points:
        yield Holding(one.points, f"points{whose}")
    for stream, digest in one.logs.items():
        yield Holding(digest, f"log {stream}{whose}")


def files_of(store: Store, artifact: Artifact) -> tuple[StoredFile, ...]:
    """The files of one kept output; a folder's tree is read and checked: Damaged when it is missing or altered."""
    if artifact.is_tree:
        return tree_of(store, artifact.digest)
    return (StoredFile(path=artifact.path, digest=artifact.digest, size=artifact.size, mode=artifact.mode),)


def tree_of(store: Store, digest: str) -> tuple[StoredFile, ...]:
    """The entries of a tree object; Damaged when it is missing, altered or no tree."""
    return decode_tree(store.objects.read(digest))


class Words(NamedTuple):
    """Every event by the run it speaks of, and every promotion by model, as far as they can be read.

    `problems`: (run or `MODEL@N`, what, what is wrong with it) of those that cannot."""

    events: dict[str, list[Event]]
    promotions: dict[str, list[Promotion]]
    problems: list[tuple[str, str, str]]


def read_words(store: Store) -> Words:
    """All events and promotions of the store, in order."""
    words = Words(defaultdict(list), {}, [])
    for event_id in store.records.event_ids():
        try:
            event = store.records.event(event_id)
        except FileNotFoundError:
            continue  # listed, then withdrawn: no event is ever removed by us, and a lost one says nothing any more
        except Damaged as e:
            words.problems.append(("", f"event {event_id}", e.message))
        else:
            words.events[event.run].append(event)
    for model in store.records.models():
        line = words.promotions.setdefault(model, [])
        for number in store.records.promotion_numbers(model):
            try:
                line.append(store.records.promotion(model, number))
            except (Damaged, FileNotFoundError) as e:
                said = e.message if isinstance(e, ExptrackError) else "it is gone"
                words.problems.append((f"{model}@{number}", "promotion", said))
    return words
