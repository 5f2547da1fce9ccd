"""Find the project and read its policy: exptrack.toml, else [tool.exptrack] in pyproject.toml -> Config.

NamedTuples and not dataclasses: this is read before the child starts, and `dataclasses` costs 15 ms to import. Every
key is checked against SCHEMA; a wrong one is an error that names the line and the nearest right key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from exptrack.errors import ExptrackError

FOLDER = ".exptrack"
FILE = "exptrack.toml"
PYPROJECT = "pyproject.toml"


class Gates(NamedTuple):
    """[promote.NAME]: what a run must show before it becomes the current run of a model."""

    pattern: str
    metrics: tuple[str, ...] = ()
    better_than_current: str | None = None
    min_delta: float = 0.0
    clean: bool = False
    outputs: tuple[str, ...] = ()


class Config(NamedTuple):
    """The whole policy; every default is what a project without a file gets."""

    path: str | None = None
    project: str | None = None
    store: str | None = None
    tags: Mapping[str, str] = {}
    required_tags: tuple[str, ...] = ()
    required_name: str | None = None
    required_metrics: tuple[str, ...] = ()
    required_outputs: tuple[str, ...] = ()
    required_end_tags: tuple[str, ...] = ()
    goals: Mapping[str, str] = {}
    patterns: Mapping[str, str] = {}
    ignored_metrics: tuple[str, ...] = ()
    renamed_metrics: Mapping[str, str] = {}
    gates: tuple[Gates, ...] = ()
    retention_window: str = "90d"
    retention_keep: tuple[str, ...] = ("promoted", "pinned")
    snapshot_exclude: tuple[str, ...] = ()
    snapshot_max_bytes: int = 200 * 1024 * 1024
    secret_names_allowed: tuple[str, ...] = ()


class Project:
    """Where things are. `root`: the folder that holds .exptrack; `folder`: .exptrack itself; `store`: absolute."""

    __slots__ = ("cache", "config", "folder", "index", "live", "root", "store")

    def __init__(self, root: str, folder: str, store: str, config: Config) -> None:
        self.root, self.folder, self.store, self.config = root, folder, store, config
        self.live = os.path.join(folder, "live")
        self.index = os.path.join(folder, "index.db")
        self.cache = os.path.join(folder, "cache")


# type names: str, bool, number, size, list (of str), table (str -> str), goals, patterns, regex, gates
SCHEMA: Mapping[str, Any] = {
    "project": "str",
    "store": "str",
    "tags": "table",
    "require": {"tags": "list", "name": "regex", "end": {"metrics": "list", "outputs": "list", "tags": "list"}},
    "metrics": {"goals": "goals", "patterns": "patterns", "ignore": "list", "rename": "table"},
    "promote": {
        "*": {
            "metrics": "gates",
            "better_than_current": "str",
            "min_delta": "number",
            "clean": "bool",
            "outputs": "list",
        }
    },
    "retention": {"window": "duration", "keep": "list"},
    "snapshot": {"exclude": "list", "max_size": "size"},
    "secrets": {"allow": "list"},
}

_SIZE = re.compile(r"^\s*(\d{1,18}(?:\.\d+)?)\s*([KMGT]?)i?B?\s*$", re.I)
_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([smhdwy])\s*$")
_NUMBER = r"[-+]?(?:\d(?:_?\d)*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
GATE = re.compile(rf"^\s*(?P<metric>[^\s<>=!](?:.*?[^\s<>=!])?)\s*(?P<op>>=|<=|==|>|<)\s*(?P<bound>{_NUMBER})\s*$")
_WORD = r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'"""
_DOTTED = rf"((?:{_WORD})(?:\s*\.\s*(?:{_WORD}))*)"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}


def parse_size(text: str) -> int | None:
    """'200 MB', '1.5G', '4096' -> bytes (powers of 1024); None for anything else."""
    m = _SIZE.match(text)
    return int(float(m[1]) * 1024 ** " KMGT".index(m[2].upper() or " ")) if m else None


def parse_duration(text: str) -> float | None:
    """'90d', '12h', '30m' -> seconds; None for anything else."""
    m = _DURATION.match(text)
    return float(m[1]) * SECONDS[m[2]] if m else None


def find_project(start: str | None = None, *, create: bool = False) -> Project | None:
    """The project that `start` (default: the current folder) belongs to; $EXPTRACK_DIR names .exptrack itself.

    `create`: when nothing is found, say where it would be (the git root, else `start`); makes nothing on disk.
    Raises ExptrackError for a policy file that is wrong.
    """
    try:
        here = os.path.abspath(start or os.getcwd())
    except FileNotFoundError as e:
        raise ExptrackError("the current folder does not exist any more", "cd into one that does") from e
    named = os.environ.get("EXPTRACK_DIR")
    if named:
        folder = os.path.abspath(named)
        root = os.path.dirname(folder) if os.path.basename(folder) == FOLDER else here
        return _project(root, folder, here)
    git_root = None
    for place in _upwards(here):
        if os.path.isdir(os.path.join(place, FOLDER)):
            return _project(place, os.path.join(place, FOLDER), here)
        if os.path.isfile(os.path.join(place, FILE)) and create:
            return _project(place, os.path.join(place, FOLDER), here)
        if git_root is None and os.path.exists(os.path.join(place, ".git")):
            git_root = place
    if not create:
        return None
    root = git_root or here
    return _project(root, os.path.join(root, FOLDER), here)


def _upwards(place: str) -> list[str]:
    out = [place]
    while (parent := os.path.dirname(place)) != place:
        out.append(parent)
        place = parent
    return out


def _project(root: str, folder: str, here: str) -> Project:
    config = _config_above(here, root)
    store = os.path.join(folder, "store")
    if config.store:
        base = os.path.dirname(config.path) if config.path else root
        store = os.path.normpath(os.path.join(base, os.path.expanduser(config.store)))
    return Project(root, folder, store, config)


def _config_above(here: str, root: str) -> Config:
    """The nearest policy file from here up to the root, so that a folder of a larger repository may have its own."""
    for place in _upwards(here):
        path = os.path.join(place, FILE)
        if os.path.isfile(path):
            return read_config(path)
        path = os.path.join(place, PYPROJECT)
        if os.path.isfile(path) and _has_table(path):
            return read_config(path)
        if place == root:
            break
    return Config()


def _has_table(path: str) -> bool:
    try:
        with open(path, "rb") as f:
            return re.search(rb"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*exptrack[ \t]*[\].]", f.read(), re.M) is not None
    except OSError as e:
        raise ExptrackError(f"cannot read {path}: {e.strerror}", "its [tool.exptrack] may hold the policy") from e


def read_config(path: str) -> Config:
    """One policy file -> Config; ExptrackError names file, line and the nearest right key."""
    import tomllib

    try:
        with open(path, "rb") as f:
            text = f.read().decode("utf-8")
        raw: dict[str, Any] = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise ExptrackError(f"cannot read {path}: {e}", "`exptrack init` writes a commented example") from e
    if os.path.basename(path) == PYPROJECT:
        raw = raw.get("tool", {}).get("exptrack", {})
    _check(raw, SCHEMA, (), path, text)
    return _build(raw, path)


def _check(raw: Mapping[str, Any], schema: Mapping[str, Any], where: tuple[str, ...], path: str, text: str) -> None:
    for key, value in raw.items():
        kind = schema.get(key, schema.get("*"))
        place = (*where, key)
        if kind is None:
            raise _problem(f"unknown key `{'.'.join(place)}`", place, path, text, _nearest(key, schema, where))
        if isinstance(kind, Mapping):
            if not isinstance(value, dict):
                name = ".".join(place)
                raise _problem(f"`{name}` is a table, not {value!r}", place, path, text, f"write [{name}]")
            _check(value, kind, place, path, text)
        elif wrong := _wrong(kind, value):
            raise _problem(f"`{'.'.join(place)}` {wrong}, not {value!r}", place, path, text, "")


def _wrong(kind: str, value: Any) -> str | None:
    """What the value should have been; None when it is that."""
    is_list = isinstance(value, list) and all(isinstance(v, str) for v in value)
    is_table = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    checks = {
        "str": (isinstance(value, str), "is a string"),
        "bool": (isinstance(value, bool), "is true or false"),
        "number": (isinstance(value, (int, float)) and not isinstance(value, bool), "is a number"),
        "list": (is_list, "is a list of strings"),
        "table": (is_table, "is a table of strings"),
        "goals": (is_table and all(v in ("max", "min") for v in value.values()), 'is a table of "max" or "min"'),
        "patterns": (is_table and all(_is_regex(v) for v in value.values()), "is a table of regular expressions"),
        "regex": (isinstance(value, str) and _is_regex(value), "is a regular expression"),
        "gates": (is_list and all(GATE.match(v) for v in value), 'is a list like ["val/acc >= 0.9"]'),
        "duration": (isinstance(value, str) and parse_duration(value) is not None, 'is a duration like "90d" or "12h"'),
        "size": (_size(value) is not None, 'is a size like "200 MB" or a number of bytes'),
    }
    is_right, text = checks[kind]
    return None if is_right else text


def _is_regex(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def _size(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value >= 0 else None
    return parse_size(value) if isinstance(value, str) else None


def _nearest(key: str, schema: Mapping[str, Any], where: tuple[str, ...]) -> str:
    import difflib

    near = difflib.get_close_matches(key, [k for k in schema if k != "*"], 1, 0.6)
    place = f"[{'.'.join(where)}]" if where else "the top level"
    known = ", ".join(k for k in schema if k != "*")
    return f"did you mean `{near[0]}`?" if near else f"keys of {place}: {known}"


def _problem(what: str, place: tuple[str, ...], path: str, text: str, hint: str) -> ExptrackError:
    return ExptrackError(f"{path}:{_line(place, path, text)}: {what}", hint or "see docs/policy.md for every key")


def _line(place: tuple[str, ...], path: str, text: str) -> int:
    """The line of a key, or of the inline table it stands in: tomllib tells no positions."""
    table: tuple[str, ...] = ()
    best, best_depth = 0, 0
    if os.path.basename(path) == PYPROJECT:
        place = ("tool", "exptrack", *place)
    for i, line in enumerate(text.split("\n")):
        if m := re.match(rf"\s*\[\s*{_DOTTED}\s*\]", line):
            here = table = _parts(m[1])
        elif m := re.match(rf"\s*{_DOTTED}\s*=", line):
            here = (*table, *_parts(m[1]))
        else:
            continue
        if here[: len(place)] == place:
            return i + 1
        if place[: len(here)] == here and len(here) > best_depth:
            best, best_depth = i, len(here)
    return best + 1


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in re.findall(_WORD, dotted))


def _build(raw: Mapping[str, Any], path: str) -> Config:
    require, metrics = raw.get("require", {}), raw.get("metrics", {})
    end, retention, snapshot = require.get("end", {}), raw.get("retention", {}), raw.get("snapshot", {})
    default = Config()
    size = _size(snapshot.get("max_size", default.snapshot_max_bytes))
    return Config(
        path=path,
        project=raw.get("project"),
        store=raw.get("store"),
        tags=raw.get("tags", {}),
        required_tags=tuple(require.get("tags", ())),
        required_name=require.get("name"),
        required_metrics=tuple(end.get("metrics", ())),
        required_outputs=tuple(end.get("outputs", ())),
        required_end_tags=tuple(end.get("tags", ())),
        goals=metrics.get("goals", {}),
        patterns=metrics.get("patterns", {}),
        ignored_metrics=tuple(metrics.get("ignore", ())),
        renamed_metrics=metrics.get("rename", {}),
        gates=tuple(_gates(name, g) for name, g in raw.get("promote", {}).items()),
        retention_window=retention.get("window", default.retention_window),
        retention_keep=tuple(retention.get("keep", default.retention_keep)),
        snapshot_exclude=tuple(snapshot.get("exclude", ())),
        snapshot_max_bytes=size if size is not None else default.snapshot_max_bytes,
        secret_names_allowed=tuple(raw.get("secrets", {}).get("allow", ())),
    )


def _gates(name: str, raw: Mapping[str, Any]) -> Gates:
    return Gates(
        pattern=name,
        metrics=tuple(raw.get("metrics", ())),
        better_than_current=raw.get("better_than_current"),
        min_delta=float(raw.get("min_delta", 0.0)),
        clean=raw.get("clean", False),
        outputs=tuple(raw.get("outputs", ())),
    )
