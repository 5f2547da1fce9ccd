"""Which objects a run that is being sealed may be about to name, although no record does yet.

For an hour that is every object that was just stored, or found in the store by who wanted to store it: the runs of
other projects and users cannot be seen from here. In a store of this project alone, with no run going on, it is only
what was touched after the last run that names it was sealed: a window of zero days lets go what ended a moment ago.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from exptrack.actions.unsealed import is_sealed
from exptrack.config import Project
from exptrack.errors import ExptrackError
from exptrack.record import rundir
from exptrack.store.modes import PRIVATE
from exptrack.store.place import Store

YOUNG = 3600.0
# What Objects.touch writes is the second it was called in and a fraction of its own: up to a second late.
GRAIN = 1.0


class Freshness:
    """What can be said of the times of objects. Made before the runs of a store are listed: a run that is sealed
    between the two would be seen neither as going on nor as sealed. `second`: when that was, in whole seconds."""

    def __init__(self, project: Project, store: Store) -> None:
        self.store, self.second = store, int(time.time())
        is_own = store.root == os.path.join(project.folder, "store") and store.modes is PRIVATE
        self.is_alone = is_own and not _anything_goes_on(project, store)
        self._sealed: dict[str, float] = {}

    def stored_at(self, digest: str) -> float:
        """When the object was last stored or found; FileNotFoundError when it is not there."""
        return os.stat(self.store.objects.path(digest)).st_mtime

    def is_accounted(self, at: float, namers: Iterable[str]) -> bool:
        """Was who last stored these bytes, at `at`, one of the sealed runs that name them?"""
        return self.is_alone and at <= max(map(self._sealed_at, namers), default=0.0) + GRAIN

    def _sealed_at(self, run_id: str) -> float:
        if run_id not in self._sealed:
            self._sealed[run_id] = self.store.records.sealed_at(run_id)
        return self._sealed[run_id]


def _anything_goes_on(project: Project, store: Store) -> bool:
    """A run directory that tells nothing may be one that is just being made."""
    try:
        return not all(is_sealed(store, run_dir) for run_dir in rundir.directories(project.live))
    except (ExptrackError, OSError):
        return True


def wait_for_next(second: int) -> None:
    """Until a touch can be told from one in `second`: a second at most, whatever becomes of the clock."""
    now = time.time()
    if int(now) == second:
        time.sleep(second + 1 - now)
