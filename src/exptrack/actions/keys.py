"""Keys of filters, `--sort` and `--group-by`: fields of a run, `tag.NAME`, `params.NAME`, `metrics.NAME.best`.

A metric whose own name ends like a part of its summary is written in quotes: `metrics."f1.best"`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from exptrack.errors import ExptrackError
from exptrack.typed import NamedTuple

_QUOTED = re.compile(r'"([^"]*)"(?:\.(\w+))?\Z')

# Key of a filter -> (column of `runs`, how its values are read).
FIELDS: Mapping[str, tuple[str, str]] = {
    "id": ("r.id", "prefix"),
    "name": ("r.name", "text"),
    "status": ("r.status", "status"),
    "project": ("r.project", "text"),
    "group": ("r.group_name", "text"),
    "note": ("r.note", "text"),
    "author": ("r.author", "text"),
    "host": ("r.host", "text"),
    "command": ("r.command", "text"),
    "cwd": ("r.cwd", "text"),
    "parent": ("r.parent", "prefix"),
    "started_at": ("r.started", "time"),
    "ended_at": ("r.ended", "time"),
    "seconds": ("r.seconds", "duration"),
    "exit_code": ("r.exit_code", "number"),
    "signal": ("r.signal", "text"),
    "stopped_by": ("r.stopped_by", "text"),
    "policy_bypassed": ("r.policy_bypassed", "text"),
    "pinned": ("r.pinned", "bool"),
    "missing": ("r.missing", "text"),
    "warnings": ("r.warnings", "number"),
    "version": ("r.version", "text"),
    "attempts": ("r.attempts", "number"),
    "code.commit": ("r.code_commit", "prefix"),
    "code.branch": ("r.code_branch", "text"),
    "code.remote": ("r.code_remote", "text"),
    "code.dirty": ("r.code_dirty", "bool"),
    "code.tree": ("r.code_tree", "prefix"),
    "code.files": ("r.code_files", "number"),
    "environment.python": ("r.python", "text"),
    "environment.executable": ("r.executable", "text"),
    "machine.os": ("r.os", "text"),
    "machine.cpu": ("r.cpu", "text"),
    "machine.cores": ("r.cores", "number"),
    "machine.memory": ("r.memory", "size"),
    "machine.gpus": ("r.gpus", "text"),
    "machine.gpu_count": ("r.gpu_count", "number"),
    "machine.cuda": ("r.cuda", "text"),
    "usage.cpu_seconds": ("r.cpu_seconds", "duration"),
    "usage.max_rss": ("r.max_rss", "size"),
    "usage.max_gpu_memory": ("r.max_gpu_memory", "size"),
    "usage.gpu_utilisation": ("r.gpu_utilisation", "number"),
    "usage.energy_joules": ("r.energy_joules", "number"),
}
# The same short names as columns of `ls` have (actions/columns.py).
ALIASES: Mapping[str, str] = {
    "started": "started_at",
    "ended": "ended_at",
    "duration": "seconds",
    "models": "model",
    "commit": "code.commit",
    "branch": "code.branch",
    "dirty": "code.dirty",
    "python": "environment.python",
    "gpus": "machine.gpus",
    "machine.gpu": "machine.gpus",
}
# Keys that look into another table: a run may have several of them.
LINKS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "model": ("current_models", ("model",)),
    "input": ("inputs", ("name", "path", "digest")),
    "output": ("artifacts", ("kind", "path", "digest")),
}
TABLES = {
    "tag": "tags",
    "tags": "tags",
    "param": "params",
    "params": "params",
    "metric": "metrics",
    "metrics": "metrics",
}
SUMMARIES = ("first", "last", "min", "max", "best", "count", "best_step", "last_step")


class UnknownKey(ExptrackError):  # noqa: N818 - says what happened, as the others in errors.py do
    """A key that is none; `text` may be the bare name of a metric, parameter or tag that some run has."""

    def __init__(self, text: str) -> None:
        super().__init__(f"no filter or column is called `{text}`", _nearest(text))
        self.text = text


class Key(NamedTuple):
    """One key as SQL sees it. `column` of `table`; `name`: the tag, parameter or metric, "" for a field of the run."""

    text: str
    table: str
    column: str
    kind: str
    name: str = ""


def metric_key(name: str) -> Key:
    """The last value of exactly this metric."""
    return Key(f"metrics.{name}", "metrics", "last", "metrics", name)


def parse_key(text: str) -> Key:
    """A key of a filter, `--sort` or `--group-by`; ExptrackError (exit 2) names the nearest right one."""
    full = ALIASES.get(text, text)
    if full in FIELDS:
        column, kind = FIELDS[full]
        return Key(text, "runs", column, kind)
    if full in LINKS:
        return Key(full, LINKS[full][0], "", "link")
    prefix, dot, rest = text.partition(".")
    table = TABLES.get(prefix)
    if not dot or not rest or table is None:
        raise UnknownKey(text)
    quoted = _QUOTED.match(rest)
    name, suffix = (quoted[1], quoted[2]) if quoted else (rest, None)
    if table != "metrics":
        return Key(text, table, "value", table, name)
    if not quoted and (split := rest.rpartition("."))[0] and split[2] in SUMMARIES:
        name, _, suffix = split
    if suffix and suffix not in SUMMARIES:
        raise ExptrackError(f"a metric has no `.{suffix}`", "it has " + ", ".join(SUMMARIES))
    return Key(text, table, suffix or "last", "metrics", name)


def _nearest(text: str) -> str:
    import difflib

    _, _, rest = text.partition(".")
    known = [*FIELDS, *ALIASES, *LINKS, *({f"{t}.{rest}" for t in TABLES} if rest else ())]
    near = difflib.get_close_matches(text, known, 1, 0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return "keys: " + ", ".join([*FIELDS, *LINKS]) + ", tag.NAME, params.NAME, metrics.NAME"
