"""One attempt at a run: a run that was interrupted and continued has several (docs/resume.md). Words only, no I/O.

The newest manifest of a run names what every attempt left, so that whoever asks what a run holds reads one file; what
else was known of an earlier attempt (its packages, its usage) is in that attempt's own manifest.
"""

from __future__ import annotations

from collections.abc import Mapping

from exptrack.belongings import Artifact
from exptrack.frozen import field, frozen


@frozen
class Attempt:
    """One start of a run's command, as it was sealed.

    `id` is shaped as a run's (the first attempt has the run's own) and tells two attempts with one number apart.
    `environment`: sha256 of the environment in the attempt's manifest, `tree`: of its code, `points`: of the points it
    told itself; `heard`: the events whose words its tags and note have taken in already."""

    number: int
    id: str
    status: str
    started_at: str
    ended_at: str | None
    seconds: float | None
    exit_code: int | None
    signal: str | None
    host: str
    author: str
    command: tuple[str, ...]
    cwd: str
    stopped_by: str | None = None
    python: str | None = None
    environment: str | None = None
    gpus: tuple[str, ...] = ()
    commit: str | None = None
    tree: str | None = None
    points: str | None = None
    logs: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    warnings: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()


@frozen
class Resumed:
    """What start.json of a later attempt says of its place in the run; `first_started_at`: of the first attempt."""

    number: int
    id: str
    first_started_at: str
    heard: tuple[str, ...] = ()
