"""`get`: artifacts out of the store, digests checked, nothing written outside the folder that was named."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from exptrack.actions.write_tree import LINK, LONGEST_LINK, check_there, write_tree
from exptrack.errors import Damaged, ExptrackError, NoSuchRun
from exptrack.model import Artifact, Run, StoredFile
from exptrack.store.place import Store
from exptrack.store.trees import decode_tree, path_problem
from exptrack.typed import NamedTuple


class Fetched(NamedTuple):
    """One artifact on disk; `path` is where it is now, `leading_out` are its symlinks that lead out of the folder."""

    artifact: Artifact
    path: str
    leading_out: tuple[str, ...] = ()


def get(store: Store, run: Run, names: Sequence[str], target: str) -> list[Fetched]:
    """Write the artifacts that `names` pick (a kind, a path, a file name, or a glob; none: all) below `target`.

    NoSuchRun (exit 3) for a name nothing answers to, Damaged (exit 6) for bytes that are gone or altered. A file that
    is there already is replaced only when the store has its bytes; else ExptrackError, before anything is written.
    What fails leaves no empty folders behind.
    """
    root, files, out = os.path.realpath(target), list[StoredFile](), list[Fetched]()
    _check_target(root, target)
    taken: set[str] = set()
    for artifact in _choose(run, names):
        name = _place(artifact, taken)
        taken.add(name)
        files += _entries(store, artifact, name)
        out.append(Fetched(artifact, os.path.join(target, name)))
    for file in files:
        _check_place(store, os.path.join(root, file.path), file)
    _check_kept(store, run, files)
    check_there(store, files)
    new = list(_missing(root))
    try:
        os.makedirs(root, exist_ok=True)
        leading_out = [os.path.join(target, path) for path in write_tree(store, files, root)]
        for fetched in out:
            if fetched.artifact.is_tree and fetched.artifact.files == 0:
                os.makedirs(fetched.path, exist_ok=True)
    except BaseException:
        _remove_empty(new)
        raise
    return [f._replace(leading_out=tuple(p for p in leading_out if p.startswith(f.path + "/"))) for f in out]


def _check_target(root: str, target: str) -> None:
    """A file in the place of the folder, or of one above it."""
    there = root
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if not os.path.isdir(there):
        raise ExptrackError(f"{target} cannot be a folder: {there} is a file", "name a folder: -o DIR")


def _check_kept(store: Store, run: Run, files: Sequence[StoredFile]) -> None:
    """What retention let go is no damage that `verify` could list."""
    gone = [f.path for f in files if f.digest in run.expired and not store.objects.has(f.digest)]
    if gone:
        more = f" and {len(gone) - 5} more" if len(gone) > 5 else ""
        raise Damaged(
            f"retention let the bytes of {', '.join(map(ascii, gone[:5]))}{more} go on {(run.expired_at or '')[:10]}",
            f"`exptrack undo gc` while they are in the trash; afterwards `exptrack reproduce {run.id}`",
        )


def _missing(folder: str) -> Iterator[str]:
    """This folder and those above it that are not there, the innermost first."""
    while not os.path.lexists(folder):
        yield folder
        folder = os.path.dirname(folder)


def _remove_empty(new: Sequence[str]) -> None:
    """Folders that were made for nothing. `new`: those that were not there before, the innermost first."""
    inside = [place for place, _, _ in os.walk(new[0], topdown=False)] if new else []
    for folder in dict.fromkeys([*inside, *new]):
        try:
            os.rmdir(folder)
        except OSError:
            continue  # it holds what did arrive, whole and checked


def _entries(store: Store, artifact: Artifact, name: str) -> list[StoredFile]:
    """Every file of an artifact, by its path below the target."""
    if artifact.is_tree:
        return [replace(f, path=f"{name}/{f.path}") for f in decode_tree(store.objects.read(artifact.digest))]
    mode = "100755" if artifact.mode == "100755" else "100644"
    return [StoredFile(path=name, digest=artifact.digest, size=artifact.size, mode=mode)]


def _place(artifact: Artifact, taken: Collection[str]) -> str:
    """The recorded path; below its kind where two artifacts would be one file (`/a/m.pt` and `/b/m.pt`)."""
    name, kind, count = safe_path(artifact.path), safe_path(artifact.kind), 1
    place = name
    while place in taken:
        place = f"{kind}/{name}" if count == 1 else f"{kind}-{count}/{name}"
        count += 1
    return place


def _check_place(store: Store, path: str, file: StoredFile) -> None:
    """Whatever is there already and is in no store would be lost."""
    if os.path.islink(path):
        is_ours = file.mode == LINK and os.fsencode(os.readlink(path)) == store.objects.read(file.digest, LONGEST_LINK)
    elif os.path.isfile(path):
        is_ours = store.objects.has(_sum(path))
    else:
        return
    if not is_ours:
        raise ExptrackError(f"{path} is in the way: it is not from the store", "move it, or name another folder")


def _sum(path: str) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


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
    if path.startswith("/") or ".." in parts or not parts:
        parts = [p for p in parts[-1:] if p != ".."]
    name = "/".join(parts)
    return name if path_problem(name) is None else "artifact"
