"""`recover`: seal the runs whose processes are gone. The same `finish` as always, read from the log again."""

from __future__ import annotations

import os
from collections.abc import Mapping

from exptrack.actions.captures import Captures
from exptrack.actions.finish import finish, summary
from exptrack.actions.unsealed import sealed_as
from exptrack.config import Project
from exptrack.files import Lock
from exptrack.record import rundir
from exptrack.record.reading import Reading
from exptrack.store.place import open_store
from exptrack.typed import Any


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


def adopt(project: Project, run_dir: rundir.RunDir, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Seal one run directory in this process; the caller holds its lock. `environ`: the run's, known to its supervisor.

    OSError when logs or manifest cannot be stored, Damaged when start.json is not this run's: nothing is lost then."""
    store = open_store(project.store, create=True, is_shared=project.config.is_store_shared)
    if sealed := sealed_as(store, run_dir):
        # The manifest was written; only the clean-up after it was interrupted.
        result = summary(sealed)
        run_dir.remove()
        return result
    start = run_dir.start()
    captures = Captures(project, store, run_dir, start, environ or {})
    captures.complete(run_dir.read(rundir.CAPTURED) or {}, is_same_process=environ is not None)
    reading = Reading(run_dir, start.extra.get("reading", {}), start.cwd)
    warnings = ["sealed by recovery: the recorder of this run did not see its end"]
    return finish(project, store, run_dir, start, run_dir.end(), reading, captures.data, warnings)


__all__ = ["adopt", "recover"]
