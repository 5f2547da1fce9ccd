"""The points of runs, sealed or still growing: one source a metric, the one its summary in `show` is of.

A live run is read from its directory, a sealed one from the object its manifest names; a Watch goes over from the one
to the other without losing or doubling a point.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from exptrack.actions.carry_on import points_of
from exptrack.actions.places import Place
from exptrack.actions.unsealed import is_going_on
from exptrack.errors import ExptrackError, NoSuchRun
from exptrack.files import read_whole_lines
from exptrack.model import Run, RunManifest
from exptrack.record.continued import continued
from exptrack.record.points import READ_AT_ONCE, Series, blocks_of, read_blocks
from exptrack.record.rundir import POINTS, RunDir
from exptrack.record.summaries import most_precise


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One metric of one run: equally long columns in the order the points were seen. `at` and `started`: seconds since
    the epoch; `status` as `ls` has it."""

    run: str
    run_name: str | None
    status: str
    started: float
    name: str
    source: str
    values: Sequence[float]
    steps: Sequence[float]
    epochs: Sequence[float | None]
    at: Sequence[float]


class Wanted:
    """The metrics a user asked for: a name, several with commas between them, globs."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.terms = [t.strip() for t in text.split(",") if t.strip()]
        if not self.terms:
            raise ExptrackError("no metric named", "as in `exptrack plot val/loss`; `exptrack show` lists the metrics")

    def takes(self, name: str) -> bool:
        # The whole text first: names may have commas and brackets of their own.
        return name == self.text or any(name == t or fnmatchcase(name, t) for t in self.terms)

    def unmet(self, names: Iterable[str]) -> list[str]:
        """The terms that no name answers to."""
        known = list(names)
        if self.text in known:
            return []
        return [t for t in self.terms if not any(n == t or fnmatchcase(n, t) for n in known)]


@dataclass(slots=True)
class _Columns:
    values: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    epochs: list[float | None] = field(default_factory=list)
    at: list[float] = field(default_factory=list)


class _Taken:
    """What was read of one run so far; `sources`: metric, wanted or not -> those that told it, as they appeared."""

    def __init__(self, takes: Callable[[str], bool]) -> None:
        self._takes = takes
        self.sources: dict[str, dict[str, _Columns]] = {}

    def add(self, blocks: Iterable[Series]) -> None:
        for block in blocks:
            if not block.values:
                continue
            columns = self.sources.setdefault(block.name, {}).setdefault(block.source, _Columns())
            if self._takes(block.name):
                columns.values += block.values
                columns.steps += block.steps
                columns.epochs += block.epochs
                columns.at += block.at


class Watch:
    """Several runs and the metrics wanted of them; every `look` reads what has come since the last one."""

    def __init__(self, place: Place, runs: Sequence[Run], wanted: Wanted) -> None:
        self.wanted = wanted
        self._parts = [_Part(place, run, wanted) for run in {r.id: r for r in runs}.values()]

    def look(self) -> bool:
        """Read on; True when there may be more later. Damaged when a sealed run's points are missing or altered."""
        answers = [part.look() for part in self._parts]  # every one of them, so not any() at once
        return any(answers)

    @property
    def size(self) -> int:
        """Points read so far: another number, another picture."""
        return sum(part.size for part in self._parts)

    def curves(self) -> list[Curve]:
        """By metric, then by run in the order they were named."""
        found = [curve for part in self._parts for curve in part.curves()]
        order = {name: n for n, name in enumerate(sorted({c.name for c in found}, key=self._place_of))}
        return sorted(found, key=lambda c: order[c.name])

    def _place_of(self, name: str) -> tuple[int, str]:
        terms = self.wanted.terms
        return next((n for n, t in enumerate(terms) if name == t or fnmatchcase(name, t)), len(terms)), name

    def names(self) -> list[str]:
        """Every metric the runs have, wanted or not."""
        return sorted({name for part in self._parts for name in part.taken.sources})

    def unmet(self) -> list[tuple[str, list[str]]]:
        """(run, terms that none of its metrics answers to), for each run that lacks any."""
        lacks = [(part.run.name or part.run.id, self.wanted.unmet(part.taken.sources)) for part in self._parts]
        return [(run, terms) for run, terms in lacks if terms]


class _Part:
    """One run of a Watch."""

    def __init__(self, place: Place, run: Run, wanted: Wanted) -> None:
        self.place, self.run, self.status = place, run.manifest, run.status
        self._wanted = wanted
        self._is_final = False
        self._forget()

    def _forget(self) -> None:
        self.taken = _Taken(self._wanted.takes)
        self._offset = self._inode = 0
        self._size = -1

    def look(self) -> bool:
        if self._is_final:
            return False
        store, run_dir = self.place.store, RunDir(os.path.join(self.place.project.live, self.run.id))
        if store.records.has_run(self.run.id) and not is_going_on(store, run_dir):
            self._take_sealed(store.records.manifest(self.run.id))
            return False
        # Asked before reading: what a run prints last is there when it has stopped living.
        is_alive = run_dir.is_alive
        try:
            if store.records.has_run(self.run.id):
                self._take_continued(run_dir.file(POINTS))
            else:
                self._take_live(run_dir.file(POINTS))
        except FileNotFoundError:
            if not is_alive and not os.path.exists(run_dir.path) and not store.records.has_run(self.run.id):
                raise NoSuchRun(f"run {self.run.id} is gone") from None
        # A directory that has just gone away was sealed: the next look takes all of it from the store.
        return is_alive or store.records.has_run(self.run.id)

    def _take_sealed(self, manifest: RunManifest) -> None:
        self._forget()
        self._is_final, self.run, self.status = True, manifest, manifest.status
        if manifest.points:
            data = self.place.store.objects.read(manifest.points)
            self.taken.add(read_blocks(data.splitlines()))

    def _take_continued(self, path: str) -> None:
        """A living attempt's points tell which of the older ones they replace: all are read again when some came."""
        before = points_of(self.place.store, self.place.store.records.manifest(self.run.id))
        try:
            size = os.stat(path).st_size
        except FileNotFoundError:
            size = 0  # it has told nothing yet
        if size == self._size:
            return
        self._forget()
        self._size = size
        self.taken.add(continued(before, lambda: blocks_of(path)))

    def _take_live(self, path: str) -> None:
        info = os.stat(path)
        if info.st_ino != self._inode or info.st_size < self._offset:
            # Another recorder took over and reads everything anew.
            self._forget()
            self._inode = info.st_ino
        while True:
            lines, after = read_whole_lines(path, self._offset, limit=READ_AT_ONCE)
            if after == self._offset:
                return
            self.taken.add(read_blocks(lines))
            self._offset = after

    @property
    def size(self) -> int:
        # A sealed run is another picture too: its status is in the legend.
        points = sum(len(c.values) for by_source in self.taken.sources.values() for c in by_source.values())
        return points + self._is_final

    def curves(self) -> list[Curve]:
        from datetime import datetime

        started = datetime.fromisoformat(self.run.started_at).timestamp()
        out = []
        for name, by_source in self.taken.sources.items():
            if self._wanted.takes(name):
                source = most_precise({s: len(c.values) for s, c in by_source.items()})
                c = by_source[source]
                out.append(
                    Curve(
                        run=self.run.id,
                        run_name=self.run.name,
                        status=self.status,
                        started=started,
                        name=name,
                        source=source,
                        values=c.values,
                        steps=c.steps,
                        epochs=c.epochs,
                        at=c.at,
                    )
                )
        return out


def require_points(watch: Watch) -> None:
    """NoSuchRun (exit 3) with the nearest names when there is nothing to draw."""
    if watch.curves():
        return
    import difflib

    names = watch.names()
    near = [n for term in watch.wanted.terms for n in difflib.get_close_matches(term, names, 3, 0.6)]
    if near:
        hint = "did you mean " + " or ".join(f"`{n}`" for n in dict.fromkeys(near)) + "?"
    elif names:
        hint = "there is " + ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
    else:
        hint = "nothing was recorded; `exptrack logs RUN | exptrack parse -` shows what was recognised"
    raise NoSuchRun(f"no metric `{watch.wanted.text}`", hint)
