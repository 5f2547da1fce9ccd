"""Find runs: by what a user calls one (`resolve`), or by what they have in common (`find_runs`).

The index says which runs; what they are is read from their manifests. Runs still going on count like any other.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from exptrack.actions.goals import goal_for
from exptrack.actions.keys import Key, UnknownKey
from exptrack.actions.nearest import did_you_mean
from exptrack.actions.query import Condition, parse_filters
from exptrack.actions.search import Order, Search, named_in_full, parse_order, require_metric, unknown_names
from exptrack.actions.unsealed import unsealed_runs
from exptrack.amounts import counted
from exptrack.config import Project
from exptrack.errors import Damaged, ExptrackError, NoSuchRun
from exptrack.model import Run, RunManifest
from exptrack.reproduction import TAG
from exptrack.store.fold import apply_events
from exptrack.store.index import Index
from exptrack.store.place import Store
from exptrack.store.schema import clean
from exptrack.typed import NamedTuple

__all__ = [
    "Library",
    "apply_events",
    "best_ids",
    "count_runs",
    "find_runs",
    "goal_of",
    "load_run",
    "opened",
    "outputs_with",
    "resolve",
]

Warn = Callable[[str], None]
_BACK = re.compile(r"@(?:~(\d{1,9})?)?\Z")
_PROMOTED = re.compile(r"(.+)@(\d{1,9})?\Z", re.S)
CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Library:
    """Everything there is to find, opened once: the store, its index in step with it, and the unsealed runs."""

    project: Project
    store: Store
    index: Index
    unsealed: dict[str, RunManifest]
    live: Index | None

    def indexes(self) -> list[Index]:
        return [i for i in (self.index, self.live) if i is not None]

    def load(self, run_id: str) -> Run:
        """One run with every later word applied; NoSuchRun, or Damaged when its manifest is."""
        manifest = self.unsealed.get(run_id) or self.store.records.manifest(run_id)
        run = apply_events(manifest, self.index.events(run_id))
        models = self.index.select("SELECT model FROM current_models WHERE run = ? ORDER BY model", (run_id,))
        return replace(run, models=tuple(m for (m,) in models))

    def newest(self, condition: Condition | None, count: int) -> list[str]:
        """Ids of the newest runs that meet a condition."""
        search = Search([condition] if condition else [])
        return [row[0] for row in search.rows(self.index, self.live, count)]


@contextmanager
def opened(project: Project, store: Store, warn: Warn | None = None) -> Iterator[Library]:
    """The library for the length of a block. `warn` hears of an unusable index and of files that cannot be read."""
    unsealed = unsealed_runs(project, store, warn)
    with Index.open(project) as index:
        index.sync(store)
        live = None
        if unsealed:
            live = Index.in_memory()
            for run_id, manifest in unsealed.items():
                live.add_unsealed(manifest, index.events(run_id))
        try:
            yield Library(project, store, index, unsealed, live)
        finally:
            if live:
                live.close()
            if warn:
                for text in index.warnings:
                    warn(text)


def load_run(project: Project, store: Store, run_id: str) -> Run:
    """The run with exactly this id. NoSuchRun, or Damaged when its manifest cannot be read."""
    with opened(project, store) as library:
        return library.load(run_id)


def find_runs(
    project: Project,
    store: Store,
    filters: Sequence[str] = (),
    *,
    sort: Sequence[str] = (),
    columns: Sequence[str] = (),
    limit: int | None = None,
    warn: Warn | None = None,
    now: float | None = None,
) -> list[Run]:
    """Runs that meet every filter, sorted by the keys (`-KEY` reverses, missing values last, then newest first).

    `warn` hears of manifests that cannot be read (they are left out) and of names no run has. ExptrackError (exit 2)
    for a filter or key that means nothing, NoSuchRun for `best:METRIC` where there is none.
    """
    with answered(project, store):
        search = Search(conditions_of(project, store, filters, now), parse_order(sort))
    with opened(project, store, warn) as library:
        if warn:
            for text in unknown_names(search, library.indexes(), columns):
                warn(text)
        return _loaded(library, search, limit, warn)


def conditions_of(project: Project, store: Store, filters: Sequence[str], now: float | None) -> list[Condition]:
    """What filters mean; `best:METRIC` is the best run of those that meet the others. NoSuchRun when there is none."""
    metrics = [word.removeprefix("best:") for word in filters if word.startswith("best:")]
    others = [word for word in filters if not word.startswith("best:")] if metrics else filters
    found = parse_filters(others, now=now)
    if metrics:
        with opened(project, store) as library:
            best = [best_ids(library, metric, others)[0] for metric in metrics]
        found += [Condition("r.id = ?", (run_id,)) for run_id in best]
    return found


@contextmanager
def answered(project: Project, store: Store) -> Iterator[None]:
    """An unknown key in this block is answered with what the runs have that is called so."""
    try:
        yield
    except UnknownKey as e:
        with opened(project, store) as library:
            raise named_in_full(e, library.indexes()) from None


def _loaded(library: Library, search: Search, limit: int | None, warn: Warn | None) -> list[Run]:
    """The runs a search names. A manifest that went bad after it was indexed is forgotten and the question asked again,
    so that the answer is the one a fresh index would give."""
    loaded: dict[str, Run] = {}
    while True:
        ids = [row[0] for row in search.rows(library.index, library.live, limit)]
        bad = ""
        for run_id in ids:
            if run_id in loaded:
                continue
            try:
                loaded[run_id] = library.load(run_id)
            except (Damaged, NoSuchRun) as e:
                bad = run_id
                library.index.forget(run_id, str(e))
        if not bad:
            break
    if warn:
        for path, text in library.index.problems():
            warn(f"{path} is left out: {text}")
    return [loaded[i] for i in ids]


def count_runs(project: Project, store: Store, filters: Sequence[str] = (), *, now: float | None = None) -> int:
    """How many runs meet every filter."""
    with answered(project, store):
        search = Search(conditions_of(project, store, filters, now))
    with opened(project, store) as library:
        return search.count(library.index, library.live)


class Output(NamedTuple):
    """One file a run left: `kind` as declared (model, split ...), `path` below the run's folder."""

    run_id: str
    kind: str
    path: str
    size: int


def outputs_with(library: Library, digest: str) -> list[Output]:
    """Every kept output with these bytes (sha256 in hex), files inside kept folders too; the newest run first."""
    sql = (
        "SELECT DISTINCT f.run, f.kind, f.path, f.size FROM files f JOIN runs r ON r.id = f.run WHERE f.digest = ? "
        "ORDER BY r.started DESC, r.id DESC, f.path"
    )
    return [Output(*row) for row in library.index.select(sql, (digest,))]


def resolve(project: Project, store: Store, text: str) -> Run:
    """The run a user means: id, name (the newest so called), unique prefix of an id, `@`, `@~N`, `MODEL@`, `MODEL@N`,
    `best:METRIC`. NoSuchRun (exit 3) lists candidates; ExptrackError (exit 2) when a metric has no known goal."""
    with opened(project, store) as library:
        return library.load(_id_of(library, clean(text)))


def _id_of(library: Library, text: str) -> str:
    if m := _BACK.match(text):
        return _back(library, text, int(m[1] or 1) if "~" in text else 0)
    if text.startswith("best:"):
        return best_ids(library, text.removeprefix("best:"))[0]
    if text in library.unsealed or library.store.records.has_run(text):
        return text
    if named := library.newest(Condition("r.name = ?", (text,)), 1):
        return named[0]
    if m := _PROMOTED.match(text):
        return _promoted(library, m[1], int(m[2]) if m[2] else None)
    return _by_prefix(library, text)


def _back(library: Library, text: str, steps: int) -> str:
    ids = library.newest(None, steps + 1)
    if len(ids) <= steps:
        if not ids:
            raise NoSuchRun(f"no run {text}: there are no runs yet", "`exptrack run -- COMMAND` records one")
        there = f"there {'is' if len(ids) == 1 else 'are'} only {counted(len(ids), 'run')}"
        raise NoSuchRun(f"no run {text}: {there}", "`exptrack ls` lists the runs")
    return ids[-1]


def best_ids(library: Library, metric: str, filters: Sequence[str] = (), count: int = 1) -> list[str]:
    """The best finished runs by a metric, best first, the newer of equal ones first; copies by `reproduce` aside.
    NoSuchRun when there is none."""
    goal = goal_of(library, metric)
    require_metric(metric, library.indexes())
    if goal is None:
        raise ExptrackError(
            f"nothing says whether more or less `{metric}` is better",
            f'say it in exptrack.toml: [metrics] goals = {{ "{metric}" = "max" }}',
        )
    key = Key(f"metrics.{metric}", "metrics", goal, "metrics", metric)
    # 9e999 is SQLite's infinity: a run that overflowed is not the best one.
    usable = f'SELECT run FROM metrics WHERE name = ? AND "{goal}" > -9e999 AND "{goal}" < 9e999'  # noqa: S608 - min or max
    copies = Condition("r.id NOT IN (SELECT run FROM tags WHERE key = ?)", (TAG,))
    conditions = [
        Condition("r.status = 'finished'", ()),
        copies,
        Condition(f"r.id IN ({usable})", (clean(metric),), key),
    ]
    search = Search([*conditions, *parse_filters(filters)], [Order(key, goal == "max")])
    rows = search.without(library.live).rows(library.index, None, count)
    if not rows:
        said = unknown_names(search, library.indexes())
        hint = said[0] if said else "`exptrack ls` lists the runs"
        which = " that matches" if filters else ""
        raise NoSuchRun(f"no finished run{which} has a value of `{metric}`", hint)
    return [str(row[0]) for row in rows]


def goal_of(library: Library, metric: str) -> str | None:
    """max or min: what the policy or the metric's name says, else what was in force when the runs were sealed, when all
    agree."""
    if goal := goal_for(metric, library.project.config.goals):
        return goal
    sql = "SELECT DISTINCT goal FROM metrics WHERE name = ? AND goal IS NOT NULL"
    goals = library.index.select(sql, (metric,))
    return str(goals[0][0]) if len(goals) == 1 else None


def _promoted(library: Library, model: str, number: int | None) -> str:
    sql = "SELECT sequence, run FROM promotions WHERE model = ? ORDER BY sequence"
    history = dict(library.index.select(sql, (model,)))
    if not history:
        models = [m for (m,) in library.index.select("SELECT DISTINCT model FROM promotions")]
        raise NoSuchRun(f"no model {model}", did_you_mean(model, models) or "`exptrack models` lists them")
    wanted = max(history) if number is None else number
    hint = f"`exptrack models {shlex.quote(model)}` shows its history"
    if wanted not in history:
        raise NoSuchRun(f"{model} has no promotion {wanted}, only {min(history)} to {max(history)}", hint)
    if history[wanted] is None:
        raise NoSuchRun(f"{model} has no current run: promotion {wanted} was a demotion", hint)
    return str(history[wanted])


def _by_prefix(library: Library, text: str) -> str:
    ids = library.newest(Condition("substr(r.id, 1, ?) = ?", (len(text), text)), CANDIDATES + 1) if text else []
    if len(ids) == 1:
        return ids[0]
    if not ids:
        sql = "SELECT DISTINCT name FROM runs WHERE name IS NOT NULL"
        names = [name for i in library.indexes() for (name,) in i.select(sql)]
        raise NoSuchRun(f"no run {text}", did_you_mean(text, names) or "`exptrack ls` lists the runs")
    lines = [_candidate(library, i) for i in ids[:CANDIDATES]] + ["…"] * (len(ids) > CANDIDATES)
    many = f"more than {CANDIDATES}" if len(ids) > CANDIDATES else str(len(ids))
    raise NoSuchRun(f"{text} is the beginning of {many} runs", "write more of it:\n  " + "\n  ".join(lines))


def _candidate(library: Library, run_id: str) -> str:
    sql = "SELECT name, status, started_at FROM runs WHERE id = ?"
    row = next(row for i in library.indexes() for row in i.select(sql, (run_id,)))
    return "  ".join([run_id, *(str(v) for v in row if v)])
