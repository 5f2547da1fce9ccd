"""Reading files into a store, each once: a file that lstat says is the one of the last snapshot is not read again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from stat import S_ISLNK, S_ISREG

from exptrack.capture.masked_copy import REFUSE, Keeper, Masking
from exptrack.capture.seen import Row, Seen, settled
from exptrack.errors import NotStarted


class Kept:
    """One file of the tree. `row`: its lstat from before it was read; then either the `line` it had in the last tree,
    or mode, size and digest of bytes just stored. `masked`: the lines of it where secrets were masked."""

    __slots__ = ("digest", "line", "masked", "mode", "row", "size")

    def __init__(
        self,
        row: Row,
        mode: str = "",
        size: int = 0,
        digest: str = "",
        line: str = "",
        masked: Sequence[int] = (),
    ) -> None:
        self.row, self.mode, self.size, self.digest, self.line, self.masked = row, mode, size, digest, line, masked


class Unreadable(Exception):  # noqa: N818 - not an error of the run: the file is left out and named
    """A file has no bytes to keep, cannot be read, or vanished; the text says which, "" for no bytes."""


class Collection:
    """The files of one snapshot as they come in, and those that could not."""

    def __init__(self, root: str, seen: Seen, masking: Masking, folder: str) -> None:
        """`folder`: for copies that are needed for a moment."""
        self.root, self.seen, self.masking, self.folder = root, seen, masking, folder
        self.files: dict[str, Kept] = {}
        self.left_out: list[str] = []
        self.warnings: list[str] = []
        self._has_last_tree: bool | None = None

    def has_last_tree(self, keeper: Keeper) -> bool:
        """Does this store have the last snapshot, and with it the bytes of every file in it?"""
        if self._has_last_tree is None:
            self._has_last_tree = self.seen.tree is not None and keeper.touch(self.seen.tree)
        return self._has_last_tree

    def keep(self, keeper: Keeper, path: str, row: Row) -> None:
        """Put one file into the snapshot; OSError when the store does not take it."""
        try:
            self.files[path] = self.recall(keeper, path, row) or self.read(keeper, path, row)
        except Unreadable as e:
            self.miss(path, str(e))

    def miss(self, path: str, reason: str) -> None:
        """Leave a file out, with a warning unless it is of a kind that has no bytes (a pipe, socket or device)."""
        self.left_out.append(path)
        if reason:
            self.warnings.append(f"{path} is not in the code snapshot: {reason}")

    def recall(self, keeper: Keeper, path: str, row: Row) -> Kept | None:
        """The file as the last snapshot had it, if it still is that one and its bytes are in this store."""
        place = self.seen.places.get(path)
        if place is None or self.seen.row(place) != row or not self.seen.lines[place]:
            return None
        if self.has_last_tree(keeper) or keeper.touch(self.seen.digest(place)):
            return Kept(row, line=self.seen.lines[place], masked=self.seen.masked.get(path, ()))
        return None

    def read(self, keeper: Keeper, path: str, row: Row, *, root: str = "") -> Kept:
        """Store a file's bytes, less its secrets (`root`: it lies below another folder). Unreadable when it cannot be
        read, OSError when the store does not take them."""
        full = os.path.join(root or self.root, path)
        row = settled(row)
        try:
            if S_ISLNK(row[0]):
                target = os.fsencode(os.readlink(full))
                return Kept(row, "120000", len(target), keeper.add_bytes(target))
            if not S_ISREG(row[0]):
                raise Unreadable("" if row[0] else "it vanished")
            digest, size, masked = self.masking.store(keeper, full, path, self.folder)
        except OSError as e:
            if e.filename == full:
                raise Unreadable(e.strerror) from e
            raise
        return Kept(row, "100755" if row[0] & 0o100 else "100644", size, digest, masked=masked)

    def refuse_secrets(self) -> None:
        """NotStarted when the rule is to refuse and a file that is known so far has a secret in it."""
        places = [place for path in sorted(self.files) for place in places_of(path, self.files[path].masked)]
        if self.masking.rule == REFUSE and places:
            more = f" and {len(places) - 5} more" if len(places) > 5 else ""
            raise NotStarted(
                f"there are secrets in the code: {', '.join(ascii(p)[1:-1] for p in places[:5])}{more}",
                "take them out; or say `# exptrack: allow-secret` on a line that has none, list a path in [secrets] "
                "allow_in or a value by its digest in allow, or mask them with [snapshot] "
                'secrets = "mask" (docs/secrets.md)',
            )


def places_of(path: str, lines: Iterable[int]) -> list[str]:
    """train.py:12 for every line."""
    return [f"{path}:{line}" for line in lines]
