"""A kept folder as whoever reads it later sees it: links followed, modes forgotten.

So capture/inputs.py digests an input, which is why a copy of an output is recognised although `cp`, `zip` or a share
dropped modes or followed links. Only the tree is looked at: a link's target is found by its digest among the paths it
could name, since the bytes of an output may be gone (retention) and no answer may depend on that.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from exptrack.model import StoredFile
from exptrack.sha256 import sha256
from exptrack.store.trees import encode_tree

PLAIN, LINK = "100644", "120000"
MOST_STEPS = 40  # of links to links, as ELOOP of Linux
MOST_FILES = 1_000_000  # links into folders full of links multiply, and so do folders with links


def digest_as_read(files: Sequence[StoredFile]) -> str | None:
    """sha256 of the tree an input of this content has; None when that is the tree's own, or a link leads out of the
    folder, to nothing, in a circle, or is spelt in a roundabout way."""
    if all(f.mode == PLAIN for f in files):
        return None
    try:
        found = list(_Reader(files).followed(files, 0))
        return sha256(encode_tree(found)).hexdigest()
    except ValueError:
        return None


class _Reader:
    """Follows the links of one tree. ValueError for one that cannot be followed within it."""

    def __init__(self, files: Sequence[StoredFile]) -> None:
        self.tree = {f.path: f for f in files}
        self.places = list(self.tree)
        self.places += {parent for path in self.tree for parent in _parents(path)}
        self._targets: dict[str, dict[str, str]] = {}
        self._count = 0

    def followed(self, files: Sequence[StoredFile], step: int) -> Iterator[StoredFile]:
        """The plain files that are read at these entries."""
        if step > MOST_STEPS:
            raise ValueError("links in a circle")
        for f in files:
            if f.mode == LINK:
                yield from self._at(f, step)
            else:
                self._spend(1)
                yield StoredFile(path=f.path, digest=f.digest, size=f.size, mode=PLAIN)

    def _at(self, link: StoredFile, step: int) -> Iterator[StoredFile]:
        place = self._named_in(posixpath.dirname(link.path)).get(link.digest)
        if place is None:
            raise ValueError("a link out of the folder, or to nothing")
        if place in self.tree:
            below = [self.tree[place]]
        else:
            self._spend(len(self.tree))
            below = [f for path, f in self.tree.items() if path.startswith(place + "/")]
        for f in self.followed(below, step + 1):
            yield StoredFile(path=link.path + f.path.removeprefix(place), digest=f.digest, size=f.size, mode=PLAIN)

    def _named_in(self, folder: str) -> dict[str, str]:
        """sha256 of what a link in this folder says -> the place in the tree that it names so."""
        if folder not in self._targets:
            self._spend(len(self.places))
            named = {posixpath.relpath(place, folder or "."): place for place in self.places}
            self._targets[folder] = {
                sha256(f"{before}{name}{after}".encode("utf-8", "surrogateescape")).hexdigest(): place
                for name, place in named.items()
                for before in ("", "./")
                for after in ("", "/")
            }
        return self._targets[folder]

    def _spend(self, count: int) -> None:
        self._count += count
        if self._count > MOST_FILES:
            raise ValueError("too many files")


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
