"""What a word of each kind could be, from the index as it lies there: nothing is synced, nothing is written.

A candidate is (value, help). ("", "files"), ("", "folders") and ("", "command N") leave the word to the shell: paths,
or the completion of the command that begins at word N.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from exptrack.cli import words
from exptrack.config import find_project
from exptrack.errors import ExptrackError
from exptrack.store.schema import Glance
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.config import Project

Candidates = list[tuple[str, str]]
MANY = 200
FILES, FOLDERS = ("", "files"), ("", "folders")


class Known:
    """The project of the current folder and what its index knows. No project, no index: nothing is known."""

    def __init__(self) -> None:
        self.project: Project | None = None
        with suppress(
            ExptrackError
        ):  # a policy file with a mistake: the command itself says so, a pressed TAB does not
            self.project = find_project()
        self.glance = Glance(self.project.index if self.project else "")

    def close(self) -> None:
        self.glance.close()

    def column(self, sql: str, *args: str) -> list[str]:
        return [str(row[0]) for row in self.glance.rows(f"{sql} LIMIT {MANY}", args) if row[0] is not None]

    def names(self, table: str) -> list[str]:
        """Keys of tags or params, names of metrics: each once, sorted."""
        column = "name" if table == "metrics" else "key"
        return self.column(f"SELECT DISTINCT {column} FROM {table} ORDER BY 1")  # noqa: S608 - our own table names


def runs(known: Known, text: str, _before: list[str]) -> Candidates:
    if text.startswith("best:"):
        return [("best:" + name, "the best run by it") for name in known.names("metrics")]
    model, at, _ = text.rpartition("@")
    if at and model:
        sql = "SELECT sequence, coalesce(run, 'demoted'), at FROM promotions WHERE model = ? ORDER BY sequence DESC"
        return [(f"{model}@", "its current run")] + [
            (f"{model}@{n}", f"{run} {when[:10]}") for n, run, when in known.glance.rows(sql, (model,))
        ]
    out = [("@", "the last run"), ("@~1", "the one before"), ("best:", "the best by a metric")]
    out += [(f"{m}@", "current run of this model") for m in models(known)]
    # Range queries instead of LIKE: these use the indexes. `{` comes after every letter an id has.
    named = (
        "SELECT name, status, started_at, max(started) FROM runs "
        "WHERE name IS NOT NULL AND substr(name, 1, ?) = ? GROUP BY name ORDER BY 4 DESC LIMIT 50"
    )
    out += [(name, _about(s, t)) for name, s, t, _ in known.glance.rows(named, (len(text), text))]
    ids = (
        "SELECT id, coalesce(name, ''), status, started_at FROM runs WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 50"
    )
    out += [(i, f"{_about(s, t)} {n}".rstrip()) for i, n, s, t in known.glance.rows(ids, (text, text + "{"))]
    if known.project:
        out += [(i, "running") for i in _listed(known.project.live)]
    return out


def _about(status: str, started_at: str) -> str:
    return f"{status} {started_at[:16].replace('T', ' ')}"


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder), reverse=True)
    except FileNotFoundError:
        return []


def runs_and_models(known: Known, text: str, before: list[str]) -> Candidates:
    return [*((m, "its current run") for m in models(known)), *runs(known, text, before)]


def models(known: Known) -> list[str]:
    gates = [g.pattern for g in known.project.config.gates if "*" not in g.pattern] if known.project else []
    return list(dict.fromkeys([*known.column("SELECT DISTINCT model FROM promotions ORDER BY 1"), *gates]))


def pairs(table: str) -> Callable[[Known, str, list[str]], Candidates]:
    """KEY=VALUE of tags or params: keys first, then the values a key has had."""

    def complete(known: Known, text: str, _before: list[str]) -> Candidates:
        key, equals, _ = text.partition("=")
        if equals:
            return [(f"{key}={v}", "") for v in _values(known, table, key)]
        required = known.project.config.required_tags if known.project and table == "tags" else ()
        out = [(f"{name}=", "required") for name in required]
        return out + [(f"{name}=", "") for name in known.names(table) if name not in required]

    return complete


def _values(known: Known, table: str, key: str) -> list[str]:
    return known.column(f"SELECT DISTINCT value FROM {table} WHERE key = ? ORDER BY 1", key)  # noqa: S608 - our table names


def _fields(known: Known) -> list[tuple[str, str]]:
    from exptrack.actions.keys import FIELDS, LINKS

    found = [(name, "") for name in [*FIELDS, *LINKS]]
    for prefix, table in (("tag", "tags"), ("params", "params"), ("metrics", "metrics")):
        found += [(f"{prefix}.{name}", "") for name in known.names(table)]
    return found


def filters(known: Known, text: str, _before: list[str]) -> Candidates:
    from exptrack.actions.keys import FIELDS

    key, equals, _ = text.partition("=")
    if not equals:
        return [(name if name.startswith("metrics.") else name + "=", about) for name, about in _fields(known)]
    prefix, _, name = key.partition(".")
    if key == "status":
        values = list(words.STATUSES)
    elif key == "model":
        values = models(known)
    elif key in FIELDS:
        column = FIELDS[key][0]
        values = known.column(f"SELECT DISTINCT {column} FROM runs r ORDER BY 1")  # noqa: S608 - columns of keys.FIELDS
    elif prefix in ("tag", "tags", "param", "params"):
        values = _values(known, prefix.rstrip("s") + "s", name)
    else:
        values = []
    return [(f"{key}={value}", "") for value in values]


def sort_keys(known: Known, text: str, _before: list[str]) -> Candidates:
    sign = "-" if text.startswith("-") else ""
    return [(sign + name, about) for name, about in _fields(known)]


def listed(choose: Callable[[Known], Iterable[str]]) -> Callable[[Known, str, list[str]], Candidates]:
    """A,B,C: the last part is what is being written."""

    def complete(known: Known, text: str, _before: list[str]) -> Candidates:
        done = text[: text.rfind(",") + 1]
        return [(done + name, "") for name in choose(known) if name not in done.split(",")]

    return complete


def files_called(kinds: Iterable[str]) -> Callable[[Known, str, list[str]], Candidates]:
    """[KIND=]PATH: the kinds, and files before and after the `=`."""
    return lambda _known, text, _before: [FILES] if "=" in text else [*((f"{k}=", "") for k in kinds), FILES]


def outputs(known: Known, _text: str, before: list[str]) -> Candidates:
    """Kinds and paths of what the run named before them has kept."""
    run = before[0] if before else "@"
    model, _, number = run.rpartition("@")
    if model:
        args: tuple[str | int, ...] = (model, number, number)
        which = "SELECT run FROM promotions WHERE model = ? AND (? = '' OR sequence = ?) ORDER BY sequence DESC"
    else:
        args = (run, run, len(run), run)
        which = "SELECT id FROM runs WHERE ? = '@' OR name = ? OR substr(id, 1, ?) = ? ORDER BY started DESC"
    sql = f"SELECT kind, path FROM artifacts WHERE run = ({which} LIMIT 1)"  # noqa: S608 - `which` is one of these two
    kept = known.glance.rows(sql, args)
    return [*((kind, "all of this kind") for kind, _ in kept), *((path, kind) for kind, path in kept)]


def sequences(known: Known, _text: str, before: list[str]) -> Candidates:
    sql = "SELECT sequence, coalesce(run, 'demoted') FROM promotions WHERE model = ? ORDER BY sequence DESC"
    return [(str(n), run) for n, run in known.glance.rows(sql, (before[0] if before else "",))]


def plain(choose: Callable[[Known], Iterable[str]]) -> Callable[[Known, str, list[str]], Candidates]:
    return lambda known, _text, _before: [(value, "") for value in choose(known)]


SOURCES: Mapping[str, Callable[[Known, str, list[str]], Candidates]] = {
    "run": runs,
    "model": plain(models),
    "run-or-model": runs_and_models,
    "input": plain(lambda known: known.column("SELECT DISTINCT name FROM inputs ORDER BY 1")),
    "tag": pairs("tags"),
    "param": pairs("params"),
    "filter": filters,
    "sort": sort_keys,
    "keys": listed(lambda known: (name for name, _ in _fields(known))),
    "aggregates": listed(lambda _: words.AGGREGATES),
    "metric": plain(lambda known: known.names("metrics")),
    "metric=": plain(lambda known: (f"{name}=" for name in known.names("metrics"))),
    "name": plain(lambda known: known.column("SELECT DISTINCT name FROM runs ORDER BY 1")),
    "group": plain(lambda known: known.column("SELECT DISTINCT group_name FROM runs ORDER BY 1")),
    "axis": plain(lambda _: ("step", "time", "epoch")),
    "stream": plain(lambda _: ("stdout", "stderr")),
    "undo-what": plain(lambda _: ("gc",)),
    "policy-action": plain(lambda _: ("check", "explain")),
    "installer": plain(lambda _: ("uv", "pip")),
    "shell": plain(lambda _: ("bash", "zsh", "fish")),
    "output": outputs,
    "sequence": sequences,
    "file": lambda _known, _text, _before: [FILES],
    "folder": lambda _known, _text, _before: [FOLDERS],
    "named-file": files_called(()),
    "kind-file": files_called(words.KINDS),
    "file-or-model": lambda known, _text, _before: [*((m, "") for m in models(known)), FILES],
    "text": lambda _known, _text, _before: [],
}
