"""What can stand in a column of `ls`: keys as in filters (`params.lr`, `tag.owner`, `metrics.val/acc.best`) and a run's
value for each; and which of them differ among runs. Plain values only, nothing is formatted here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from exptrack.actions.goals import stage
from exptrack.errors import ExptrackError
from exptrack.model import MetricSummary, Run
from exptrack.typed import Any, NamedTuple

METRIC_PARTS = ("last", "best", "min", "max", "first", "count", "best_step", "last_step")

FIELDS: Mapping[str, Callable[[Run], Any]] = {
    "id": lambda r: r.id,
    "name": lambda r: r.manifest.name,
    "status": lambda r: r.status,
    "project": lambda r: r.manifest.project,
    "group": lambda r: r.manifest.group,
    "note": lambda r: r.note,
    "author": lambda r: r.manifest.author,
    "host": lambda r: r.manifest.host,
    "command": lambda r: list(r.manifest.command),
    "cwd": lambda r: r.manifest.cwd,
    "started_at": lambda r: r.manifest.started_at,
    "ended_at": lambda r: r.manifest.ended_at,
    "seconds": lambda r: r.manifest.seconds,
    "exit_code": lambda r: r.manifest.exit_code,
    "signal": lambda r: r.manifest.signal,
    "pinned": lambda r: r.pinned,
    "models": lambda r: list(r.models),
    "parent": lambda r: r.manifest.parent,
    "version": lambda r: r.manifest.version,
    "stopped_by": lambda r: r.manifest.stopped_by,
    "missing": lambda r: list(r.manifest.missing),
    "warnings": lambda r: len(r.manifest.warnings),
    "attempts": lambda r: len(r.manifest.attempts) or 1,
    "policy_bypassed": lambda r: r.manifest.policy_bypassed,
    "code.commit": lambda r: r.manifest.code.commit,
    "code.branch": lambda r: r.manifest.code.branch,
    "code.remote": lambda r: r.manifest.code.remote,
    "code.dirty": lambda r: r.manifest.code.dirty,
    "code.tree": lambda r: r.manifest.code.tree,
    "code.files": lambda r: r.manifest.code.files,
    "environment.python": lambda r: r.manifest.environment.python,
    "environment.executable": lambda r: r.manifest.environment.executable,
    "machine.os": lambda r: r.manifest.machine.os or None,
    "machine.cpu": lambda r: r.manifest.machine.cpu or None,
    "machine.cores": lambda r: r.manifest.machine.cores or None,
    "machine.memory": lambda r: r.manifest.machine.memory or None,
    "machine.cuda": lambda r: r.manifest.machine.cuda,
    "machine.gpus": lambda r: [g.name for g in r.manifest.machine.gpus],
    "usage.cpu_seconds": lambda r: r.manifest.usage.cpu_seconds,
    "usage.max_rss": lambda r: r.manifest.usage.max_rss,
    "usage.max_gpu_memory": lambda r: r.manifest.usage.max_gpu_memory,
    "usage.gpu_utilisation": lambda r: r.manifest.usage.gpu_utilisation,
    "usage.energy_joules": lambda r: r.manifest.usage.energy_joules,
}
ALIASES = {
    "started": "started_at",
    "ended": "ended_at",
    "duration": "seconds",
    "model": "models",
    "commit": "code.commit",
    "branch": "code.branch",
    "dirty": "code.dirty",
    "python": "environment.python",
    "gpus": "machine.gpus",
    "machine.gpu": "machine.gpus",
}
# A metric whose own name ends like a part of a summary is written in quotes, as in filters.
_QUOTED = re.compile(rf'"([^"]*)"(?:\.({"|".join(METRIC_PARTS)}))?')
_PREFIXES = {"tag": "tag", "tags": "tag", "param": "param", "params": "param", "metric": "metric", "metrics": "metric"}
_TITLES = {"tag": "tag.", "param": "params.", "metric": "metrics."}


class Key(NamedTuple):
    """One column. `kind`: field, tag, param or metric; `part`: which number of a metric's summary."""

    kind: str
    name: str
    part: str = "last"

    @property
    def text(self) -> str:
        """The key in full, as filters and --columns take it."""
        suffix = "" if self.part == "last" else "." + self.part
        is_ambiguous = self.kind == "metric" and self.name.rpartition(".")[2] in METRIC_PARTS
        return _TITLES.get(self.kind, "") + (f'"{self.name}"' if is_ambiguous else self.name) + suffix


def parse_keys(texts: Iterable[str], runs: Sequence[Run]) -> list[Key]:
    """`--columns a,b` -> keys; a bare name is a field, else a param, tag or metric that one of the runs has.

    ExptrackError (exit 2) for a name that is none of these, with the nearest one."""
    return [_parse(t.strip(), runs) for text in texts for t in text.split(",") if t.strip()]


def _parse(text: str, runs: Sequence[Run]) -> Key:
    field = ALIASES.get(text, text)
    if field in FIELDS:
        return Key("field", field)
    prefix, dot, rest = text.partition(".")
    if dot and rest and prefix in _PREFIXES:
        kind = _PREFIXES[prefix]
        return _metric(rest, runs) if kind == "metric" else Key(kind, rest)
    if any(text in r.manifest.params for r in runs):
        return Key("param", text)
    if any(text in r.tags for r in runs):
        return Key("tag", text)
    metric = _metric(text, runs)
    if not runs or any(metric.name in r.manifest.metrics for r in runs):
        return metric
    raise _unknown(text, runs)


def _metric(text: str, runs: Sequence[Run]) -> Key:
    if quoted := _QUOTED.fullmatch(text):
        return Key("metric", quoted[1], quoted[2] or "last")
    name, _, part = text.rpartition(".")
    if name and part in METRIC_PARTS and not any(text in r.manifest.metrics for r in runs):
        return Key("metric", name, part)
    return Key("metric", text)


def _unknown(text: str, runs: Sequence[Run]) -> ExptrackError:
    import difflib

    if text in ("inputs", "outputs", "input", "output"):
        hint = f"a run may have several: `exptrack show RUN`; the filter {text.rstrip('s')}=NAME finds runs by them"
        return ExptrackError(f"no column {text!r}", hint)
    known = {*FIELDS, *ALIASES, *(k.text for k in every(runs)), *(k.name for k in every(runs))}
    near = difflib.get_close_matches(text, known, 1, 0.5)
    hint = f"did you mean `{near[0]}`?" if near else "columns: " + ", ".join(FIELDS)
    return ExptrackError(f"no column {text!r}", hint)


def value(run: Run, key: Key) -> Any:
    """What a run has in a column; None where it has nothing."""
    if key.kind == "field":
        return FIELDS[key.name](run)
    if key.kind == "tag":
        return run.tags.get(key.name)
    if key.kind == "param":
        return run.manifest.params.get(key.name)
    summary = run.manifest.metrics.get(key.name)
    return None if summary is None else getattr(summary, key.part)


def every(runs: Sequence[Run]) -> list[Key]:
    """Every tag, param and metric of the runs, each kind sorted by name."""
    tags = sorted({k for r in runs for k in r.tags})
    params = sorted({k for r in runs for k in r.manifest.params})
    metrics = sorted({k for r in runs for k in r.manifest.metrics})
    return [*(Key("tag", k) for k in tags), *(Key("param", k) for k in params), *(Key("metric", k) for k in metrics)]


def differing(runs: Sequence[Run]) -> list[Key]:
    """Params, tags and metrics that are not the same in all runs, the most telling first: metrics with a goal, then
    params, tags and other metrics; within each what most runs have and what varies most, held-out figures before those
    of training. One run alone differs from nothing: it shows its metrics that have a goal."""
    ranked = []
    for key in every(runs):
        values = [value(r, key) for r in runs]
        distinct = len({same_key(v) for v in values})
        has_goal = key.kind == "metric" and goal(key, runs) is not None
        if distinct < 2 and not (has_goal and len(runs) == 1):
            continue
        rank = 0 if has_goal else ("param", "tag", "metric").index(key.kind) + 1
        present = sum(v is not None for v in values)
        is_rare = 2 * present < len(runs)
        ranked.append((rank, is_rare, stage(key.name) if rank == 0 else 0, -present, -distinct, key))
    return [row[-1] for row in sorted(ranked)]


def goal(key: Key, runs: Sequence[Run]) -> str | None:
    """Which way a metric's column is better, by the newest of the runs that says so; None for other columns."""
    if key.kind != "metric" or key.part not in ("last", "best", "min", "max", "first"):
        return None
    found = [(r.id, s.goal) for r in runs if (s := _summary(r, key.name)) and s.goal]
    return max(found)[1] if found else None


def _summary(run: Run, name: str) -> MetricSummary | None:
    return run.manifest.metrics.get(name)


def same_key(value: Any) -> Any:
    """Something equal for values that are the same: 1 and 1.0 are, true and 1 are not, NaN is the same as NaN."""
    if isinstance(value, float) and math.isnan(value):
        return (float, "nan")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (float, value)
    if isinstance(value, (list, tuple)):
        return (list, tuple(same_key(v) for v in value))
    return (type(value), value)
