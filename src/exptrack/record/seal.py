"""A run directory's facts -> the manifest. Pure: the same facts give the same manifest, whoever seals and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exptrack import __version__
from exptrack.frozen import field, frozen, replace
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
from exptrack.record.stopping import is_obeyed, stopped_by
from exptrack.typed import Any
from exptrack.wire import from_plain

_FROM_START = ("id", "command", "cwd", "started_at", "host", "author", "name", "project", "group", "note", "parent")


@frozen
class Findings:
    """What the run said and left, beside its start, its end and what was captured."""

    params: Mapping[str, Scalar] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, MetricSummary] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    artifacts: Sequence[Artifact] = ()
    points: str | None = None
    logs: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    orders: Sequence[Mapping[str, Any]] = ()
    cause: str | None = None


def seal(start: Start, end: End | None, captured: Mapping[str, Any], found: Findings) -> RunManifest:
    """`captured` is captured.json: code, environment, machine, inputs, params, as plain data; any part may be missing.

    `end` None: nobody saw the child end, the run is `lost`."""
    tags = {**start.tags, **found.tags}
    missing = unmet(start, tags, found.metrics, found.artifacts)
    ended = end or End(ended_at="")
    machine = _machine(captured.get("machine"), start)
    return RunManifest(
        **{name: getattr(start, name) for name in _FROM_START},
        status=status_of(end, missing),
        ended_at=ended.ended_at or None,
        seconds=ended.seconds,
        exit_code=ended.exit_code,
        signal=ended.signal,
        tags=tags,
        params={**captured.get("params", {}), **found.params, **{k: start.params[k] for k in start.given_params}},
        metrics=found.metrics,
        code=_part(CodeState, captured.get("code")),
        environment=_part(Environment, captured.get("environment")),
        machine=machine,
        usage=found.usage,
        inputs=tuple(from_plain(Input, i) for i in captured.get("inputs", ())),
        artifacts=tuple(found.artifacts),
        missing=missing,
        points=found.points,
        logs=found.logs,
        version=__version__,
        warnings=(*start.warnings, *captured.get("warnings", ()), *ended.warnings, *found.warnings),
        asked=asked_of(start),
        policy_bypassed=_text(start.extra.get("policy_bypassed")),
        stopped_by=stopped_by(ended.orders or found.orders, ended.signal, machine.scheduler, found.cause),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def asked_of(start: Start) -> dict[str, Any]:
    """What of a start the other fields of its manifest do not say, and whoever does the same again has to."""
    return {
        "outputs": [[o.label, o.pattern] for o in start.outputs],
        "params": {k: start.params[k] for k in start.given_params},
        "goals": dict(start.goals),
        "required": [list(start.required_metrics), list(start.required_outputs), list(start.required_tags)],
        **({"written": True} if start.is_written_required else {}),
        **{k: start.extra[k] for k in ("configs", "reading") if k in start.extra},
    }


def _machine(raw: Mapping[str, Any] | None, start: Start) -> Machine:
    machine: Machine = _part(Machine, raw)
    # The job's ids are known before the start: a requeued job finds its run by them, also one that died at once.
    return machine if machine.scheduler else replace(machine, scheduler=start.scheduler)


def _part(kind: Any, raw: Mapping[str, Any] | None) -> Any:
    return from_plain(kind, raw) if raw else kind()


def unmet(
    start: Start, tags: Mapping[str, str], metrics: Mapping[str, MetricSummary], artifacts: Sequence[Artifact]
) -> tuple[str, ...]:
    """What the policy wanted by the end and did not get: `metric val/acc`, `output model`, `tag owner`. Where
    outputs must be written by the run, one that only lay there is none: `output model, written by this run`. An output
    may also be wanted as KIND=PATH; a kind has no `=`."""
    kept = {a.kind for a in artifacts} | {f"{a.kind}={a.path}" for a in artifacts}
    own = {a.kind for a in artifacts if not a.is_older}
    stale = [k for k in dict.fromkeys(a.kind for a in artifacts) if k not in own and start.is_written_required]
    return (
        *(f"metric {m}" for m in start.required_metrics if m not in metrics),
        *(f"output {o}" for o in start.required_outputs if o not in kept),
        *(f"output {o}, written by this run" for o in stale),
        *(f"tag {t}" for t in start.required_tags if not tags.get(t)),
    )


def status_of(end: End | None, missing: Sequence[str]) -> str:
    """finished, incomplete (exit 0 but something mandatory is missing), failed, killed, or lost. Killed is also what a
    shell around the training tells as 128+N, when that signal was sent."""
    if end is None or (end.exit_code is None and end.signal is None):
        return "lost"
    if end.signal is not None or is_obeyed(end.orders, end.exit_code):
        return "killed"
    if end.exit_code != 0:
        return "failed"
    return "incomplete" if missing else "finished"
