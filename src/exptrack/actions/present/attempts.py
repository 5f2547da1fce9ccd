"""The attempts at a run as the public JSON has them (docs/json.md): a run that was never continued has one."""

from __future__ import annotations

import math

from exptrack.attempt import Attempt
from exptrack.model import RunManifest
from exptrack.record.attempts import attempts_of
from exptrack.typed import Any


def attempts_json(manifest: RunManifest) -> list[dict[str, Any]]:
    """Oldest first."""
    return [_attempt(a) for a in attempts_of(manifest)]


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "id": attempt.id,
        "status": attempt.status,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "seconds": attempt.seconds if attempt.seconds is None or math.isfinite(attempt.seconds) else None,
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "host": attempt.host,
        "author": attempt.author,
        "command": list(attempt.command),
        "cwd": attempt.cwd,
        "stopped_by": attempt.stopped_by,
        "python": attempt.python,
        "environment": attempt.environment,
        "gpus": list(attempt.gpus),
        "commit": attempt.commit,
        "tree": attempt.tree,
        "points": attempt.points,
        "logs": dict(sorted(attempt.logs.items())),
        "warnings": list(attempt.warnings),
    }
