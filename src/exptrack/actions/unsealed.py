"""Runs that are going on, and dead ones that nobody has recovered yet, as the manifests they would have by now.

Read from their run directories; nothing is written. The status is `running` while anything of a run lives, else what
end.json says, else `lost`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from exptrack.actions.goals import goal_for
from exptrack.config import Project
from exptrack.errors import ExptrackError
from exptrack.model import RunManifest
from exptrack.record import rundir
from exptrack.store.place import Store


def unsealed_runs(project: Project, store: Store, warn: Callable[[str], None] | None = None) -> dict[str, RunManifest]:
    """Id -> manifest so far, oldest first, for each run directory whose run is in no store yet. Unreadable ones are
    passed over; `warn` is told."""
    found = {}
    for run_dir in rundir.live_runs(project.live):
        if store.records.has_run(run_dir.id):
            continue  # sealed; only its folder was not removed yet
        try:
            found[run_dir.id] = unsealed_run(run_dir)
        except FileNotFoundError:
            continue  # sealed between the listing and the reading: it is in the store now
        except (ExptrackError, OSError) as e:
            if warn:
                warn(f"{run_dir.path}: {e}")
    return found


def unsealed_run(run_dir: rundir.RunDir) -> RunManifest:
    """One run as far as it has come. FileNotFoundError when it is gone, Damaged when its start.json is none."""
    # Here and not above: `ls` without a live run pays for neither (40 ms: reading knows every metric format).
    from exptrack.record.points import summaries_of
    from exptrack.record.seal import Findings, seal, status_of

    start = run_dir.start()
    status = "running" if run_dir.is_alive else status_of(run_dir.end(), ())
    points = run_dir.file(rundir.POINTS)
    metrics = summaries_of(points, lambda name: goal_for(name, start.goals))
    manifest = seal(
        start, run_dir.end(), run_dir.read(rundir.CAPTURED) or {}, Findings(metrics=metrics, orders=run_dir.orders())
    )
    # What is missing is known at the end only.
    return replace(manifest, status=status, missing=())
