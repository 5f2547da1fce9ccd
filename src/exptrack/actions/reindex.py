"""`reindex`: index.db made anew from the store. It changes no answer, only how soon the next one comes."""

from __future__ import annotations

from exptrack.config import Project
from exptrack.store.index import Index
from exptrack.store.place import Store
from exptrack.typed import NamedTuple


class Reindexed(NamedTuple):
    """What the new index holds, and (file in the store, what is wrong) for what could not be read."""

    path: str
    runs: int
    events: int
    promotions: int
    problems: tuple[tuple[str, str], ...]


def reindex(project: Project, store: Store) -> Reindexed:
    """ExptrackError when the store cannot be read or the index not be written."""
    with Index.open(project) as index:
        index.rebuild(store)
        runs, events, promotions = (
            int(index.select(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - our own table names
            for table in ("runs", "events", "promotions")
        )
        return Reindexed(project.index, runs, events, promotions, tuple(index.problems()))
