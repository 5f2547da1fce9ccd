"""Records and runs made by hand: one sealed run in a store without running anything."""

from __future__ import annotations

import hashlib
from typing import Any

from exptrack.attempt import Attempt
from exptrack.model import Artifact, MetricSummary, Run, RunManifest
from exptrack.store.place import Store

AN_ID = "01abcdefghjkmnpq"
ANOTHER_ID = "01abcdefghjkmnpr"


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def manifest(run_id: str = AN_ID, **fields: Any) -> RunManifest:
    known = {
        "id": run_id,
        "status": "finished",
        "command": ("python", "train.py"),
        "cwd": "/work",
        "started_at": "2026-11-22T21:54:03.120Z",
        "ended_at": "2026-11-22T21:55:03.120Z",
        "seconds": 60.0,
        "exit_code": 0,
        "signal": None,
        "host": "box",
        "author": "ada",
    }
    return RunManifest(**{**known, **fields})


def attempts(*authors: str) -> tuple[Attempt, ...]:
    """The attempts of a run that each of these people started in turn."""
    first = manifest()
    return tuple(
        Attempt(
            number=number,
            id=f"{AN_ID[:-2]}{number:02}",
            status="finished" if number == len(authors) else "killed",
            started_at=first.started_at,
            ended_at=first.ended_at,
            seconds=60.0,
            exit_code=0,
            signal=None,
            host="box",
            author=author,
            command=first.command,
            cwd=first.cwd,
        )
        for number, author in enumerate(authors, 1)
    )


def summary(last: float, goal: str | None = None, **fields: Any) -> MetricSummary:
    known = {"first": last, "last": last, "min": last, "max": last, "count": 1, "goal": goal}
    return MetricSummary(**{**known, **fields})


def run(run_id: str = AN_ID, **fields: Any) -> Run:
    made = manifest(run_id, **fields)
    return Run(manifest=made, status=made.status, tags=made.tags, note=made.note)


def file_artifact(store: Store, kind: str, path: str, data: bytes, **fields: Any) -> Artifact:
    return Artifact(kind=kind, path=path, digest=store.objects.add_bytes(data), size=len(data), **fields)
