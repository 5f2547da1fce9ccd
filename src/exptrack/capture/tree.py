"""The second half of a snapshot: clean files, and the tree of all of them. Runs beside the child.

What is clean was clean before the child started; the child may rewrite it any moment. So a file counts only while lstat
says what it said before; otherwise git, which has the bytes, is asked for them. Where nothing changed since the last
snapshot nothing is looked at: same index, clean in git's eyes, and nothing that converts bytes on their way to disk.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Sequence

from exptrack.capture import git
from exptrack.capture.keep import Collection, Kept, Unreadable
from exptrack.capture.masked_copy import Keeper
from exptrack.capture.seen import ABSENT, CACHE_FILE, WIDTH, Row, look_at, save
from exptrack.capture.survey import Repository, Survey
from exptrack.model import StoredFile

EncodeTree = Callable[[Iterable[StoredFile]], bytes]


class Tree:
    """Columns of the tree in the making: path, line and row of every file that is or was there. `before`: rows from
    before the child started, `ready`: the last moment before it (nanoseconds), `folder`: of the cache."""

    def __init__(
        self, survey: Survey, collection: Collection, before: dict[str, Row], *, ready: int, folder: str
    ) -> None:
        self.survey, self.collection, self.before, self.ready, self.folder = survey, collection, before, ready, folder
        self.seen = collection.seen
        self.settings = {r.prefix: git.settings(r.folder) for r in survey.repositories}
        self.paths: list[str] = []
        self.lines: list[str] = []
        self.rows: array[int] = array("Q")
        self.masked: dict[str, Sequence[int]] = {}
        self._new: dict[int, Kept] = {}

    @property
    def count(self) -> int:
        """Files in the tree."""
        return sum(1 for line in self.lines if line)

    def write(self, keeper: Keeper, encode_tree: EncodeTree, settings: str) -> str:
        """Store what is missing and the tree itself; its digest. OSError when the store does not take it."""
        dirty = set(self.survey.dirty)
        for repository in self.survey.repositories:
            if repository.is_known and self.collection.has_last_tree(keeper) and not self._converts(repository):
                self._add_unchanged(keeper, repository, dirty)
            else:
                self._add_all(keeper, repository, dirty)
        tracked = set(self.paths)
        for path in sorted(p for p in self.collection.files if p not in tracked):
            self._add(path, self.collection.files[path])
        self._encode(encode_tree)
        seen = self.seen
        if self.paths == seen.paths and self.lines == seen.lines and self.collection.has_last_tree(keeper):
            tree = seen.tree or ""
        else:
            pairs = sorted(zip(self.paths, self.lines, strict=True))
            body = "".join(line + "\n" for _, line in pairs if line)
            tree = keeper.add_bytes(encode_tree(()) + body.encode("ascii"))
        self._remember(tree, settings)
        return tree

    def _add_unchanged(self, keeper: Keeper, repository: Repository, dirty: set[str]) -> None:
        """A repository whose index is that of the last snapshot: only what is or was dirty or doubtful is looked at."""
        start, count = self.seen.segment(repository.prefix)
        first = len(self.paths)
        self.paths += repository.paths
        self.lines += self.seen.lines[start : start + count]
        self.rows += self.seen.rows[start * WIDTH : (start + count) * WIDTH]
        for path in self.seen.masked:
            if start <= self.seen.places.get(path, -1) < start + count:
                self.masked[path] = self.seen.masked[path]
        late: list[int] = []
        for path in {*dirty, *repository.doubtful, *self.seen.unsure_of(repository.prefix)}:
            place = self.seen.places.get(path, -1)
            if start <= place < start + count:
                self._replace(keeper, first + place - start, path, path in dirty, late)
        self._ask_git(keeper, repository, late)

    def _add_all(self, keeper: Keeper, repository: Repository, dirty: set[str]) -> None:
        late: list[int] = []
        for path in repository.paths:
            self._add(path, None)
            self._replace(keeper, len(self.paths) - 1, path, path in dirty, late)
        self._ask_git(keeper, repository, late)

    def _add(self, path: str, kept: Kept | None) -> None:
        self.paths.append(path)
        self.lines.append("")
        self.rows.extend(ABSENT)
        self._set(len(self.paths) - 1, kept)

    def _set(self, place: int, kept: Kept | None) -> None:
        """Give a place its file, or none."""
        self._new.pop(place, None)
        self.masked.pop(self.paths[place], None)
        if kept is not None and kept.masked:
            self.masked[self.paths[place]] = kept.masked
        self.lines[place] = kept.line if kept else ""
        self.rows[place * WIDTH : place * WIDTH + WIDTH] = array("Q", kept.row if kept else ABSENT)
        if kept is not None and not kept.line:
            self._new[place] = kept

    def _replace(self, keeper: Keeper, place: int, path: str, is_dirty: bool, late: list[int]) -> None:
        """Find out what is at a place now: the dirty file as it was kept, or the clean one, read unless it is late."""
        if is_dirty:
            self._set(place, self.collection.files.get(path))
            return
        then = self.before.get(path)
        if then == ABSENT:
            self._set(place, None)  # not checked out (sparse), or git was told to overlook that it is gone
            return
        full = os.path.join(self.survey.root, path)
        now = look_at(full) if then is None else then
        kept = self.collection.recall(keeper, path, now)
        if kept is None and then is not None:
            now = look_at(full)
        if kept is None and not self._is_late(now, then):
            try:
                kept = self.collection.read(keeper, path, now)
            except Unreadable as e:
                if look_at(full) == now:
                    self.collection.miss(path, str(e))
                    return
            if look_at(full) != now:
                kept = None
        if kept is None:
            late.append(place)
        else:
            self._set(place, kept)

    def _is_late(self, now: Row, then: Row | None) -> bool:
        """Was the file touched after the look that found it clean?"""
        if then is not None:
            return now != then  # no clock is asked where there are two looks: a file server has its own
        return now == ABSENT or max(now[2], now[3]) >= self.ready

    def _ask_git(self, keeper: Keeper, repository: Repository, late: list[int]) -> None:
        """Clean files that the child was faster to change: from git, else as they are by now."""
        if not late:
            return
        import tempfile

        os.makedirs(self.folder, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as target:
            part = {self.paths[i][len(repository.prefix) :]: i for i in late}
            try:
                if git.index_key(repository.folder) != repository.key:
                    raise git.GitTrouble("the index has changed too")
                git.check_out(repository.folder, list(part), target)
            except git.GitTrouble as e:
                self.collection.warnings.append(f"git did not give back what the program changed at once: {e}")
            for path, place in part.items():
                row = look_at(os.path.join(target, path))
                try:
                    kept = self.collection.read(keeper, path, row, root=target)
                except Unreadable:
                    self._take_as_it_is(keeper, place)
                else:
                    kept.row = (row[0], 0, 0, 0, row[4])  # not the row of the file in the work tree
                    self._set(place, kept)

    def _take_as_it_is(self, keeper: Keeper, place: int) -> None:
        path = self.paths[place]
        row = look_at(os.path.join(self.survey.root, path))
        self.collection.warnings.append(f"{path} changed while the program started; the snapshot has the later bytes")
        self.collection.keep(keeper, path, row)
        self._set(place, self.collection.files.get(path))

    def _converts(self, repository: Repository) -> bool:
        """May any file's bytes or mode change while git goes on calling it clean? Then lstat has to be asked of all."""
        found = self.settings[repository.prefix]
        is_plain = found.get("core.autocrlf", "false") == "false" and found.get("core.filemode", "true") == "true"
        return not is_plain or "core.attributesfile" in found

    def _encode(self, encode_tree: EncodeTree) -> None:
        """Give new files their lines. encode_tree sorts by path, so their lines come in the order of the paths."""
        places = sorted(self._new, key=lambda i: self.paths[i])
        files = [
            StoredFile(path=self.paths[i], digest=kept.digest, size=kept.size, mode=kept.mode)
            for i, kept in ((i, self._new[i]) for i in places)
        ]
        for i, line in zip(places, encode_tree(files).decode("ascii").split("\n")[1:-1], strict=True):
            self.lines[i] = line
        self._new.clear()

    def _remember(self, tree: str, settings: str) -> None:
        seen = self.seen
        empty = {p for p, line in zip(self.paths, self.lines, strict=True) if not line}
        unsure = sorted(empty.union(self.survey.dirty))
        heads = [r.head() for r in self.survey.repositories]
        masked = {path: list(lines) for path, lines in self.masked.items()}
        same = (
            tree == seen.tree
            and masked == seen.masked
            and self.rows == seen.rows
            and heads == list(seen.repositories.values())
        )
        if not same or seen.unsure != set(unsure) or self.paths != seen.paths:
            head = {"tree": tree, "repositories": heads, "unsure": unsure, "masked": masked}
            cache = os.path.join(self.folder, CACHE_FILE)
            try:
                save(cache, settings, head, paths=self.paths, rows=self.rows, lines=self.lines)
            except OSError as e:
                self.collection.warnings.append(f"the next snapshot has to read every file again: {e}")
