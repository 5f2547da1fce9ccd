"""A run directory's facts -> the manifest. Pure: the same facts give the same manifest, whoever seals and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exptrack import __version__
from exptrack.model import (
    Artifact,
    CodeState,
    End,
    Environment,
    Input,
    Machine,
    MetricSummary,
    RunManifest,
    Scalar,
    Start,
    Usage,
)
from exptrack.wire import from_plain


def seal(
    start: Start,
    end: End | None,
    captured: Mapping[str, Any],
    *,
    sidecar_params: Mapping[str, Scalar],
    sidecar_tags: Mapping[str, str],
    metrics: Mapping[str, MetricSummary],
    usage: Usage,
    artifacts: Sequence[Artifact],
    points: str | None,
    logs: Mapping[str, str],
    warnings: Sequence[str],
) -> RunManifest:
    """`captured` is captured.json: code, environment, machine, inputs, params, as plain data; any part may be missing.

    `end` None: nobody saw the child end, the run is `lost`."""
    tags = {**start.tags, **sidecar_tags}
    missing = unmet(start, tags, metrics, artifacts)
    params = {**captured.get("params", {}), **sidecar_params, **{k: start.params[k] for k in start.given_params}}
    return RunManifest(
        id=start.id,
        status=status_of(end, missing),
        command=start.command,
        cwd=start.cwd,
        started_at=start.started_at,
        ended_at=end.ended_at if end else None,
        seconds=end.seconds if end else None,
        exit_code=end.exit_code if end else None,
        signal=end.signal if end else None,
        host=start.host,
        author=start.author,
        name=start.name,
        project=start.project,
        group=start.group,
        note=start.note,
        tags=tags,
        params=params,
        metrics=metrics,
        code=_part(CodeState, captured.get("code")),
        environment=_part(Environment, captured.get("environment")),
        machine=_part(Machine, captured.get("machine")),
        usage=usage,
        inputs=tuple(from_plain(Input, i) for i in captured.get("inputs", ())),
        artifacts=tuple(artifacts),
        missing=missing,
        points=points,
        logs=logs,
        parent=start.parent,
        version=__version__,
        warnings=(*start.warnings, *captured.get("warnings", ()), *(end.warnings if end else ()), *warnings),
        extra={k: v for k, v in start.extra.items() if k == "policy"},
    )


def _part(kind: Any, raw: Mapping[str, Any] | None) -> Any:
    return from_plain(kind, raw) if raw else kind()


def unmet(
    start: Start, tags: Mapping[str, str], metrics: Mapping[str, MetricSummary], artifacts: Sequence[Artifact]
) -> tuple[str, ...]:
    """What the policy wanted by the end and did not get: `metric val/acc`, `output model`, `tag owner`."""
    kinds = {a.kind for a in artifacts}
    return (
        *(f"metric {m}" for m in start.required_metrics if m not in metrics),
        *(f"output {o}" for o in start.required_outputs if o not in kinds),
        *(f"tag {t}" for t in start.required_tags if not tags.get(t)),
    )


def status_of(end: End | None, missing: Sequence[str]) -> str:
    """finished, incomplete (exit 0 but something mandatory is missing), failed, killed, or lost."""
    if end is None or (end.exit_code is None and end.signal is None):
        return "lost"
    if end.signal is not None:
        return "killed"
    if end.exit_code != 0:
        return "failed"
    return "incomplete" if missing else "finished"
