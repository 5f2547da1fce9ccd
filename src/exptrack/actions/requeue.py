"""A batch job that was started again: the run its command goes on with is found by itself (docs/resume.md).

SLURM says with SLURM_RESTART_COUNT that a job was requeued: what ran of it before is dead, on whatever machine,
whatever its locks and files say. Nothing here keeps the training from starting: where there is doubt it is a new run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from exptrack.actions.find import opened
from exptrack.actions.places import Place
from exptrack.actions.recover import adopt
from exptrack.actions.request import Before, Request
from exptrack.actions.resume import continuation
from exptrack.capture.redact import redact_argv
from exptrack.capture.scheduler import scheduler_facts
from exptrack.config import find_project
from exptrack.errors import ExptrackError
from exptrack.files import Lock
from exptrack.model import RunManifest
from exptrack.record.rundir import LOCK, live_runs
from exptrack.store.place import open_store
from exptrack.store.schema import job_of
from exptrack.typed import NamedTuple

# Seconds. A recorder that the requeue has not killed may still be sealing, and a network file system notices only
# after its lease that the holder of a lock is gone.
PATIENCE, PAUSE = 30.0, 0.2
INTERRUPTED = ("killed", "lost")


class Job(NamedTuple):
    """This start of a batch job; `restarts`: how often it was requeued before."""

    name: str
    cluster: str
    restarts: int

    @classmethod
    def of(cls, facts: Mapping[str, str]) -> Job | None:
        name, restarts = job_of(facts), facts.get("restarts", "0")
        return cls(name, facts.get("cluster", ""), int(restarts)) if name and restarts.isdecimal() else None

    def was(self, facts: Mapping[str, str]) -> bool:
        """Is that an earlier start of the same job?"""
        other = Job.of(facts)
        return other is not None and other[:2] == self[:2] and other.restarts < self.restarts


def requeued(request: Request) -> tuple[Before | None, str]:
    """(the run this start of a requeued job continues, why an earlier one is not continued)."""
    job = Job.of(scheduler_facts(os.environ))
    project = find_project()
    if job is None or not job.restarts or project is None:
        return None, ""
    place = Place(project, open_store(project.store))
    problem = _seal_the_dead(place, job)
    try:
        found = _newest_like(place, job, request)
        if found is None:
            return None, problem
        with opened(*place) as library:
            run = library.load(found)
        return continuation(place, run), ""
    except ExptrackError as e:
        return None, e.message
    except OSError as e:
        return None, f"no earlier run of this job could be looked for: {e}"


def _seal_the_dead(place: Place, job: Job) -> str:
    """Seal what earlier starts of the job left; says what could not be."""
    problem = ""
    for run_dir in live_runs(place.project.live):
        try:
            if not job.was(run_dir.start().scheduler):
                continue
            lock = Lock(run_dir.file(LOCK))
            try:
                if not _is_free(lock) and not run_dir.is_elsewhere:
                    problem = f"run {run_dir.id} of this job is still being recorded"
                    continue
                adopt(place.project, run_dir)
            finally:
                lock.release()
        except FileNotFoundError:
            continue  # its own recorder has just sealed and removed it
        except (ExptrackError, OSError) as e:
            problem = f"run {run_dir.id} of this job could not be sealed: {e}"
    return problem


def _is_free(lock: Lock) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not lock.acquire(wait=False):
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE)
    return True


def _newest_like(place: Place, job: Job, request: Request) -> str | None:
    """The run of the job that this command most likely goes on with: several commands of one script are several runs,
    and each of them is continued at most once a start."""
    with opened(*place) as library:
        rows = library.index.select("SELECT id FROM runs WHERE job = ?", (job.name,))
        manifests = [library.load(run_id).manifest for (run_id,) in rows if run_id not in library.unsealed]
    allowed = place.project.config.secret_names_allowed
    command, cwd = tuple(redact_argv(request.command, allowed)), os.getcwd()
    ranked = []
    for m in manifests:
        same = _same_words(command, m.command)
        is_named = m.name is not None and request.name == m.name
        is_like = is_named or same >= min(2, len(command), len(m.command))
        if job.was(m.machine.scheduler) and (is_like or m.status in INTERRUPTED):
            ranked.append((request.name == m.name, m.command == command, same, m.cwd == cwd, _began(m), m.id))
    return max(ranked)[-1] if ranked else None


def _same_words(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """How many words two commands begin with in common."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((n for n, (x, y) in pairs if x != y), min(len(a), len(b)))


def _began(m: RunManifest) -> str:
    return m.attempts[-1].started_at if m.attempts else m.started_at
