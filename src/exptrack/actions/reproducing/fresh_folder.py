"""A folder in which a run can be repeated without touching what the first one left: its code and its inputs.

Inputs are symlinks to where they lie: data sets are large, and the first run read them there as well.
"""

from __future__ import annotations

import calendar
import glob
import os
import subprocess
import time
from collections.abc import Sequence

from exptrack.actions.reproducing.find_inputs import MAGIC, Found, place_of
from exptrack.actions.reproducing.layout import Layout
from exptrack.actions.reproducing.relocate import is_below
from exptrack.actions.restore import restore
from exptrack.actions.write_tree import write_tree
from exptrack.capture.digests import DigestCache
from exptrack.capture.git import find_root
from exptrack.capture.inputs import CACHE
from exptrack.errors import ExptrackError
from exptrack.model import RunManifest
from exptrack.store.place import Store
from exptrack.store.trees import decode_tree

# Files of the snapshot are so much older than the run: what still is that old afterwards, the run did not write.
OLDER = 3600


def restore_code(store: Store, layout: Layout) -> list[str]:
    """The snapshot into its place, older than the run, as a repository at the recorded commit where that can be had.
    Returns what it could not bring back: secrets were never kept. Damaged when bytes are missing or altered."""
    manifest = layout.manifest
    os.makedirs(layout.code)
    done = restore(store, manifest, layout.code)
    then = calendar.timegm(time.strptime(manifest.started_at[:19], "%Y-%m-%dT%H:%M:%S")) - OLDER
    for folder, _, files in os.walk(layout.code):
        for name in files:
            os.utime(os.path.join(folder, name), (then, then), follow_symlinks=False)
    os.makedirs(layout.cwd, exist_ok=True)
    if manifest.code.dirty is not None:
        _make_repository(manifest, layout.code)
    masked = [f"{place} is without what was masked there" for place in done.masked]
    return [*(f"{path} was never kept and is not there" for path in done.left_out), *masked]


def _make_repository(manifest: RunManifest, folder: str) -> None:
    """What asks git (the program, the snapshot, .gitignore) shall be answered as then. The objects of the old
    repository are borrowed; without them it has no commit. Without git at all it stays a plain folder."""
    if not _git(folder, "init", "--quiet"):
        return
    root, commit = find_root(manifest.code.root), manifest.code.commit
    if root and commit and set(commit) <= set("0123456789abcdef"):
        objects = _git(root, "rev-parse", "--path-format=absolute", "--git-path", "objects")
        if objects:
            with open(os.path.join(folder, ".git", "objects", "info", "alternates"), "w", encoding="utf-8") as f:
                f.write(objects)
            branch = f"refs/heads/{manifest.code.branch}" if manifest.code.branch else "HEAD"
            if branch != "HEAD":
                _git(folder, "symbolic-ref", "HEAD", branch)
            if _git(folder, "update-ref", "--no-deref", branch, commit) and _git(folder, "read-tree", "HEAD"):
                return
    _git(folder, "add", "--all", "--force")


def _git(folder: str, *words: str) -> str | None:
    """What git says (a blank when that is nothing); None when it fails or is not there."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_DIR") and k != "GIT_INDEX_FILE"}
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return None
    return None if done.returncode else done.stdout or " "


def place_inputs(store: Store, layout: Layout, found: Sequence[Found], known: str) -> None:
    """Every input where the command will look for it. `known`: the folder with the digests they were found by.
    ExptrackError when their place is outside the folder."""
    links: list[tuple[str, str]] = []
    for number, one in enumerate(found):
        old = place_of(layout.manifest, one.input)
        new = layout.moved.path(old)
        if new == old and not os.path.isabs(os.path.expanduser(one.input.path)):
            new = os.path.normpath(os.path.join(layout.cwd, one.input.path))
        if one.how == "snapshot" or (one.how == "recorded" and new == old):
            continue
        if new == old:
            new = os.path.join(layout.inputs, str(number), os.path.basename(old))
            layout.move_input(old, new)
        if not is_below(new, layout.work):
            raise ExptrackError(
                f"input {one.input.name} is at {one.input.path}, too far outside the code",
                "the folder of the code is a fresh one: give an absolute path",
            )
        if one.how == "store":
            _write_kept(store, one, new)
        else:
            links += _link(one.path or "", new)
    _exclude(layout, [new for _, new in links])
    _remember_digests(DigestCache(os.path.join(known, CACHE)), layout, links)


def _write_kept(store: Store, one: Found, target: str) -> None:
    assert one.kept is not None
    if one.kept.is_tree:
        os.makedirs(target, exist_ok=True)
        write_tree(store, decode_tree(store.objects.read(one.kept.digest)), target)
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    store.objects.copy_out(one.kept.digest, target, 0o644)


def _link(source: str, target: str) -> list[tuple[str, str]]:
    """(from, to) of the links made: one where nothing is in the way, else file by file beside what the snapshot has."""
    if MAGIC.isdisjoint(source) or os.path.exists(source):
        pairs = [(source, target)]
    else:
        pairs = [(path, _matching(path, source, target)) for path in glob.iglob(source, recursive=True)]
    made = []
    while pairs:
        old, new = pairs.pop()
        if os.path.isdir(new) and os.path.isdir(old) and not os.path.islink(new):
            pairs += [(os.path.join(old, name), os.path.join(new, name)) for name in os.listdir(old)]
            continue
        os.makedirs(os.path.dirname(new), exist_ok=True)
        if os.path.lexists(new):
            os.unlink(new)  # the snapshot's own, of another content than the run's input had
        os.symlink(os.path.abspath(old), new)
        made.append((old, new))
    return made


def _matching(path: str, source: str, target: str) -> str:
    """A match of a glob as the other glob would name it: what differs is the part before the first sign."""
    for pattern in (source, target):
        assert not MAGIC.isdisjoint(pattern)
    base_old, base_new = source, target
    while not MAGIC.isdisjoint(base_old):
        base_old, base_new = os.path.dirname(base_old), os.path.dirname(base_new)
    return os.path.join(base_new, os.path.relpath(path, base_old))


def _exclude(layout: Layout, paths: Sequence[str]) -> None:
    """Links we made are not the run's code: git is told not to see them."""
    file = os.path.join(layout.code, ".git", "info", "exclude")
    inside = [os.path.relpath(p, layout.code) for p in (*paths, layout.environment) if is_below(p, layout.code)]
    if inside and os.path.isdir(os.path.dirname(os.path.dirname(file))):
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "a", encoding="utf-8", errors="surrogateescape") as f:
            f.writelines(f"/{_escaped(path)}\n" for path in inside)


def _escaped(path: str) -> str:
    return "".join("\\" + c if c in "*?[\\!# " else c for c in path)


def _remember_digests(known: DigestCache, layout: Layout, links: Sequence[tuple[str, str]]) -> None:
    """What was hashed to find it is not hashed again under its new name: data sets are large."""
    new = DigestCache(os.path.join(layout.cache, CACHE))
    for old, link in links:
        folders = [(os.path.dirname(old), (), [os.path.basename(old)])] if os.path.isfile(old) else os.walk(old)
        for folder, _, names in folders:
            for path in (os.path.join(folder, name) for name in names):
                try:
                    info = os.stat(path)
                except OSError:
                    continue  # gone since it was found: whoever reads it next will say so
                if digest := known.digest_of(path, info):
                    new.remember(link + path[len(old) :], info, digest)
    new.save()
