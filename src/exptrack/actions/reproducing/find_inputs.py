"""Where the inputs of a run are now: found by what was recorded of them, told apart by their digest.

Looked for in this order: the code snapshot, the recorded place, the same place below today's project, places where
other runs had the same digest, outputs of other runs in the store. `is_thorough`: every candidate is hashed; without, a
file of the recorded size or a folder that is there will do, and nothing is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from exptrack.actions.find import opened
from exptrack.actions.reproducing.relocate import is_below
from exptrack.config import Project
from exptrack.errors import Damaged, NoSuchRun
from exptrack.model import Artifact, Declared, Input, RunManifest, StoredFile
from exptrack.store.place import Store
from exptrack.store.trees import decode_tree, encode_tree
from exptrack.typed import NamedTuple

MAGIC = frozenset("*?[")


class Found(NamedTuple):
    """`how`: snapshot, recorded, project, elsewhere, store, or "" when it is nowhere. `path`: absolute, where it lies
    (a glob for a glob), None in the snapshot or the store; `kept`: the output that has its bytes."""

    input: Input
    how: str
    path: str | None = None
    kept: Artifact | None = None
    why: str = ""

    @property
    def is_there(self) -> bool:
        return bool(self.how)


def find_inputs(project: Project, store: Store, manifest: RunManifest, *, is_thorough: bool) -> list[Found]:
    """Each recorded input with the place it can be had from now. Those that were not there then are not asked for."""
    search = _Search(project, store, manifest, is_thorough)
    return [search.find(one) for one in manifest.inputs if one.digest is not None]


def place_of(manifest: RunManifest, one: Input) -> str:
    """The absolute path (or glob) an input was read from."""
    return os.path.normpath(os.path.join(manifest.cwd, os.path.expanduser(one.path)))


class _Search:
    def __init__(self, project: Project, store: Store, manifest: RunManifest, is_thorough: bool) -> None:
        self.project, self.store, self.manifest, self.is_thorough = project, store, manifest, is_thorough
        self._files: Sequence[StoredFile] | None = None

    def find(self, one: Input) -> Found:
        changed = ""
        for how, path in self._places(one):
            if how == "snapshot" or self._is_it(one, path):
                return Found(one, how, path or None)
            if how == "recorded" and (_is_glob(path) or os.path.exists(path)):
                changed = f"{path} has changed"
        if kept := self._in_store(one):
            return Found(one, "store", None, kept)
        return Found(one, "", why=changed or f"{place_of(self.manifest, one)} is not there")

    def _places(self, one: Input) -> Iterator[tuple[str, str]]:
        recorded, root = place_of(self.manifest, one), self.manifest.code.root
        is_inside = is_below(recorded, root)
        if not self.is_thorough:
            yield "recorded", recorded
        if is_inside and self._is_in_snapshot(one, os.path.relpath(recorded, root)):
            yield "snapshot", ""
        if self.is_thorough:
            yield "recorded", recorded
        if is_inside and self.project.root != root:
            yield "project", os.path.join(self.project.root, os.path.relpath(recorded, root))
        yield from (("elsewhere", path) for path in self._elsewhere(one) if path != recorded)

    def _is_in_snapshot(self, one: Input, path: str) -> bool:
        """By the digest its files have there: a symlink among them leads who knows where, and proves nothing."""
        below = [f for f in self._snapshot() if f.path == path or f.path.startswith(path + "/")]
        if not below or any(f.mode == "120000" for f in below):
            return False
        if below[0].path == path:
            return below[0].digest == one.digest
        import hashlib

        entries = [StoredFile(path=f.path[len(path) + 1 :], digest=f.digest, size=f.size) for f in below]
        return hashlib.sha256(encode_tree(entries)).hexdigest() == one.digest

    def _snapshot(self) -> Sequence[StoredFile]:
        if self._files is None:
            try:
                tree = self.manifest.code.tree
                self._files = decode_tree(self.store.objects.read(tree)) if tree else ()
            except Damaged:
                self._files = ()  # the check of the code says so
        return self._files

    def _is_it(self, one: Input, path: str) -> bool:
        if not self.is_thorough:
            return _looks_like(one, path)
        from exptrack.capture.inputs import capture_inputs

        declared = Declared(label=one.name, pattern=path)
        found, _ = capture_inputs([declared], self.manifest.cwd, self.project.cache, encode_tree)
        return found[0].digest == one.digest

    def _elsewhere(self, one: Input) -> list[str]:
        """Where other runs had these very bytes. A glob stands only for the same glob."""
        sql = "SELECT DISTINCT r.cwd, i.path FROM inputs i JOIN runs r ON r.id = i.run WHERE i.digest = ?"
        with opened(self.project, self.store) as library:
            rows = [row for index in library.indexes() for row in index.select(sql, (one.digest,))]
        paths = [os.path.normpath(os.path.join(cwd, os.path.expanduser(path))) for cwd, path in rows]
        return sorted({p for p in paths if _is_glob(p) == _is_glob(one.path)})

    def _in_store(self, one: Input) -> Artifact | None:
        """An output that has these bytes and still has them."""
        assert one.digest is not None
        if _is_glob(one.path) or not self.store.objects.has(one.digest):
            return None
        with opened(self.project, self.store) as library:
            sql = "SELECT run, kind, path, size FROM files WHERE digest = ?"
            rows = library.index.select(sql, (one.digest,))
            for run, kind, path, size in rows:
                try:
                    kept = library.store.records.manifest(run).artifacts
                except (Damaged, NoSuchRun):
                    continue  # another run may have it too
                whole = next((a for a in kept if a.digest == one.digest), None)
                if whole is None:
                    return Artifact(kind=kind, path=path, digest=one.digest, size=size)
                if not whole.is_tree or self._has_all(whole):
                    return whole
        return None

    def _has_all(self, folder: Artifact) -> bool:
        return all(self.store.objects.has(f.digest) for f in decode_tree(self.store.objects.read(folder.digest)))


def _is_glob(path: str) -> bool:
    return not MAGIC.isdisjoint(path)


def _looks_like(one: Input, path: str) -> bool:
    """By size, where that is one stat; a folder or a glob's fixed part only has to be there."""
    if _is_glob(path) and not os.path.exists(path):
        while _is_glob(path):
            path = os.path.dirname(path)
        return os.path.isdir(path)
    try:
        return os.path.isdir(path) or os.stat(path).st_size == one.size
    except OSError:
        return False


def missing(found: Sequence[Found]) -> Mapping[str, str]:
    """Name -> why, of the inputs that cannot be had."""
    return {f.input.name: f.why for f in found if not f.is_there}
