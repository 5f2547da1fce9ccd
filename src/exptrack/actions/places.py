"""The project and store a reading command works on; dead runs are sealed on the way, quietly."""

from __future__ import annotations

import os

from exptrack.actions.init import make_project
from exptrack.config import Project, find_project
from exptrack.errors import ExptrackError
from exptrack.record.rundir import live_runs
from exptrack.store.place import Store, open_store
from exptrack.typed import NamedTuple


class Place(NamedTuple):
    project: Project
    store: Store


def here(*, is_recovering: bool = True) -> Place:
    """The project of the current folder; ExptrackError (exit 3) when there is none.

    `is_recovering`: runs whose processes are gone are sealed first, so that no list shows as running what is not; what
    cannot be sealed stays for `recover`, which says why."""
    project = find_project() or _with_a_store()
    if project is None:
        raise ExptrackError(
            "no runs here: no .exptrack in this folder or above it", "`exptrack run -- COMMAND` makes one", 3
        )
    place = Place(project, open_store(project.store))
    if is_recovering and any(not r.is_alive for r in live_runs(project.live)):
        from exptrack.actions.recover import recover

        recover(project)
    return place


def _with_a_store() -> Project | None:
    """A fresh clone whose policy names the team's store: its runs are there, only .exptrack is not yet."""
    project = find_project(create=True)  # ExptrackError for a policy file that is wrong: the better thing to say
    if project is None or not project.config.store or not os.path.isdir(project.store):
        return None
    make_project(project)
    return project
