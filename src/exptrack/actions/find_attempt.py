"""RUN.N: a run as it was after its attempt N, for the commands that only read (docs/resume.md).

What writes about a run (tags, promotions, pins) means the run and takes no such name.
"""

from __future__ import annotations

import re

from exptrack.actions.find import resolve
from exptrack.config import Project
from exptrack.errors import NoSuchRun
from exptrack.model import Run
from exptrack.store.fold import apply_events
from exptrack.store.place import Store

_ATTEMPT = re.compile(r"(.+)\.([1-9][0-9]{0,8})\Z", re.S)


def resolve_attempt(project: Project, store: Store, text: str) -> Run:
    """As `resolve`; what is nothing else may be RUN.N. A run may be called so too (`v1.2`), and then is meant."""
    try:
        return resolve(project, store, text)
    except NoSuchRun:
        match = _ATTEMPT.match(text)
        if match is None:
            raise
        run = _named(project, store, match[1])
        if run is None:
            raise
    manifest = store.records.manifest(run.id, int(match[2]))
    return apply_events(manifest, store.records.events_about(run.id))


def _named(project: Project, store: Store, text: str) -> Run | None:
    try:
        return resolve(project, store, text)
    except NoSuchRun:
        return None
