"""`get`: artifacts out of the store, digests checked, nothing written outside the folder that was named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from exptrack.actions.write_tree import write_tree
from exptrack.errors import NoSuchRun
from exptrack.model import Artifact, Run
from exptrack.store.place import Store
from exptrack.store.trees import decode_tree


class Fetched(NamedTuple):
    """One artifact on disk; `path` is where it is now."""

    artifact: Artifact
    path: str


def get(store: Store, run: Run, names: Sequence[str], target: str) -> list[Fetched]:
    """Write the artifacts that `names` pick (a kind, a path, a file name, or a glob; none: all) below `target`.

    NoSuchRun (exit 3) for a name nothing answers to, Damaged (exit 6) for bytes that are gone or altered. A file that
    is there already is replaced only when it has the same bytes or is one of ours being written again.
    """
    chosen = _choose(run, names)
    out = []
    for artifact in chosen:
        path = os.path.join(target, safe_path(artifact.path))
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if artifact.is_tree:
            os.makedirs(path, exist_ok=True)
            write_tree(store, decode_tree(store.objects.read(artifact.digest)), os.path.realpath(path))
        else:
            store.objects.copy_out(artifact.digest, path, int(artifact.mode[-3:], 8))
        out.append(Fetched(artifact, path))
    return out


def _choose(run: Run, names: Sequence[str]) -> list[Artifact]:
    artifacts = list(run.manifest.artifacts)
    if not artifacts:
        raise NoSuchRun(f"run {run.id} kept no artifacts", "declare outputs: exptrack run -o model=PATH -- …")
    if not names:
        return artifacts
    chosen: list[Artifact] = []
    for name in names:
        found = [a for a in artifacts if _answers(a, name)]
        if not found:
            have = ", ".join(f"{a.kind} ({a.path})" for a in artifacts)
            raise NoSuchRun(f"run {run.id} has no artifact {name}", f"it has: {have}")
        chosen += [a for a in found if a not in chosen]
    return chosen


def _answers(artifact: Artifact, name: str) -> bool:
    return name in (artifact.kind, artifact.path, os.path.basename(artifact.path)) or fnmatchcase(artifact.path, name)


def safe_path(path: str) -> str:
    """A recorded path as one below the target: absolute and `..` ones keep only their last part. The manifest may have
    been written by somebody else."""
    parts = [p for p in path.split("/") if p not in ("", ".")]
    if path.startswith("/") or ".." in parts or "\0" in path or not parts:
        parts = [p for p in parts[-1:] if p != ".." and "\0" not in p] or ["artifact"]
    return os.path.join(*parts)
