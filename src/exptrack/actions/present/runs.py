"""Records -> the public JSON of the reading commands: keys, order and types that scripts rely on (docs/json.md).

Invariant: only what JSON can say comes out. A number that is not finite is null, with a word beside it that says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from exptrack.actions.columns import FIELDS, Key, every, value
from exptrack.actions.present.attempts import attempts_json
from exptrack.comparison import Change, RunDiff
from exptrack.model import Artifact, Gpu, Input, MetricSummary, Run
from exptrack.reproduction import Reproduction
from exptrack.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exptrack.actions.fetch import Fetched
    from exptrack.actions.which import Answer

JsonObject = dict[str, Any]

# Columns of `ls --csv` before tags, params and metrics.
CSV_FIELDS = tuple(name for name in FIELDS if "." not in name and name not in ("missing", "warnings"))
_NUMBERS = ("first", "last", "min", "max", "best", "best_step", "last_step")


def run_json(run: Run, expired: Iterable[str] | None = None) -> JsonObject:
    """One run. `expired`: digests whose bytes retention let go (default: those the run's events name)."""
    m = run.manifest
    gone = frozenset(run.expired if expired is None else expired)
    return {
        "id": m.id,
        "name": m.name,
        "status": run.status,
        "project": m.project,
        "group": m.group,
        "note": run.note,
        "author": m.author,
        "host": m.host,
        "command": list(m.command),
        "cwd": m.cwd,
        "started_at": m.started_at,
        "ended_at": m.ended_at,
        "seconds": finite(m.seconds),
        "exit_code": m.exit_code,
        "signal": m.signal,
        "tags": dict(sorted(run.tags.items())),
        "params": {k: plain(v) for k, v in sorted(m.params.items())},
        "metrics": {k: metric_json(s) for k, s in sorted(m.metrics.items())},
        "code": _code(run),
        "environment": _environment(run),
        "machine": _machine(run),
        "usage": _usage(run),
        "inputs": [_input(i) for i in m.inputs],
        "artifacts": [artifact_json(a, is_expired=a.digest in gone) for a in m.artifacts],
        "models": list(run.models),
        "warnings": list(m.warnings),
        "pinned": run.pinned,
        "missing": list(m.missing),
        "parent": m.parent,
        "version": m.version,
        "stopped_by": m.stopped_by,
        "attempts": attempts_json(m),
        "policy_bypassed": m.policy_bypassed,
        **_reproduced(run),
    }


def _reproduced(run: Run) -> JsonObject:
    said = [reproduction_json(r) for r in run.reproductions]
    return {"reproductions": said, "reproduces": reproduction_json(run.reproduces)}


def reproduction_json(said: Reproduction | None) -> JsonObject | None:
    """One verdict of `reproduce`; `run`: the other run of the two."""
    if said is None:
        return None
    verdict = {"run": said.run, "verdict": said.verdict, "at": said.at, "author": said.author}
    return verdict | {"environment": said.environment, "differences": said.differences}


def metric_json(summary: MetricSummary) -> JsonObject:
    """A metric's summary. `nan`: one of the numbers is NaN; `not_finite` says what stands where null is shown."""
    values = {name: getattr(summary, name) for name in _NUMBERS}
    out: JsonObject = {name: _step(finite(v)) if name.endswith("_step") else finite(v) for name, v in values.items()}
    words = {"count": summary.count, "goal": summary.goal, "source": summary.source, "unit": summary.unit}
    return with_odd(out | words, values)


def _step(step: float | None) -> float | None:
    """Steps are kept as floats, since some are fractions of an epoch; whole ones are told as integers."""
    return int(step) if step is not None and float(step).is_integer() else step


def with_odd(out: JsonObject, values: Mapping[str, Any]) -> JsonObject:
    """Say beside the nulls of `out` what the numbers that JSON cannot say are."""
    odd = {name: repr(v) for name, v in values.items() if isinstance(v, float) and not math.isfinite(v)}
    if "nan" in odd.values():
        out["nan"] = True
    if odd:
        out["not_finite"] = odd
    return out


def _code(run: Run) -> JsonObject:
    code = run.manifest.code
    return {
        "commit": code.commit,
        "branch": code.branch,
        "remote": code.remote,
        "dirty": code.dirty,
        "tree": code.tree,
        "files": code.files,
        "root": code.root or None,
        "changed": list(code.changed),
        "untracked": list(code.untracked),
        "left_out": list(code.left_out),
        "masked": list(code.masked),
    }


def _environment(run: Run) -> JsonObject:
    e = run.manifest.environment
    return {
        "python": e.python,
        "executable": e.executable,
        "packages": dict(sorted(e.packages.items())),
        "implementation": e.implementation,
        "virtualenv": e.virtualenv,
        "conda": e.conda,
        "sources": dict(sorted(e.sources.items())),
        "lock_files": list(e.lock_files),
        "variables": dict(sorted(e.variables.items())),
    }


def _machine(run: Run) -> JsonObject:
    m = run.manifest.machine
    return {
        "os": m.os or None,
        "cpu": m.cpu or None,
        "cores": m.cores or None,
        "memory": m.memory or None,
        "gpus": [_gpu(g) for g in m.gpus],
        "cuda": m.cuda,
        "scheduler": dict(sorted(m.scheduler.items())),
    }


def _gpu(gpu: Gpu) -> JsonObject:
    return {
        "index": gpu.index,
        "name": gpu.name,
        "uuid": gpu.uuid,
        "memory": gpu.memory,
        "driver": gpu.driver,
        "mig": gpu.mig,
        "capability": gpu.capability,
    }


def _usage(run: Run) -> JsonObject:
    usage = run.manifest.usage
    return {
        "cpu_seconds": finite(usage.cpu_seconds),
        "max_rss": usage.max_rss,
        "max_gpu_memory": usage.max_gpu_memory,
        "gpu_utilisation": finite(usage.gpu_utilisation),
        "energy_joules": finite(usage.energy_joules),
    }


def _input(given: Input) -> JsonObject:
    return {"name": given.name, "path": given.path, "digest": given.digest, "size": given.size, "files": given.files}


def artifact_json(artifact: Artifact, *, is_expired: bool = False) -> JsonObject:
    """One kept output; `folder`: its digest names a tree; `expired`: its bytes may be gone; `older`: the run has not
    written it, it lay there before."""
    return {
        "kind": artifact.kind,
        "path": artifact.path,
        "digest": artifact.digest,
        "size": artifact.size,
        "files": artifact.files,
        "folder": artifact.is_tree,
        "expired": is_expired,
        "older": artifact.is_older,
    }


def fetched_json(fetched: Fetched) -> JsonObject:
    """One artifact that `get` wrote; `leading_out`: its symlinks that lead out of the folder."""
    return {
        **artifact_json(fetched.artifact),
        "written": fetched.path,
        "leading_out": list(fetched.leading_out),
    }


def diff_json(diff: RunDiff, is_different: bool) -> JsonObject:
    """Two runs compared; every change has the same keys."""
    sections = {name: [change_json(c) for c in changes] for name, changes in diff.sections.items()}
    return {"a": diff.a, "b": diff.b, "different": is_different, "sections": sections}


def change_json(change: Change) -> JsonObject:
    """One difference; null where a key does not apply."""
    out = {
        "key": change.key,
        "kind": change.kind,
        "before": number_or(change.before),
        "after": number_or(change.after),
        "delta": finite(change.delta),
        "verdict": change.verdict,
        "added_lines": change.added_lines,
        "removed_lines": change.removed_lines,
        "note": change.note,
    }
    return with_odd(out, {"before": change.before, "after": change.after})


def which_json(answer: Answer) -> JsonObject:
    """The runs behind a file or model; `inputs`: those that only read it; `digest` null: a model was asked for;
    `files`: the same of each file of a folder that no run kept as a whole."""
    matches = [
        {
            "run": m.run.id,
            "name": m.run.manifest.name,
            "status": m.run.status,
            "started_at": m.run.manifest.started_at,
            "kind": m.kind,
            "path": m.path,
            "older": m.is_older,
            "promotions": [
                {"model": model, "sequence": n, "current": m.is_current(model, n)} for model, n in m.promotions
            ],
            "repeats": m.repeats,
        }
        for m in answer.matches
    ]
    uses = [{"run": u.run_id, "input": u.name, "path": u.path} for u in answer.uses]
    files = [which_json(f) for f in answer.files]
    return {"asked": answer.asked, "digest": answer.digest, "runs": matches, "files": files, "inputs": uses}


def ls_csv(runs: Sequence[Run], keys: Sequence[Key] | None = None) -> Iterator[list[str]]:
    """Header and rows of `ls --csv`: the columns asked for, else every field, tag, param and metric of the runs.

    Numbers in full precision, NaN as nan, truth as true and false, nothing as an empty cell, lists as words."""
    chosen = [*(Key("field", f) for f in CSV_FIELDS), *every(runs)] if keys is None else list(keys)
    yield [k.text for k in chosen]
    for run in runs:
        yield [cell(value(run, k)) for k in chosen]


def cell(value: Any) -> str:
    """A value as a cell of CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        import shlex

        return shlex.join(value)
    return repr(value) if isinstance(value, float) else str(value)


def finite(number: float | None) -> float | None:
    """The number, or None for what JSON cannot say."""
    return number if number is None or math.isfinite(number) else None


def number_or(value: Any) -> Any:
    return finite(value) if isinstance(value, float) else plain(value)


def plain(value: Any) -> Any:
    """Any value as JSON has it; a number that is not finite becomes the word 'nan', 'inf' or '-inf'."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value
