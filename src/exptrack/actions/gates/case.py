"""What a promotion is judged on: a run, the model with its current run, today's policy, and the moment.

Plain data, so that each gate is a function of it and no gate knows another.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from exptrack.config import Config, Gates, Project
from exptrack.model import Event, Run
from exptrack.store.place import Store
from exptrack.typed import NamedTuple


class Case(NamedTuple):
    """May `run` become the current run of `model`, which `current` is now? `now`: seconds since the epoch; `said`:
    events about the run in order, empty when no gate asks for them."""

    project: Project
    store: Store
    run: Run
    model: str
    current: Run | None
    now: float
    said: tuple[Event, ...] = ()

    @property
    def config(self) -> Config:
        return self.project.config

    @property
    def tables(self) -> list[Gates]:
        """The [promote.NAME] tables that speak of this model."""
        return tables_for(self.config, self.model)


def tables_for(config: Config, model: str) -> list[Gates]:
    """Every [promote.NAME] whose name (a glob) matches the model, in the order of the file."""
    return [g for g in config.gates if fnmatchcase(model, g.pattern)]
