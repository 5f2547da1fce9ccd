"""Find the project and read its policy: exptrack.toml, else [tool.exptrack] in pyproject.toml -> Config.

NamedTuples and not dataclasses: this is read before the child starts, and `dataclasses` costs 15 ms to import. What may
stand in the file is said in policy_keys.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from exptrack.errors import ExptrackError
from exptrack.policy_keys import (
    DEFINITIONS,
    GATE,
    KEEP,
    PYPROJECT,
    SCHEMA,
    are_definitions,
    check,
    parse_duration,
    parse_size,
    size_of,
)
from exptrack.typed import Any, NamedTuple

__all__ = [
    "FILE",
    "FOLDER",
    "GATE",
    "SCHEMA",
    "Config",
    "Gates",
    "Keep",
    "Project",
    "are_definitions",
    "find_project",
    "parse_duration",
    "parse_size",
    "read_config",
]

FOLDER = ".exptrack"
FILE = "exptrack.toml"


class Gates(NamedTuple):
    """[promote.NAME]: what a run must show before it becomes the current run of a model."""

    pattern: str
    metrics: tuple[str, ...] = ()
    better_than_current: str | None = None
    min_delta: float = 0.0
    clean: bool = False
    outputs: tuple[str, ...] = ()
    pushed: bool = False
    replicates: int = 0
    p: float = 0.05
    branches: tuple[str, ...] = ()
    same_inputs: bool | tuple[str, ...] = False
    reproduced: str | None = None
    approvals: int = 0
    bypassed: bool | None = None
    on_promote: tuple[str, ...] = ()
    on_demote: tuple[str, ...] = ()


class Config(NamedTuple):
    """The whole policy; every default is what a project without a file gets."""

    path: str | None = None
    project: str | None = None
    store: str | None = None
    is_store_shared: bool = False
    tags: Mapping[str, str] = {}
    required_tags: tuple[str, ...] = ()
    required_name: str | None = None
    allowed_tags: Mapping[str, tuple[str, ...] | str] = {}
    is_bypass_allowed: bool = False
    required_metrics: tuple[str, ...] = ()
    required_outputs: tuple[str, ...] = ()
    required_end_tags: tuple[str, ...] = ()
    is_written_required: bool = False
    goals: Mapping[str, str] = {}
    patterns: Mapping[str, str] = {}
    ignored_metrics: tuple[str, ...] = ()
    renamed_metrics: Mapping[str, str] = {}
    aliases: Mapping[str, tuple[str, ...]] = {}
    is_searching: bool = True
    gates: tuple[Gates, ...] = ()
    retention_window: str = "90d"
    retention_keep: tuple[str, ...] = ("promoted", "pinned")
    retention_max_bytes: int | None = None
    retention_grace: str = "7d"
    retention_orphans: str = "14d"
    snapshot_exclude: tuple[str, ...] = ()
    snapshot_max_bytes: int = 200 * 1024 * 1024
    secret_names_allowed: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    on_promote: tuple[str, ...] = ()
    on_demote: tuple[str, ...] = ()
    hook_timeout: str = "5m"
    reproduce_tolerance: Mapping[str, float | str] = {}
    reproduce_ignore: tuple[str, ...] = ()
    secrets_allowed_in: tuple[str, ...] = ()
    snapshot_secrets: str = "mask"


class Keep(NamedTuple):
    """One rule of [retention] keep. `what`: promoted, pinned or best; `most`: so many (None: all)."""

    text: str
    what: str
    metric: str = ""
    most: int | None = None

    @staticmethod
    def of(text: str) -> Keep:
        """A rule as it stands in the file, where it was checked."""
        m = re.match(KEEP, text)
        assert m is not None  # policy_keys.py took only texts that match
        if m["metric"]:
            return Keep(text, "best", m["metric"], int(m["best"] or 1))
        return Keep(text, m["what"] or "promoted", "", int(m["last"]) if m["last"] else None)


class Project:
    """Where things are. `root`: the folder that holds .exptrack; `folder`: .exptrack itself; `store`: absolute."""

    __slots__ = ("cache", "config", "folder", "index", "live", "root", "store")

    def __init__(self, root: str, folder: str, store: str, config: Config) -> None:
        self.root, self.folder, self.store, self.config = root, folder, store, config
        self.live = os.path.join(folder, "live")
        self.index = os.path.join(folder, "index.db")
        self.cache = os.path.join(folder, "cache")


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
        if create and os.path.lexists(os.path.join(place, FILE)):
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
        # A link that leads nowhere too: the policy of a disk that is not mounted must not become none at all.
        if os.path.lexists(path):
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
    except OSError as e:
        raise ExptrackError(f"cannot read {path}: {e.strerror}", "without it nobody knows what is asked of runs") from e
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise ExptrackError(f"cannot read {path}: {e}", "`exptrack init` writes a commented example") from e
    if os.path.basename(path) == PYPROJECT:
        raw = raw.get("tool", {}).get("exptrack", {})
    check(raw, path, text)
    return _build(raw, path)


def _build(raw: Mapping[str, Any], path: str) -> Config:
    require, metrics = raw.get("require", {}), raw.get("metrics", {})
    end, retention, snapshot = require.get("end", {}), raw.get("retention", {}), raw.get("snapshot", {})
    default = Config()
    size = size_of(snapshot.get("max_size", default.snapshot_max_bytes))
    return Config(
        path=path,
        project=raw.get("project"),
        store=raw.get("store"),
        is_store_shared=raw.get("shared", False),
        tags=raw.get("tags", {}),
        required_tags=tuple(require.get("tags", ())),
        required_name=require.get("name"),
        allowed_tags={t: v if isinstance(v, str) else tuple(v) for t, v in require.get("allowed", {}).items()},
        is_bypass_allowed=require.get("bypass", False),
        required_metrics=tuple(end.get("metrics", ())),
        required_outputs=tuple(end.get("outputs", ())),
        required_end_tags=tuple(end.get("tags", ())),
        is_written_required=end.get("written", False),
        goals=metrics.get("goals", {}),
        patterns={d["Name"]: d["Regex"] for key in DEFINITIONS for d in metrics.get(key, ())}
        | metrics.get("patterns", {}),
        ignored_metrics=tuple(metrics.get("ignore", ())),
        renamed_metrics=metrics.get("rename", {}),
        aliases={name: tuple(others) for name, others in metrics.get("aliases", {}).items()},
        is_searching=metrics.get("auto", True),
        gates=tuple(_gates(name, g) for name, g in raw.get("promote", {}).items()),
        retention_window=retention.get("window", default.retention_window),
        retention_keep=tuple(retention.get("keep", default.retention_keep)),
        retention_max_bytes=size_of(retention.get("max_size")),
        retention_grace=retention.get("grace", default.retention_grace),
        retention_orphans=retention.get("orphans", default.retention_orphans),
        snapshot_exclude=tuple(snapshot.get("exclude", ())),
        snapshot_max_bytes=size if size is not None else default.snapshot_max_bytes,
        secret_names_allowed=tuple(raw.get("secrets", {}).get("allow", ())),
        seeds=tuple(raw.get("params", {}).get("seeds", ())),
        on_promote=(*raw.get("on_promote", ()), *raw.get("hooks", {}).get("on_promote", ())),
        on_demote=(*raw.get("on_demote", ()), *raw.get("hooks", {}).get("on_demote", ())),
        hook_timeout=raw.get("hooks", {}).get("timeout", default.hook_timeout),
        reproduce_tolerance=raw.get("reproduce", {}).get("tolerance", {}),
        reproduce_ignore=tuple(raw.get("reproduce", {}).get("ignore", ())),
        secrets_allowed_in=tuple(raw.get("secrets", {}).get("allow_in", ())),
        snapshot_secrets=snapshot.get("secrets", default.snapshot_secrets),
    )


def _gates(name: str, raw: Mapping[str, Any]) -> Gates:
    branch, same = raw.get("branch", ()), raw.get("same_inputs", False)
    return Gates(
        pattern=name,
        metrics=tuple(raw.get("metrics", ())),
        better_than_current=raw.get("better_than_current"),
        min_delta=float(raw.get("min_delta", 0.0)),
        clean=raw.get("clean", False),
        pushed=raw.get("pushed", False),
        outputs=tuple(raw.get("outputs", ())),
        replicates=raw.get("replicates", 0),
        p=raw.get("p", 0.05),
        branches=(branch,) if isinstance(branch, str) else tuple(branch),
        same_inputs=same if isinstance(same, bool) else tuple(same),
        reproduced=raw.get("reproduced"),
        approvals=raw.get("approvals", 0),
        bypassed=raw.get("bypassed"),
        on_promote=tuple(raw.get("on_promote", ())),
        on_demote=tuple(raw.get("on_demote", ())),
    )
