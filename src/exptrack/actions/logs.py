"""`logs`: what a run printed, in the order it came; live and dead-but-unsealed runs from their directory.

The log of a live run is as it was printed: secrets are masked on the way out here, as sealing does it for good. So a
line shows when it is whole.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from exptrack.actions.places import Place
from exptrack.capture.redact import LogMasker
from exptrack.config import Project
from exptrack.errors import ExptrackError
from exptrack.model import Run
from exptrack.record.growing import GrowingLogs
from exptrack.record.logs import replay
from exptrack.record.rundir import END, RunDir
from exptrack.store.objects import missing
from exptrack.store.place import Store

WAIT = 0.2


def read_logs(project: Project, store: Store, run: Run, stream: str | None) -> Iterator[bytes]:
    """Blocks of the recorded output as far as it has come; `stream` picks stdout or stderr (a terminal run has both in
    one). Damaged when a sealed log is missing."""
    return _logs(Place(project, store), run, stream, None)


def follow_logs(
    project: Project, store: Store, run: Run, stream: str | None, pause: Callable[[float], None] = time.sleep
) -> Iterator[bytes]:
    """The same, going on until a live run has ended. `pause` waits some seconds, or raises to stop."""
    return _logs(Place(project, store), run, stream, pause)


def _logs(place: Place, run: Run, stream: str | None, pause: Callable[[float], None] | None) -> Iterator[bytes]:
    records = place.store.records
    told: set[str] = set()
    if not records.has_run(run.id):
        with ExitStack() as stack:
            logs = GrowingLogs(os.path.join(place.project.live, run.id), stack)
            yield from _live(place, logs, stream, pause)
            told = logs.opened
    # What was sealed before its file could be opened is in the store, whole.
    if records.has_run(run.id):
        yield from _sealed(place, run, stream, told)


def _live(
    place: Place, logs: GrowingLogs, stream: str | None, pause: Callable[[float], None] | None
) -> Iterator[bytes]:
    run_dir = RunDir(logs.folder)
    maskers: dict[str, LogMasker] = {}
    while True:
        # Asked first: a run that has ended prints nothing more, so the look after the answer finds the last of it. The
        # files are open and stay readable when sealing takes their names away.
        is_over = pause is None or _is_over(place, run_dir)
        for name, block in logs.take():
            if stream in (None, name) or name == "terminal":
                yield maskers.setdefault(name, LogMasker()).feed(block)
        if is_over:
            break
        assert pause is not None
        pause(WAIT)
    for masker in maskers.values():
        yield masker.finish()


def _is_over(place: Place, run_dir: RunDir) -> bool:
    return os.path.exists(run_dir.file(END)) or place.store.records.has_run(run_dir.id) or not run_dir.is_alive


def _sealed(place: Place, run: Run, stream: str | None, told: set[str]) -> Iterator[bytes]:
    objects, files = place.store.objects, {}
    for name, digest in place.store.records.manifest(run.id).logs.items():
        if name in told:
            continue
        if not objects.has(digest):
            if digest in run.expired:
                raise ExptrackError(f"the {name} log of {run.id} is gone: retention let it go", "", 6)
            raise missing(digest)
        files[name] = objects.path(digest)
    for name, block in replay(files):
        if stream in (None, name) or name == "terminal":
            yield block
