"""What nobody names: objects of runs that died before their seal or were sealed twice, and `.tmp` files of writers that
died. Only what was untouched for long: a run that is going on has stored its code and names it at its end.

An object counts as named when its digest stands in any record of the store, whoever wrote the record and whatever it
means there; or in a listing of files that is named, or that is young itself and so may be about to be.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from exptrack import wire
from exptrack.actions.holdings import tree_of
from exptrack.actions.trash import Moved, TrashBatch, move_leftovers, move_to_trash
from exptrack.errors import Damaged
from exptrack.files import read_bytes
from exptrack.store.place import Store
from exptrack.typed import NamedTuple

# A writer that is alive has written within a day, whatever it writes.
WRITTEN = 86400.0
_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_FOLDER, _REST = re.compile(r"[0-9a-f]{2}\Z"), re.compile(r"[0-9a-f]{62}\Z")
_TREE = b'{"tree":'


class Unnamed(NamedTuple):
    """What goes: `objects` (digest -> bytes), `trees` (those of them that list files, with the digests they list) and
    `leftovers` (path below the store -> bytes)."""

    objects: Mapping[str, int]
    trees: Mapping[str, frozenset[str]]
    leftovers: Mapping[str, int]

    @property
    def size(self) -> int:
        return sum(self.objects.values()) + sum(self.leftovers.values())


NOTHING = Unnamed({}, {}, {})


def find_unnamed(store: Store, named: set[str], age: float, now: float) -> Unnamed:
    """What nobody names and nobody touched for `age` seconds before `now`. `named`: digests known to be in use, files
    of trees included. Damaged when a record cannot be read."""
    mentioned = _mentioned(store) - named
    # What a record that we do not understand names may be a listing, and then its files are named too.
    named = named | mentioned | {inside for digest in mentioned for inside in _listed(store, digest) or ()}
    old, young = dict[str, int](), list[str]()
    for digest, info in _objects(store):
        if digest not in named:
            if now - info.st_mtime < age:
                young.append(digest)
            else:
                old[digest] = info.st_size
    for digest in young:
        for inside in _listed(store, digest) or ():
            old.pop(inside, None)
    trees = {d: files for d in old if (files := _listed(store, d)) is not None}
    leftovers = {path: size for path, size, at in _temporary(store) if now - at >= WRITTEN}
    return Unnamed(old, trees, leftovers)


def _mentioned(store: Store) -> set[str]:
    """Every digest that stands anywhere in a record."""
    found: set[str] = set()
    for part in ("runs", "events", "promotions"):
        for folder, _, names in os.walk(os.path.join(store.root, part), onerror=_unreadable):
            for name in names:
                if name.endswith(".json"):
                    found.update(m.decode() for m in _DIGEST.findall(_record(os.path.join(folder, name))))
    return found


def _record(path: str) -> bytes:
    try:
        return read_bytes(path, wire.MAX_RECORD_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as e:
        _unreadable(e)
        raise


def _unreadable(e: OSError) -> None:
    if not isinstance(e, FileNotFoundError):
        what = f"nothing may go: {e.filename} cannot be read: {e.strerror}"
        raise Damaged(what, "what it keeps is unknown; `exptrack verify` shows it") from e


def _objects(store: Store) -> Iterator[tuple[str, os.stat_result]]:
    for prefix in _entries(store.objects.root):
        if _FOLDER.match(prefix.name) and prefix.is_dir(follow_symlinks=False):
            for entry in _entries(prefix.path):
                if _REST.match(entry.name) and (info := file_info(entry)):
                    yield prefix.name + entry.name, info


def _temporary(store: Store) -> Iterator[tuple[str, int, float]]:
    """(path below the store, bytes, when it was last written) of what files.temporary_name names."""
    for folder in ("objects", "runs", "events", "promotions"):
        inside = [folder]
        if folder == "promotions":
            inside += [os.path.join(folder, e.name) for e in _entries(os.path.join(store.root, folder)) if e.is_dir()]
        for part in inside:
            for entry in _entries(os.path.join(store.root, part)):
                is_ours = entry.name.startswith(".") and entry.name.endswith(".tmp")
                if is_ours and (info := file_info(entry)):
                    yield os.path.join(part, entry.name), info.st_size, info.st_mtime


def file_info(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None for what is no file, or none any more: a writer beside us has given it its name, or another `gc` took it."""
    try:
        return entry.stat(follow_symlinks=False) if entry.is_file(follow_symlinks=False) else None
    except FileNotFoundError:
        return None


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda e: e.name)
    except FileNotFoundError:
        return []


def _listed(store: Store, digest: str) -> frozenset[str] | None:
    """The digests a tree lists; None for what is no tree, or is one no longer."""
    try:
        is_tree = store.objects.head(digest, len(_TREE)) == _TREE
        return frozenset(f.digest for f in tree_of(store, digest)) if is_tree else None
    except (Damaged, FileNotFoundError):
        return None


def move_unnamed(store: Store, batch: TrashBatch, unnamed: Unnamed, *, young: float) -> Moved:
    """Move what nobody names into a batch; listings first: whoever still uses one touches it and not its files, and
    one that was touched meanwhile keeps them."""
    first = move_to_trash(store, batch, unnamed.trees, young=young)
    used = {inside for tree, files in unnamed.trees.items() if store.objects.has(tree) for inside in files}
    rest = move_to_trash(store, batch, unnamed.objects.keys() - unnamed.trees.keys() - used, young=young)
    size = first.size + rest.size + move_leftovers(store, batch, unnamed.leftovers)
    return Moved(batch.stamp, first.objects + rest.objects, size, first.spared + rest.spared)
