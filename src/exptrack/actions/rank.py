"""`best`: the run that did best by a metric, with its value; the same answer as the RUN `best:METRIC`."""

from __future__ import annotations

from collections.abc import Sequence

from exptrack.actions.find import best_ids, goal_of, opened
from exptrack.config import Project
from exptrack.model import Run
from exptrack.store.place import Store
from exptrack.typed import NamedTuple


class Ranked(NamedTuple):
    """A run and what it reached: the extreme of the whole series, at `step` where that is known."""

    run: Run
    value: float
    step: float | None


class Ranking(NamedTuple):
    """Best first. `goal`: max or min."""

    metric: str
    goal: str
    runs: tuple[Ranked, ...]


def best(project: Project, store: Store, metric: str, filters: Sequence[str] = (), count: int = 1) -> Ranking:
    """The best `count` finished runs that meet every filter. NoSuchRun (exit 3) when there is none, ExptrackError
    (exit 2) when nothing says which way is better."""
    with opened(project, store) as library:
        ids = best_ids(library, metric, filters, count)
        goal = goal_of(library, metric) or ""
        return Ranking(metric, goal, tuple(_ranked(library.load(i), metric, goal) for i in ids))


def _ranked(run: Run, metric: str, goal: str) -> Ranked:
    summary = run.manifest.metrics[metric]
    # best_step belongs to the goal that was in force when the run was sealed.
    return Ranked(run, getattr(summary, goal), summary.best_step if summary.goal == goal else None)
