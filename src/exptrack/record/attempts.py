"""A run's attempts put together: what each was, and what the run as a whole is by now. Pure, as seal.py is.

What a run was run with (command, environment, machine, code) is the last attempt's; what it took is the sum of all;
what it told and left is all that was not told or written anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from exptrack import wire
from exptrack.attempt import Attempt
from exptrack.belongings import Artifact, Input
from exptrack.frozen import replace
from exptrack.model import MetricSummary, RunManifest, Start, Usage
from exptrack.record.seal import unmet


def attempts_of(manifest: RunManifest) -> tuple[Attempt, ...]:
    """Every attempt, oldest first; one for a run that was never continued."""
    return manifest.attempts or (_attempt(manifest, 1, manifest.id),)


def _attempt(own: RunManifest, number: int, attempt_id: str, heard: tuple[str, ...] = ()) -> Attempt:
    has_environment = own.environment.executable or own.environment.packages
    return Attempt(
        number=number,
        id=attempt_id,
        status=own.status,
        started_at=own.started_at,
        ended_at=own.ended_at,
        seconds=own.seconds,
        exit_code=own.exit_code,
        signal=own.signal,
        host=own.host,
        author=own.author,
        command=own.command,
        cwd=own.cwd,
        stopped_by=own.stopped_by,
        python=own.environment.python,
        environment=hashlib.sha256(wire.dump(own.environment)).hexdigest() if has_environment else None,
        gpus=tuple(g.name for g in own.machine.gpus),
        commit=own.code.commit,
        tree=own.code.tree,
        points=own.points,
        logs=own.logs,
        artifacts=own.artifacts,
        warnings=own.warnings,
        heard=heard,
    )


def put_together(
    before: RunManifest, own: RunManifest, start: Start, metrics: Mapping[str, MetricSummary], points: str | None
) -> RunManifest:
    """The run after one more attempt. `before`: the run so far; `own`: the attempt as if it were a run of its own;
    `metrics` and `points`: those of the whole run. ValueError when `start` resumes nothing."""
    if start.resumes is None:
        raise ValueError(f"{own.id} resumes no run")
    done = attempts_of(before)
    artifacts = _united(before.artifacts, own.artifacts)
    missing = unmet(start, own.tags, metrics, artifacts)
    status = own.status
    if status in ("finished", "incomplete"):
        status = "incomplete" if missing else "finished"
    own = replace(own, status=status)
    last = _attempt(own, len(done) + 1, start.resumes.id, start.resumes.heard)
    return replace(
        own,
        id=before.id,
        started_at=before.started_at,
        seconds=_sum(before.seconds, own.seconds),
        params={**before.params, **own.params},
        metrics={name: _with_unit(m, before.metrics.get(name)) for name, m in metrics.items()},
        usage=_usage(before, own),
        artifacts=artifacts,
        missing=missing,
        points=points,
        attempts=(*done, last),
        warnings=(*own.warnings, *_changed(before.inputs, own.inputs)),
    )


def _united(before: tuple[Artifact, ...], own: tuple[Artifact, ...]) -> tuple[Artifact, ...]:
    found = {(a.kind, a.path): a for a in before}
    return tuple((found | {(a.kind, a.path): a for a in own}).values())


def _with_unit(now: MetricSummary, before: MetricSummary | None) -> MetricSummary:
    return replace(now, unit=before.unit) if before and before.unit and not now.unit else now


def _usage(before: RunManifest, own: RunManifest) -> Usage:
    a, b = before.usage, own.usage
    return Usage(
        cpu_seconds=_sum(a.cpu_seconds, b.cpu_seconds),
        max_rss=_most(a.max_rss, b.max_rss),
        max_gpu_memory=_most(a.max_gpu_memory, b.max_gpu_memory),
        gpu_utilisation=_mean((a.gpu_utilisation, before.seconds), (b.gpu_utilisation, own.seconds)),
        energy_joules=_sum(a.energy_joules, b.energy_joules),
    )


def _sum(a: float | None, b: float | None) -> float | None:
    """Of what is known: a run of whose lost attempt nobody knows the end took at least this."""
    known = [x for x in (a, b) if x is not None]
    return round(sum(known), 6) if known else None


def _most(a: int | None, b: int | None) -> int | None:
    return max((x for x in (a, b) if x is not None), default=None)


def _mean(*parts: tuple[float | None, float | None]) -> float | None:
    """Weighted by seconds."""
    known = [(value, seconds or 0.0) for value, seconds in parts if value is not None]
    total = sum(weight for _, weight in known)
    if not total:
        return known[-1][0] if known else None
    return round(sum(value * weight for value, weight in known) / total, 2)


def _changed(before: tuple[Input, ...], now: tuple[Input, ...]) -> list[str]:
    """Data that is not what the attempts before were trained on: nobody wants to find that out later."""
    known: Callable[[str], str | None] = {i.name: i.digest for i in before}.get
    return [
        f"input {i.name} is not what it was in the attempt before"
        for i in now
        if i.digest and known(i.name) and known(i.name) != i.digest
    ]
