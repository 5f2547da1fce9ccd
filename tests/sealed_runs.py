"""A real project and store with sealed runs in it, made without running anything."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from exptrack.config import Config, Project
from exptrack.model import Event, MetricSummary, Promotion, RunManifest
from exptrack.store.place import Store, open_store

FIRST = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def run_id(number: int) -> str:
    return f"01run{number:011d}"


def make_project(folder: Path, config: Config | None = None) -> tuple[Project, Store]:
    home = folder / ".exptrack"
    home.mkdir(parents=True, exist_ok=True)
    project = Project(str(folder), str(home), str(home / "store"), config or Config())
    return project, open_store(project.store, create=True)


def summary(last: float, **changes: Any) -> MetricSummary:
    values = {"first": last, "last": last, "min": last, "max": last, "count": 1, **changes}
    return MetricSummary(**values)


def manifest(number: int, **changes: Any) -> RunManifest:
    """Run `number` started that many minutes after FIRST; metrics may be given as plain numbers."""
    started = FIRST + timedelta(minutes=number)
    values: dict[str, Any] = {
        "id": run_id(number),
        "status": "finished",
        "command": ("python", "train.py"),
        "cwd": "/work",
        "started_at": iso(started),
        "ended_at": iso(started + timedelta(seconds=30)),
        "seconds": 30.0,
        "exit_code": 0,
        "signal": None,
        "host": "box",
        "author": "ada",
        **changes,
    }
    values["metrics"] = {
        k: v if isinstance(v, MetricSummary) else summary(v) for k, v in values.get("metrics", {}).items()
    }
    return RunManifest(**values)


def add_run(store: Store, number: int, **changes: Any) -> RunManifest:
    made = manifest(number, **changes)
    store.records.add_manifest(made)
    return made


def say(store: Store, number: int, run: int, action: str, data: dict[str, Any] | None = None) -> None:
    event = Event(
        id=f"01evt{number:011d}", run=run_id(run), action=action, at=iso(FIRST), author="bob", data=data or {}
    )
    store.records.add_event(event)


def promote(store: Store, model: str, sequence: int, run: int | None) -> None:
    line = Promotion(
        model=model,
        sequence=sequence,
        run=None if run is None else run_id(run),
        previous=None,
        at=iso(FIRST),
        author="bob",
    )
    store.records.add_promotion(line)


def age(store: Store) -> None:
    """Make the store's folders look untouched for a minute, as they are in daily life."""
    for folder, _, _ in os.walk(store.root):
        then = os.stat(folder).st_mtime_ns - 60_000_000_000
        os.utime(folder, ns=(then, then))
