"""`verify`: read again everything that is named, and say which runs are hurt.

Manifests decode and agree with the points they were made from, every object is there and has the bytes its name says,
and the histories of models show no change. Bytes that retention let go are no damage.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from exptrack.actions.check_record import record_problems
from exptrack.actions.hashing import Progress, altered_among
from exptrack.actions.holdings import Holding, Words, holdings, read_words, tree_of
from exptrack.actions.ledger import check_ledger, heads
from exptrack.actions.unfinished import Unfinished
from exptrack.errors import Damaged, ExptrackError, NoSuchRun
from exptrack.model import RunManifest
from exptrack.store.place import Store
from exptrack.typed import NamedTuple


class Problem(NamedTuple):
    """`run`: its id, or MODEL@N for a line of a model's history; `wrong`: missing, altered, or how; `file`: the
    altered object."""

    run: str
    what: str
    wrong: str
    digest: str | None = None
    file: str | None = None


class Earlier(NamedTuple):
    """What an interrupted verify, begun at `since` (seconds since the epoch), had read and was not read again."""

    since: float
    objects: int
    size: int


class Verified(NamedTuple):
    """`objects` are named by `runs` runs; `read` of them, `size` bytes, were hashed again. `heads`: model -> sha256 of
    the last line of its history."""

    runs: int
    objects: int
    read: int
    size: int
    problems: tuple[Problem, ...]
    heads: dict[str, str]
    earlier: Earlier | None = None


class Survey:
    """What the manifests name: who names which object, which objects are trees, what is missing or altered."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.manifests: dict[str, RunManifest] = {}
        self.named: dict[str, list[tuple[str, Holding]]] = defaultdict(list)
        self.trees: set[str] = set()
        self.inner: set[str] = set()
        self.bad: dict[str, str] = {}
        self.problems: list[Problem] = []

    def take(self, run_id: str) -> None:
        """Read one manifest and note what it names; those of earlier attempts must be whole as well."""
        try:
            manifest = self.store.records.manifest(run_id)
        except (Damaged, NoSuchRun) as e:
            self.problems.append(Problem(run_id, "manifest", e.message))
            return
        named = list(holdings(manifest))
        for number in range(1, len(manifest.attempts)):
            try:
                before = self.store.records.manifest(run_id, number)
            except (Damaged, NoSuchRun) as e:
                self.problems.append(Problem(run_id, "manifest", e.message))
                continue
            if number > 1 and before.points:  # those of the first attempt are its own
                named.append(Holding(before.points, f"points as of attempt {number}"))
        self.manifests[run_id] = manifest
        for holding in named:
            try:
                self.store.objects.path(holding.digest)
            except Damaged as e:
                self.problems.append(Problem(run_id, holding.what, e.message))
                continue
            self.named[holding.digest].append((run_id, holding))
            if holding.is_tree:
                self.trees.add(holding.digest)

    def read_trees(self) -> None:
        """Trees are small and name the rest: all of them are read, whatever the sample."""
        for digest in sorted(self.trees):
            try:
                self.inner.update(f.digest for f in tree_of(self.store, digest))
            except Damaged:
                self.bad[digest] = self.wrong(digest)

    def wrong(self, digest: str) -> str:
        return "altered" if self.store.objects.has(digest) else "missing"

    def sizes(self) -> dict[str, int]:
        """Bytes of every named object but the trees; missing ones are noted as bad."""
        out = {}
        for digest in sorted((set(self.named) | self.inner) - self.trees):
            size = self.store.objects.size(digest)
            if size is None:
                self.bad[digest] = "missing"
            else:
                out[digest] = size
        return out

    def look_again(self) -> None:
        """What was not in its place may be back: `undo gc` moves the bytes, and then says so."""
        for digest in [d for d in self.bad if self.store.objects.is_whole(d)]:
            del self.bad[digest]
            if digest in self.trees:
                files = {f.digest for f in tree_of(self.store, digest)}
                self.inner |= files
                self.bad.update((d, "missing") for d in files if not self.store.objects.has(d))

    def hurt(self, expired: Callable[[str], frozenset[str]]) -> Iterable[Problem]:
        """Every run that names something bad, and what of it. `expired`: digests a run may lack."""
        for digest, wrong in sorted(self.bad.items()):
            for run_id, holding in self.named.get(digest, ()):
                if wrong != "missing" or digest not in expired(run_id):
                    yield self._problem(run_id, holding.what, wrong, digest)
        bad_inside = self.inner.intersection(self.bad)
        if not bad_inside:
            return
        for tree in sorted(self.trees - set(self.bad)):
            for file in tree_of(self.store, tree):
                if file.digest not in bad_inside:
                    continue
                for run_id, holding in self.named[tree]:
                    wrong = self.bad[file.digest]
                    if wrong != "missing" or file.digest not in expired(run_id):
                        separator = " " if holding.what.startswith("code") else "/"
                        what = f"{holding.what}{separator}{file.path}"
                        yield self._problem(run_id, what, wrong, file.digest)

    def _problem(self, run_id: str, what: str, wrong: str, digest: str) -> Problem:
        return Problem(run_id, what, wrong, digest, self.store.objects.path(digest) if wrong == "altered" else None)


def verify(
    store: Store,
    run_ids: Sequence[str] | None = None,
    *,
    sample: float = 1.0,
    progress: Progress | None = None,
    unfinished: Unfinished | None = None,
) -> Verified:
    """Check these runs; None: the whole store, histories of models included. `sample`: the share of objects (0 to 1)
    whose bytes are read again; that all are there, and everything small, is always checked. `unfinished`: what an
    interrupted verify had read; after Ctrl-C (ExptrackError, exit 130) it knows how far this one came."""
    survey = Survey(store)
    for run_id in store.records.run_ids() if run_ids is None else run_ids:
        survey.take(run_id)
    survey.read_trees()
    sizes = survey.sizes()
    chosen = sorted(sizes) if sample >= 1 else _drawn(sorted(sizes), sample)
    earlier = None
    if unfinished and run_ids is None and sample >= 1:
        chosen, earlier = _left_to_read(store, chosen, sizes, unfinished)
        bad = _read_on(store, {d: sizes[d] for d in chosen}, progress, unfinished)
    else:
        bad = altered_among(store, {d: sizes[d] for d in chosen}, progress)
    survey.bad.update((d, survey.wrong(d)) for d in bad)
    # After the hashing and not before: what `gc` let go meanwhile is said by now.
    words = read_words(store)
    survey.look_again()
    found = [*survey.problems, *survey.hurt(_expired(survey, words))]
    for run_id, number in store.records.stray_attempts():
        if run_ids is None or run_id in run_ids:
            found.append(Problem(run_id, "manifest", f"there is an attempt {number}; one before it is missing"))
    for manifest in survey.manifests.values():
        found += [Problem(manifest.id, *p) for p in record_problems(store, manifest, survey.bad)]
    found += [Problem(*p) for p in _ledger(store, words, None if run_ids is None else set(run_ids))]
    return Verified(
        runs=len(survey.manifests),
        objects=len(set(survey.named) | survey.inner),
        read=len(chosen) + len(survey.trees),
        size=sum(sizes[d] for d in chosen),
        problems=tuple(dict.fromkeys(found)),
        heads=heads(store, words),
        earlier=earlier,
    )


def _left_to_read(
    store: Store, digests: list[str], sizes: dict[str, int], unfinished: Unfinished
) -> tuple[list[str], Earlier | None]:
    def is_read(digest: str) -> bool:
        try:
            return unfinished.is_read(digest, os.lstat(store.objects.path(digest)))
        except FileNotFoundError:
            return False

    left = [d for d in digests if d not in unfinished.read or not is_read(d)]
    done = set(digests).difference(left)
    return left, Earlier(unfinished.since, len(done), sum(sizes[d] for d in done)) if done else None


def _read_on(store: Store, sizes: dict[str, int], progress: Progress | None, unfinished: Unfinished) -> list[str]:
    """`altered_among` that can be interrupted and gone on with."""
    try:
        bad = altered_among(store, sizes, progress, unfinished.note)
    except KeyboardInterrupt as e:
        unfinished.save()
        hint = "`exptrack verify` goes on from here; `exptrack verify --again` reads everything"
        raise ExptrackError(f"interrupted: {len(unfinished.read)} objects were read and are whole", hint, 130) from e
    unfinished.forget()
    return bad


def _drawn(digests: list[str], share: float) -> list[str]:
    """Another sample each time, so that in the end everything is looked at."""
    return sorted(random.sample(digests, min(len(digests), max(1, round(len(digests) * share))))) if digests else []


def _expired(survey: Survey, words: Words) -> Callable[[str], frozenset[str]]:
    from exptrack.store.fold import apply_events

    known: dict[str, frozenset[str]] = {}

    def expired(run_id: str) -> frozenset[str]:
        if run_id not in known:
            run = apply_events(survey.manifests[run_id], words.events.get(run_id, ()))
            known[run_id] = frozenset(run.expired)
        return known[run_id]

    return expired


def _ledger(store: Store, words: Words, only: set[str] | None) -> list[tuple[str, str, str]]:
    """What is wrong with events and histories; with `only`, what concerns these runs."""
    found = [*words.problems, *check_ledger(store, words)]
    return found if only is None else [p for p in found if p[0] in only]


def parse_sample(text: str) -> float:
    """'10%' or '0.1' -> 0.1; ExptrackError for anything else."""
    number = text.strip().removesuffix("%")
    try:
        share = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise ExptrackError(f"{text!r} is not a share", "write --sample 10%")
    return share
