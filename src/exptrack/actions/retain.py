"""`gc`: which bytes policy lets go, run by run with the rule that says so, and letting them go.

Decided from the store's files, never from the index. Of what runs name only bytes of outputs go: manifests, points,
logs, code and the listings of folders stay; what nobody names goes too (unnamed.py). The words come first (an
`expire` event a run), then the bytes move to the trash: interrupted at any instant, the store is whole.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping

from exptrack import amounts
from exptrack.actions.freshness import YOUNG, Freshness, wait_for_next
from exptrack.actions.holdings import Words, files_of, read_words, records_of, tree_of
from exptrack.actions.journal import Journal
from exptrack.actions.keep_rules import Reasons, add_lineage, reasons_to_stay
from exptrack.actions.links import Link, Made, Span, Used, link
from exptrack.actions.trash import Moved, TrashBatch, alone, move_to_trash
from exptrack.actions.unnamed import NOTHING, Unnamed, file_info, find_unnamed, move_unnamed
from exptrack.actions.unsealed import unsealed_runs
from exptrack.capture.seen import CACHE_FILE
from exptrack.config import Project, parse_duration
from exptrack.errors import Damaged, NoSuchRun
from exptrack.files import remove_if_there
from exptrack.model import Run, RunManifest, StoredFile
from exptrack.store.as_read import digest_as_read
from exptrack.store.fold import apply_events
from exptrack.store.hints import FILE as HINTS
from exptrack.store.place import Store
from exptrack.typed import NamedTuple

SHARED, RECENT = "shared", "recent"
FITS = "the store fits into max_size with it"


class Fate(NamedTuple):
    """What becomes of one run's outputs. `rules`: what keeps them (empty: nothing does); `goes`: digest -> bytes that
    go; `held`: bytes that nothing of this run keeps and that stay for another reason, SHARED or RECENT;
    `folders`: digests of kept folders that lose files; `size`: bytes of the outputs that are in the store; `sharers`:
    the runs that stay whose outputs the SHARED bytes are too, newest first (none: code, points or logs have them)."""

    run: Run
    rules: tuple[str, ...]
    goes: Mapping[str, int]
    held: Mapping[str, int]
    folders: tuple[str, ...]
    size: int
    sharers: tuple[str, ...] = ()


class Plan(NamedTuple):
    """Oldest run first; runs without outputs in the store are left out. `store_size`: bytes of all objects now, those
    without a name included; `unnamed`: what goes because nobody names it; `accounted`: digest -> its mtime, of what
    goes although it was stored lately; `second`: when the plan was begun."""

    fates: tuple[Fate, ...]
    store_size: int
    max_size: int | None
    warnings: tuple[str, ...]
    unnamed: Unnamed = NOTHING
    accounted: Mapping[str, float] = {}
    second: int = 0

    @property
    def goes(self) -> dict[str, int]:
        """Digest -> bytes of all that goes of runs."""
        return {digest: size for fate in self.fates for digest, size in fate.goes.items()}


class Inventory:
    """Every run of the store with the files of its outputs, and who names what."""

    def __init__(self, project: Project, store: Store, words: Words) -> None:
        self.store, self.freshness = store, Freshness(project, store)
        self.runs = [_run(store, run_id, words) for run_id in store.records.run_ids()]
        self.unsealed = unsealed_runs(project, store)
        self.files: dict[str, dict[str, StoredFile]] = {}
        self.folders: dict[str, dict[str, set[str]]] = defaultdict(dict)
        self.namers: dict[str, set[str]] = defaultdict(set)
        self.protected: set[str] = set()
        self.unread: list[str] = []
        self.sizes: dict[str, int] = {}
        self.read_as: list[Made] = []
        for run in self.runs:
            self.files[run.id] = {f.digest: f for f in self._outputs(run.manifest)}
            for digest in self.files[run.id]:
                self.namers[digest].add(run.id)
        trees: set[str] = set()
        for manifest in [*(r.manifest for r in self.runs), *self.unsealed.values()]:
            self._protect(manifest, trees)

    def _outputs(self, manifest: RunManifest) -> Iterable[StoredFile]:
        for artifact in manifest.kept:
            try:
                files = files_of(self.store, artifact)
            except Damaged:
                # Which files it had nobody knows any more: none of them is let go on its account.
                self.protected.add(artifact.digest)
                self.unread.append(f"{artifact.kind} {artifact.path} of {manifest.id}")
                continue
            if artifact.is_tree:
                self.protected.add(artifact.digest)
                self.folders[manifest.id][artifact.digest] = {f.digest for f in files}
                if digest := digest_as_read(files):
                    self.read_as.append(Made(manifest.id, digest, artifact.kind, artifact.path))
            yield from files

    def _protect(self, manifest: RunManifest, trees: set[str]) -> None:
        for holding in records_of(manifest):
            self.protected.add(holding.digest)
            if holding.is_tree and holding.digest not in trees:
                trees.add(holding.digest)
                try:
                    self.protected.update(f.digest for f in tree_of(self.store, holding.digest))
                except Damaged:
                    self.unread.append(f"the code of {manifest.id}")  # it cannot be restored as it is

    def size(self, digest: str) -> int:
        """Bytes in the store; 0 when they are not there."""
        if digest not in self.sizes:
            self.sizes[digest] = self.store.objects.size(digest) or 0
        return self.sizes[digest]

    def links(self) -> list[Link]:
        """Lineage among all runs, those still going on included."""
        manifests = [*(r.manifest for r in self.runs), *self.unsealed.values()]
        spans = {m.id: Span(m.started_at, m.ended_at or "") for m in manifests}
        made = [Made(r.id, a.digest, a.kind, a.path) for r in self.runs for a in r.manifest.kept]
        made += [Made(i, f.digest, "", f.path) for i, files in self.files.items() for f in files.values()]
        made += self.read_as
        used = [Used(m.id, i.digest, i.name, i.path) for m in manifests for i in m.inputs if i.digest]
        return link(spans, made, used)


def _run(store: Store, run_id: str, words: Words) -> Run:
    try:
        return apply_events(store.records.manifest(run_id), words.events.get(run_id, ()))
    except (Damaged, NoSuchRun) as e:
        raise Damaged(f"nothing may go: {e.message}", "what it keeps is unknown; `exptrack verify` shows it") from e


def plan_gc(project: Project, store: Store, now: float) -> Plan:
    """What would go now, and what stays by which rule. `now`: seconds since the epoch. Damaged when a record that may
    keep something cannot be read: then nothing may go."""
    words = read_words(store)
    if words.problems:
        where, what, wrong = words.problems[0]
        raise Damaged(f"nothing may go: {where or what}: {wrong}", "`exptrack verify` lists what is damaged")
    inventory, warnings = Inventory(project, store, words), list[str]()
    reasons = reasons_to_stay(inventory.runs, words.promotions, project.config, now, warnings)
    for run_id in inventory.unsealed:
        reasons[run_id].append("goes on")  # as its next attempt: its outputs are what that began with
    links = inventory.links()
    add_lineage(reasons, links, {*(i for i, why in reasons.items() if why), *inventory.unsealed})
    store_size, unnamed = _size_of(store), _unnamed(inventory, project, now, warnings)
    leaving = [r for r in inventory.runs if not reasons.get(r.id)]
    limit = project.config.retention_max_bytes
    chosen = (
        {r.id for r in leaving}
        if limit is None
        else _until_it_fits(inventory, leaving, links, store_size - unnamed.size - limit)
    )
    for run in leaving:
        if run.id not in chosen:
            reasons[run.id] = [FITS]
    accounted: dict[str, float] = {}
    fates = _fates(inventory, reasons, chosen, now, accounted)
    if limit is not None:
        left = store_size - unnamed.size - sum({d: s for f in fates for d, s in f.goes.items()}.values())
        if left > limit:
            warnings.append(f"{amounts.size(left - limit)} more than max_size stay: a rule keeps each of them")
    return Plan(tuple(fates), store_size, limit, tuple(warnings), unnamed, accounted, inventory.freshness.second)


def _unnamed(inventory: Inventory, project: Project, now: float, warnings: list[str]) -> Unnamed:
    if inventory.unread:
        warnings.append(f"what nobody names stays: the listing of {inventory.unread[0]} cannot be read")
        return NOTHING
    named = {*inventory.protected, *inventory.namers}
    age = max(YOUNG, parse_duration(project.config.retention_orphans) or 0.0)
    return find_unnamed(inventory.store, named, age, now)


def _size_of(store: Store) -> int:
    """Bytes below objects/, files that are being written or were left by who died included."""
    if not os.path.isdir(store.objects.root):
        return 0
    entries = list(os.scandir(store.objects.root))
    entries += [entry for folder in entries if folder.is_dir() for entry in os.scandir(folder)]
    return sum(info.st_size for entry in entries if (info := file_info(entry)))


def _until_it_fits(inventory: Inventory, leaving: list[Run], links: list[Link], excess: int) -> set[str]:
    """The oldest runs whose going makes the store small enough; none before the runs that were made from it."""
    users: dict[str, set[str]] = defaultdict(set)
    for made, used in links:
        users[made.run].add(used.run)
    chosen: set[str] = set()
    waiting = sorted(leaving, key=lambda r: (r.manifest.ended_at or r.manifest.started_at, r.id))
    freed = 0
    while freed < excess and waiting:
        run = next((r for r in waiting if users[r.id] <= chosen), None)
        if run is None:
            break
        waiting.remove(run)
        chosen.add(run.id)
        freed += sum(
            inventory.size(d)
            for d in inventory.files[run.id]
            if d not in inventory.protected and inventory.namers[d] <= chosen
        )
    return chosen


def _fates(
    inventory: Inventory, reasons: Reasons, chosen: set[str], now: float, accounted: dict[str, float]
) -> list[Fate]:
    """`accounted` (Plan) is filled in."""
    fates, fresh = list[Fate](), inventory.freshness
    for run in inventory.runs:
        goes, held, sharers = dict[str, int](), dict[str, int](), set[str]()
        there = {d: inventory.size(d) for d in inventory.files[run.id] if inventory.store.objects.has(d)}
        for digest, size in there.items():
            if run.id not in chosen:
                continue
            if digest in inventory.protected or not inventory.namers[digest] <= chosen:
                held[SHARED] = held.get(SHARED, 0) + size
                sharers |= inventory.namers[digest] - chosen
            elif now - (at := fresh.stored_at(digest)) >= YOUNG:
                goes[digest] = size
            elif fresh.is_accounted(at, inventory.namers[digest]):
                goes[digest], accounted[digest] = size, at
            else:
                held[RECENT] = held.get(RECENT, 0) + size
        if there:
            folders = tuple(sorted(t for t, files in inventory.folders[run.id].items() if files & goes.keys()))
            rules = tuple(reasons.get(run.id, ()))
            others = tuple(sorted(sharers, reverse=True))
            fates.append(Fate(run, rules, goes, held, folders, sum(there.values()), others))
    return fates


def _settled(project: Project, store: Store, now: float) -> Plan:
    """The plan, made in a later second than the last touch it accounts for: the next touch is told by its time."""
    plan = plan_gc(project, store, now)
    if any(int(at) >= plan.second for at in plan.accounted.values()):
        wait_for_next(plan.second)
        plan = plan_gc(project, store, now)
    known = {digest: at for digest, at in plan.accounted.items() if int(at) < plan.second}
    return plan._replace(accounted=known)


def collect(project: Project, store: Store, now: float | None = None) -> tuple[Plan, Moved | None]:
    """Let go what the plan says: words first, then the bytes to the trash. None: there was nothing to let go."""
    moment = time.time() if now is None else now
    with alone(store):
        plan = _settled(project, store, moment)
        goes, unnamed = plan.goes, plan.unnamed
        if not goes and not unnamed.objects and not unnamed.leftovers:
            return plan, None
        named = {f.run.id: sorted({*f.goes, *f.folders}) for f in plan.fates if f.goes}
        batch = TrashBatch.make(store, moment, named, {**goes, **unnamed.objects, **unnamed.leftovers})
        journal = Journal(store)
        for run_id, digests in named.items():
            journal.add(run_id, "expire", {"digests": digests, "trash": batch.stamp}, at=moment)
        moved = move_to_trash(store, batch, goes, young=YOUNG, accounted=plan.accounted)
        rest = move_unnamed(store, batch, unnamed, young=YOUNG)
        # They say which trees, and with them their files, and which outputs need not be stored again.
        for name in (CACHE_FILE, HINTS):
            remove_if_there(os.path.join(project.cache, name))
        sums = (moved.objects + rest.objects, moved.size + rest.size, moved.spared + rest.spared)
        return plan, Moved(batch.stamp, *sums)
