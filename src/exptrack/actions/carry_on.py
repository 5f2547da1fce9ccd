"""A later attempt becomes part of its run: points merged, the next manifest made (docs/resume.md).

Whatever happened to the run meanwhile, the attempt is not lost: when somebody else sealed the next number it takes the
one behind it, and when the run was promoted, which must not change any more, it becomes a run of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from exptrack.actions.goals import goal_for
from exptrack.actions.holdings import files_of
from exptrack.actions.journal import Journal
from exptrack.amounts import counted
from exptrack.attempt import Resumed
from exptrack.errors import Damaged
from exptrack.files import write_all
from exptrack.frozen import replace
from exptrack.model import RunManifest, Start
from exptrack.record.attempts import put_together
from exptrack.record.continued import continued, encoded
from exptrack.record.points import Series, blocks_of
from exptrack.record.summaries import summarise
from exptrack.store.fold import apply_events
from exptrack.store.place import Store

MOST_NAMED = 10
Blocks = Callable[[], Iterable[Series]]


def promoted_as(store: Store, run_id: str) -> str | None:
    """`MODEL@N` when a line of some model's history is this run. Lines that cannot be read are `verify`'s business."""
    for model in store.records.models():
        for number in store.records.promotion_numbers(model):
            with suppress(Damaged, FileNotFoundError):
                if store.records.promotion(model, number).run == run_id:
                    return f"{model}@{number}"
    return None


def so_far(store: Store, before: RunManifest, points: str, start: Start, own: RunManifest) -> RunManifest:
    """The run with what a living attempt has told; nothing is written. `points`: its points file."""
    blocks = continued(points_of(store, before), lambda: blocks_of(points))
    metrics = summarise(blocks, lambda name: goal_for(name, start.goals))
    return put_together(_without_old_words(before, own), own, start, metrics, before.points)


def seal_attempt(store: Store, points: str, start: Start, own: RunManifest) -> RunManifest:
    """Make the manifest that says what the run is with this attempt; `own` is the attempt by itself.

    NoSuchRun or Damaged when the run so far cannot be read, OSError when the disk does not take it."""
    assert start.resumes is not None
    with suppress(Damaged):  # a word about the run that nobody can read: `verify` says so, and the attempt is sealed
        _bring_back(store, own)
    while True:
        before = store.records.manifest(own.id)
        if any(a.id == start.resumes.id for a in before.attempts):
            return before  # sealed by somebody else meanwhile: that one counts
        if where := promoted_as(store, own.id):
            return _by_itself(store, own, start.resumes, where)
        manifest = _with(store, before, points, start, own)
        try:
            store.records.add_manifest(manifest)
        except FileExistsError:
            continue
        return manifest


def _with(store: Store, before: RunManifest, points: str, start: Start, own: RunManifest) -> RunManifest:
    merged, old = points + ".merged", points_of(store, before)
    if before.points and not store.objects.is_whole(before.points):
        # Their loss is `verify`'s to tell, of the attempt they were of; it must not cost this one as well.
        said = "the points of the attempts before are missing or altered in the store: the curves begin here"
        own, old = replace(own, warnings=(*own.warnings, said)), _nothing
    lost: dict[str, int] = {}
    blocks = continued(old, lambda: blocks_of(points), lost)
    fd = os.open(merged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        for line in encoded(blocks):
            write_all(fd, line)
    finally:
        os.close(fd)
    own = replace(own, warnings=(*own.warnings, *_thrown_away(lost, before)))
    metrics = summarise(blocks_of(merged), lambda name: goal_for(name, start.goals))
    digest = store.objects.add_file(merged)[0] if metrics else None
    return put_together(_without_old_words(before, own), own, start, metrics, digest)


def _thrown_away(lost: Mapping[str, int], before: RunManifest) -> Iterator[str]:
    """Nobody looks for points that are not there, unless told; of very many metrics not one by one."""
    for name, count in [*lost.items()][:MOST_NAMED]:
        are, it = ("is", "it") if count == 1 else ("are", "them")
        where = f"of a state that was not gone on with, and not told again: {before.id}.{len(before.attempts) or 1} has"
        yield f"{counted(count, 'point')} of {name} {are} {where} {it}"
    if (more := len(lost) - MOST_NAMED) > 0:
        yield f"so it is with points of {counted(more, 'more metric')}"


def _without_old_words(before: RunManifest, own: RunManifest) -> RunManifest:
    """The run so far without parameters that its command line gave and the attempt's does not: they are not the run's
    any more. What `-p`, a config file or the program said (another value than the command line) is."""
    from exptrack.capture.params import from_command  # 4 ms, for continued runs only

    asked = before.asked.get("params")
    kept = {*from_command(own.command), *(asked if isinstance(asked, Mapping) else ())}
    gone = {k: v for k, v in from_command(before.command).items() if k not in kept}
    params = {k: v for k, v in before.params.items() if k not in gone or not _is_same(v, gone[k])}
    return replace(before, params=params)


def _is_same(a: object, b: object) -> bool:
    return type(a) is type(b) and a == b


def _nothing() -> Iterable[Series]:
    return ()


def points_of(store: Store, manifest: RunManifest) -> Blocks:
    """The points of a sealed run, readable from their beginning as often as needed."""
    if not manifest.points:
        return _nothing
    path = store.objects.path(manifest.points)
    return lambda: blocks_of(path)


def _by_itself(store: Store, own: RunManifest, resumes: Resumed, where: str) -> RunManifest:
    said = f"{own.id} was promoted as {where} while this attempt at it went on: it is a run of its own"
    manifest = replace(own, id=resumes.id, parent=own.id, warnings=(*own.warnings, said))
    try:
        store.records.add_manifest(manifest)
    except FileExistsError:
        return store.records.manifest(manifest.id)
    return manifest


def _bring_back(store: Store, own: RunManifest) -> None:
    """Outputs that retention had let go, and that this attempt has kept again, are there again."""
    before = store.records.manifest(own.id)
    known = {a.digest for a in before.kept}
    again = [a for a in own.artifacts if a.digest in known]
    if not again:
        return
    gone = apply_events(before, store.records.events_about(own.id)).expired
    there = {d for a in again for d in (a.digest, *(f.digest for f in files_of(store, a)))}
    if back := sorted(there.intersection(gone)):
        Journal(store).add(before.id, "unexpire", {"digests": back})
