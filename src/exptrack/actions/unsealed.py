"""Runs that are going on, and dead ones that nobody has recovered yet, as the manifests they would have by now.

Read from their run directories; nothing is written. The status is `running` while anything of a run lives, else what
end.json says, else `lost`. A run that is being continued is unsealed again; its earlier attempts are in the store.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from exptrack.actions.goals import goal_for
from exptrack.config import Project
from exptrack.errors import ExptrackError
from exptrack.frozen import replace
from exptrack.model import RunManifest
from exptrack.record import rundir
from exptrack.store.place import Store


def unsealed_runs(project: Project, store: Store, warn: Callable[[str], None] | None = None) -> dict[str, RunManifest]:
    """Id -> manifest so far, oldest first, for each run directory whose run is in no store yet. Unreadable ones are
    passed over; `warn` is told."""
    found = {}
    for run_dir in rundir.live_runs(project.live):
        try:
            if is_sealed(store, run_dir):
                continue  # only its folder was not removed yet
            found[run_dir.id] = unsealed_run(store, run_dir)
        except FileNotFoundError:
            continue  # sealed between the listing and the reading: it is in the store now
        except (ExptrackError, OSError) as e:
            if warn:
                warn(f"{run_dir.path}: {e}")
    return found


def is_sealed(store: Store, run_dir: rundir.RunDir) -> bool:
    """Is what this directory recorded in the store already, so that only the directory is left over?"""
    return sealed_as(store, run_dir) is not None


def is_going_on(store: Store, run_dir: rundir.RunDir) -> bool:
    """Does this directory belong to a run, or an attempt at one, that is in no store yet?"""
    return os.path.exists(run_dir.file(rundir.START)) and not is_sealed(store, run_dir)


def sealed_as(store: Store, run_dir: rundir.RunDir) -> RunManifest | None:
    """The run that what this directory recorded is part of; None when it is in no store yet."""
    records = store.records
    resumes = (run_dir.read(rundir.START) or {}).get("resumes")
    attempt_id = str(resumes.get("id")) if isinstance(resumes, dict) else run_dir.id
    if records.has_run(attempt_id):
        return records.manifest(attempt_id)
    if isinstance(resumes, dict) and records.has_run(run_dir.id):
        run = records.manifest(run_dir.id)
        return run if any(a.id == attempt_id for a in run.attempts) else None
    return None


def unsealed_run(store: Store, run_dir: rundir.RunDir) -> RunManifest:
    """One run as far as it has come. FileNotFoundError when it is gone, Damaged when its start.json is none."""
    # Here and not above: `ls` without a live run pays for neither (40 ms: reading knows every metric format).
    from exptrack.record.seal import Findings, seal, status_of
    from exptrack.record.summaries import summaries_of

    start = run_dir.start()
    status = "running" if run_dir.is_alive else status_of(run_dir.end(), ())
    points = run_dir.file(rundir.POINTS)
    metrics = summaries_of(points, lambda name: goal_for(name, start.goals))
    own = seal(
        start, run_dir.end(), run_dir.read(rundir.CAPTURED) or {}, Findings(metrics=metrics, orders=run_dir.orders())
    )
    # What is missing is known at the end only.
    own = replace(own, status=status, missing=())
    if start.resumes is None:
        return own
    from exptrack.actions.carry_on import so_far

    return replace(so_far(store, store.records.manifest(own.id), points, start, own), status=status, missing=())
