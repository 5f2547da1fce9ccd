"""`recover`: seal the runs whose processes are gone. The same `finish` as always, read from the log again."""

from __future__ import annotations

import os
from typing import Any

from exptrack.actions.finish import finish, summary
from exptrack.config import Project
from exptrack.files import Lock
from exptrack.record import rundir
from exptrack.record.reading import Reading
from exptrack.store.place import open_store


def recover(project: Project) -> tuple[list[dict[str, Any]], list[str]]:
    """Seal every dead run directory -> (what was sealed, what could not be and why). Living runs are left alone."""
    sealed: list[dict[str, Any]] = []
    problems: list[str] = []
    for run_dir in [*rundir.live_runs(project.live), *rundir.stillborn(project.live)]:
        try:
            if run_dir.is_alive:
                continue
            lock = Lock(run_dir.file(rundir.LOCK))
            if not lock.acquire(wait=False):
                continue  # somebody else is at it
        except FileNotFoundError:
            continue  # its own processes have just sealed and removed it
        try:
            if os.path.exists(run_dir.file(rundir.START)):
                sealed.append({"id": run_dir.id, **adopt(project, run_dir)})
            elif os.path.isdir(run_dir.path):
                run_dir.remove()
        except Exception as e:  # noqa: BLE001 - one run that cannot be sealed must not keep the others from it
            problems.append(f"{run_dir.id}: {e}")
        finally:
            lock.release()
    return sealed, problems


def adopt(project: Project, run_dir: rundir.RunDir) -> dict[str, Any]:
    """Seal one run directory in this process; the caller holds its lock (or is the supervisor of it)."""
    store = open_store(project.store, create=True)
    if store.records.has_run(run_dir.id):
        # The manifest was written; only the clean-up after it was interrupted.
        result = summary(store.records.manifest(run_dir.id))
        run_dir.remove()
        return result
    start = run_dir.start()
    captured, warnings = _captured(run_dir)
    reading = Reading(run_dir, start.extra.get("reading", {}), start.cwd)
    warnings.append("sealed by recovery: the recorder of this run did not see its end")
    return finish(project, store, run_dir, start, run_dir.end(), reading, captured, warnings)


def _captured(run_dir: rundir.RunDir) -> tuple[dict[str, Any], list[str]]:
    """What the recorder had captured before it went; what it had not is gone and said so."""
    if not os.path.exists(run_dir.file(rundir.CAPTURED)):
        return {}, ["code, environment and machine were not captured: the recorder ended too early"]
    data = run_dir.read(rundir.CAPTURED)
    return (data, []) if data is not None else ({}, ["code, environment and machine were lost: their file is damaged"])


__all__ = ["adopt", "recover"]
