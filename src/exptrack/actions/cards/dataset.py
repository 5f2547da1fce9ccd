"""What is known of a data set for its card: one digest, every run that used it and as what, and who made it."""

from __future__ import annotations

import re

from exptrack.actions.find import Library, opened, resolve
from exptrack.actions.promote import models
from exptrack.config import Project
from exptrack.errors import NoSuchRun
from exptrack.model import Input, Run
from exptrack.store.place import Store
from exptrack.store.schema import clean
from exptrack.typed import NamedTuple

SHORTEST_PREFIX = 4
_HEX = re.compile(r"[0-9a-f]+\Z")
_COLUMNS = "SELECT i.run, i.name, i.path, i.digest, i.size, i.files FROM inputs i JOIN runs r ON r.id = i.run"


class Use(NamedTuple):
    """One run that had the data as an input, and what it became: `promoted` as MODEL@N."""

    run: Run
    used: Input
    promoted: tuple[str, ...]


class Maker(NamedTuple):
    """A run that left these bytes as an output."""

    run: Run
    kind: str
    path: str


class Version(NamedTuple):
    """The same name with other bytes. `last_at`: start of the newest run that used them."""

    digest: str
    size: int
    files: int
    runs: int
    last_at: str


class DataFacts(NamedTuple):
    """`uses`: newest first, never empty; `others`: newest first."""

    name: str
    digest: str
    size: int
    files: int
    uses: tuple[Use, ...]
    makers: tuple[Maker, ...]
    others: tuple[Version, ...]


def dataset_facts(project: Project, store: Store, asked: str, run: str | None = None) -> DataFacts:
    """The input called `asked` (of the newest run that has one, or of `run`), or with a digest that begins so.

    NoSuchRun (exit 3) when there is none, it was not there when the run started, or the prefix fits several."""
    chosen = _of_run(resolve(project, store, run), asked) if run is not None else None
    with opened(project, store) as library:
        found = chosen or _anywhere(library, asked)
        promoted: dict[str, list[str]] = {}
        for history in models(store):
            for p in history.promotions:
                if p.run:
                    promoted.setdefault(p.run, []).append(f"{history.model}@{p.sequence}")
        assert found.digest is not None
        uses = [
            Use(library.load(run_id), item, tuple(promoted.get(run_id, ())))
            for run_id, item in _rows(library, "i.digest = ?", found.digest)
        ]
        sql = "SELECT DISTINCT run, kind, path FROM files WHERE digest = ? ORDER BY run"
        makers = [Maker(library.load(r), kind, path) for r, kind, path in library.index.select(sql, (found.digest,))]
        others = _others(library, found)
    return DataFacts(found.name, found.digest, found.size, found.files, tuple(uses), tuple(makers), others)


def _rows(library: Library, where: str, value: str) -> list[tuple[str, Input]]:
    """(run, input), the newest run first."""
    sql = f"{_COLUMNS} WHERE {where} ORDER BY r.started DESC, r.id DESC"
    rows = [row for index in reversed(library.indexes()) for row in index.select(sql, (clean(value),))]
    return [(r, Input(name=n, path=p, digest=d, size=s, files=f)) for r, n, p, d, s, f in rows]


def _of_run(run: Run, asked: str) -> Input:
    inputs = run.manifest.inputs
    found = [i for i in inputs if asked in (i.name, i.path)]
    found = found or [i for i in inputs if i.digest and _is_prefix(asked) and i.digest.startswith(asked)]
    if not found:
        known = ", ".join(i.name for i in inputs) or "none; `exptrack run -i NAME=PATH` declares one"
        raise NoSuchRun(f"run {run.id} has no input {asked}", f"its inputs: {known}")
    return _present(found, asked)


def _anywhere(library: Library, asked: str) -> Input:
    for where in ("i.name = ?", "i.path = ?"):
        if named := _rows(library, where, asked):
            return _present([item for _, item in named], asked)
    fitting = _rows(library, f"substr(i.digest, 1, {len(asked)}) = ?", asked) if _is_prefix(asked) else []
    digests = list(dict.fromkeys(item.digest for _, item in fitting))
    if len(digests) > 1:
        lines = [f"  {digest}  {name}" for digest, name in {i.digest: i.name for _, i in fitting}.items()]
        raise NoSuchRun(f"{asked} is the beginning of {len(digests)} digests", "write more of it:\n" + "\n".join(lines))
    if not fitting:
        names = {name for i in library.indexes() for (name,) in i.select("SELECT DISTINCT name FROM inputs")}
        known = ", ".join(sorted(names)[:20]) or "none; `exptrack run -i NAME=PATH` declares one"
        raise NoSuchRun(f"no run has an input {asked}", f"inputs: {known}")
    return fitting[0][1]


def _present(found: list[Input], asked: str) -> Input:
    there = [i for i in found if i.digest]
    if not there:
        raise NoSuchRun(f"input {asked} was not there or could not be read: it has no digest", "check the path and run")
    return there[0]


def _is_prefix(text: str) -> bool:
    return SHORTEST_PREFIX <= len(text) <= 64 and bool(_HEX.match(text))


def _others(library: Library, found: Input) -> tuple[Version, ...]:
    others: dict[str, Version] = {}
    for run_id, item in _rows(library, "i.name = ?", found.name):
        if item.digest and item.digest != found.digest:
            before = others.get(item.digest)
            at = before.last_at if before else library.load(run_id).manifest.started_at
            runs = before.runs + 1 if before else 1
            others[item.digest] = Version(item.digest, item.size, item.files, runs, at)
    return tuple(others.values())
