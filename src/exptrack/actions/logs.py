"""`logs`: what a run printed, in the order it came; live and dead-but-unsealed runs from their directory.

The log of a live run is as it was printed: secrets are masked on the way out here, as sealing does it for good. So a
line shows when it is whole.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

from exptrack.actions.places import Place
from exptrack.actions.unsealed import is_going_on
from exptrack.attempt import Attempt
from exptrack.capture.redact import LogMasker
from exptrack.config import Project
from exptrack.errors import ExptrackError, NoSuchRun
from exptrack.model import Run
from exptrack.record.attempts import attempts_of
from exptrack.record.growing import GrowingLogs
from exptrack.record.logs import replay
from exptrack.record.rundir import END, RunDir
from exptrack.store.objects import missing
from exptrack.store.place import Store

WAIT = 0.2


def read_logs(
    project: Project, store: Store, run: Run, stream: str | None, attempt: int | None = None
) -> Iterator[bytes]:
    """Blocks of the recorded output as far as it has come, of all attempts one after the other or of one; `stream`
    picks stdout or stderr (a terminal run has both in one). Damaged when a sealed log is missing, NoSuchRun when there
    is no such attempt."""
    return _logs(Place(project, store), run, stream, attempt, None)


def follow_logs(
    project: Project,
    store: Store,
    run: Run,
    stream: str | None,
    attempt: int | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[bytes]:
    """The same, going on until a live run has ended. `pause` waits some seconds, or raises to stop."""
    return _logs(Place(project, store), run, stream, attempt, pause)


def _logs(
    place: Place, run: Run, stream: str | None, attempt: int | None, pause: Callable[[float], None] | None
) -> Iterator[bytes]:
    run_dir = RunDir(os.path.join(place.project.live, run.id))
    # In this order: an attempt that is sealed in between is found twice, not missed.
    live = _living_attempt(place, run_dir)
    before = _sealed_attempts(place, run)
    if live is not None and live <= len(before):
        live = None
    if attempt is not None and attempt not in {a.number for a in before} | {live}:
        count = max(len(before), live or 0)
        raise NoSuchRun(f"run {run.id} has no attempt {attempt}", f"it has {count}: `exptrack show {run.id}`")
    for one in before:
        if attempt in (None, one.number):
            yield from _sealed(place, run, one.logs, stream, set())
    if live is None or attempt not in (None, live):
        return
    with ExitStack() as stack:
        logs = GrowingLogs(run_dir.path, stack)
        yield from _live(place, logs, stream, pause)
        told = logs.opened
    # What was sealed before its file could be opened is in the store, whole.
    for one in _sealed_attempts(place, run)[len(before) :]:
        yield from _sealed(place, run, one.logs, stream, told)


def _sealed_attempts(place: Place, run: Run) -> tuple[Attempt, ...]:
    records = place.store.records
    return attempts_of(records.manifest(run.id)) if records.has_run(run.id) else ()


def _living_attempt(place: Place, run_dir: RunDir) -> int | None:
    """The number of the attempt that is not sealed yet."""
    if not is_going_on(place.store, run_dir):
        return None
    try:
        resumes = run_dir.start().resumes
    except FileNotFoundError:
        return None  # it has just been sealed
    return resumes.number if resumes else 1


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
    return os.path.exists(run_dir.file(END)) or not is_going_on(place.store, run_dir) or not run_dir.is_alive


def _sealed(place: Place, run: Run, logs: Mapping[str, str], stream: str | None, told: set[str]) -> Iterator[bytes]:
    objects, files = place.store.objects, {}
    for name, digest in logs.items():
        if name in told:
            continue
        if not objects.has(digest):
            if digest in run.expired:
                raise ExptrackError(f"the {name} log of {run.id} is gone: retention let it go", "", 6)
            raise missing(digest)
        objects.head(digest, 0)  # a file, and no pipe that somebody put there for us to wait at
        files[name] = objects.path(digest)
    for name, block in replay(files):
        if stream in (None, name) or name == "terminal":
            yield block
