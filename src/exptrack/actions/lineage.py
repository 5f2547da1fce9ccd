"""`lineage`: the runs a run came from and the runs that came from it, by the digests of inputs and outputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from exptrack.actions.find import Library, opened, resolve
from exptrack.actions.links import Link, Made, Span, Used, link
from exptrack.config import Project
from exptrack.model import Run
from exptrack.store.place import Store
from exptrack.typed import NamedTuple


class Lineage(NamedTuple):
    """`up`: ids of the runs that `run` came from, however far back, nearest first; `down`: of those that came from it.
    `links`: all between these runs; `runs`: those runs by id, `run` itself included."""

    run: Run
    up: tuple[str, ...]
    down: tuple[str, ...]
    links: tuple[Link, ...]
    runs: dict[str, Run]


def lineage(project: Project, store: Store, text: str) -> Lineage:
    """The family of the run `text` names. NoSuchRun when there is none."""
    run = resolve(project, store, text)
    with opened(project, store) as library:
        links = all_links(library)
        up = _reach(run.id, links, lambda item: (item.used.run, item.made.run))
        down = _reach(run.id, links, lambda item: (item.made.run, item.used.run))
        family = {run.id, *up, *down}
        inside = tuple(i for i in links if i.made.run in family and i.used.run in family)
        return Lineage(run, tuple(up), tuple(down), inside, {i: library.load(i) for i in sorted(family)})


def all_links(library: Library) -> list[Link]:
    """Between all runs the library knows, those still going on too; oldest user first."""
    spans, used, made = dict[str, Span](), list[Used](), list[Made]()
    for index in library.indexes():
        rows = index.select("SELECT id, started_at, coalesce(ended_at, '') FROM runs")
        spans.update({i: Span(started, ended) for i, started, ended in rows})
        sql = "SELECT run, digest, name, path FROM inputs WHERE digest IS NOT NULL ORDER BY run, rowid"
        used += [Used(*row) for row in index.select(sql)]
    # One question a digest: inputs are few, and a live run's are in another index than the outputs they may be.
    for digest in sorted({u.digest for u in used}):
        sql = "SELECT run, digest, kind, path FROM files WHERE digest = ?"
        made += [Made(*row) for row in library.index.select(sql, (digest,))]
    return sorted(link(spans, made, used), key=lambda item: (item.used.run, item.used.name))


def _reach(start: str, links: Sequence[Link], ends: Callable[[Link], tuple[str, str]]) -> list[str]:
    """Everything that can be reached from `start`, nearest first; each once, should a clock have made a circle."""
    following: dict[str, list[str]] = defaultdict(list)
    for item in links:
        source, target = ends(item)
        following[source].append(target)
    found, level = dict[str, None](), [start]
    while level:
        level = [t for s in level for t in dict.fromkeys(following[s]) if t != start and t not in found]
        found.update(dict.fromkeys(level))
    return list(found)


def dot(family: Lineage) -> str:
    """The graph in the DOT language (graphviz.org), arrows from what was made to what used it."""
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    for run_id, run in family.runs.items():
        label = "\n".join(w for w in (run.manifest.name, run_id, run.status) if w)
        style = ", style=bold" if run_id == family.run.id else ""
        lines.append(f"  {_quoted(run_id)} [label={_quoted(label)}{style}];")
    for made, used in dict.fromkeys(family.links):
        lines.append(f"  {_quoted(made.run)} -> {_quoted(used.run)} [label={_quoted(f'{made.path} as {used.name}')}];")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    """A DOT string; control characters would break a line or the terminal it is shown on."""
    safe = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
