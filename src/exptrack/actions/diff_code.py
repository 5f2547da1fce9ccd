"""Two code snapshots compared, from the trees alone: which files, how many lines. The repository is not asked."""

from __future__ import annotations

from collections.abc import Iterator

from exptrack.actions import lines
from exptrack.comparison import Change
from exptrack.errors import Damaged
from exptrack.store.trees import decode_tree
from exptrack.typed import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from exptrack.model import StoredFile
    from exptrack.store.place import Store

MODES = {"100644": "a file", "100755": "executable", "120000": "a symlink"}


class FilePair(NamedTuple):
    """One file in two trees; None where a tree has it not. A renamed file has both, under different paths."""

    a: StoredFile | None
    b: StoredFile | None

    @property
    def path(self) -> str:
        """Its path now, or its last one."""
        file = self.b or self.a
        return file.path if file else ""

    @property
    def is_renamed(self) -> bool:
        return self.a is not None and self.b is not None and self.a.path != self.b.path


def diff_trees(store: Store, a: str | None, b: str | None, *, with_lines: bool = True) -> Iterator[Change]:
    """What became of each file between two trees, sorted by path; same files are left out. Damaged when bytes are gone.

    Keys are paths (the new one of a renamed file, with both in `before` and `after`). `with_lines`: read the files and
    count; counts are None for binary files and those over lines.LARGEST bytes, and `note` says so."""
    for pair in pair_files(store, a, b):
        yield _change(store, pair, with_lines=with_lines)


def pair_files(store: Store, a: str | None, b: str | None) -> list[FilePair]:
    """Files that differ in content, mode or path. A file that only moved (same bytes) is one pair."""
    if a == b:
        return []
    before, after = _files(store, a), _files(store, b)
    pairs = [
        FilePair(before.get(p), after.get(p)) for p in before.keys() | after.keys() if before.get(p) != after.get(p)
    ]
    gone: dict[tuple[str, str], list[StoredFile]] = {}
    for pair in sorted(pairs, key=lambda p: p.path, reverse=True):
        if pair.a and not pair.b and pair.a.size:  # every empty file is like every other: that says nothing
            gone.setdefault((pair.a.digest, pair.a.mode), []).append(pair.a)
    out, moved = [], set()
    for pair in sorted(pairs, key=lambda p: p.path):
        twins = gone.get((pair.b.digest, pair.b.mode)) if pair.b and not pair.a else None
        twin = twins.pop() if twins else None
        if twin:
            moved.add(twin.path)
        out.append(FilePair(twin, pair.b) if twin else pair)
    return [p for p in out if p.b is not None or p.path not in moved]


def read_both(store: Store, pair: FilePair) -> tuple[bytes, bytes]:
    """Bytes of a pair; empty where there is no file."""
    return (
        store.objects.read(pair.a.digest, pair.a.size) if pair.a else b"",
        store.objects.read(pair.b.digest, pair.b.size) if pair.b else b"",
    )


def is_large(pair: FilePair) -> bool:
    """Too large to compare line by line."""
    return any(f is not None and f.size > lines.LARGEST for f in pair)


def _change(store: Store, pair: FilePair, *, with_lines: bool) -> Change:
    before, after = pair
    notes = []
    if before and after and before.path != after.path:
        notes.append(f"renamed from {before.path}")
    if before and after and before.mode != after.mode:
        notes.append(f"{MODES[before.mode]}, now {MODES[after.mode]}")
    added, removed = None, None
    if with_lines:
        added, removed, why_not = _count(store, pair)
        notes += [why_not] if why_not else []
    return Change(
        key=pair.path,
        kind="added" if before is None else "removed" if after is None else "changed",
        before=before.path if before and pair.is_renamed else None,
        after=after.path if after and pair.is_renamed else None,
        added_lines=added,
        removed_lines=removed,
        note="; ".join(notes) or None,
    )


def _count(store: Store, pair: FilePair) -> tuple[int | None, int | None, str]:
    """(added lines, removed lines, why they are not known)."""
    if pair.a and pair.b and pair.a.digest == pair.b.digest:
        return 0, 0, ""
    if is_large(pair):
        return None, None, "too large to compare by lines"
    a, b = read_both(store, pair)
    if lines.is_binary(a) or lines.is_binary(b):
        return None, None, "binary"
    return *lines.count(lines.compare(lines.split(a), lines.split(b))), ""


def _files(store: Store, tree: str | None) -> dict[str, StoredFile]:
    if tree is None:
        return {}
    try:
        return {f.path: f for f in decode_tree(store.objects.read(tree))}
    except Damaged as e:
        raise Damaged(f"the code snapshot {tree[:12]}: {e.message}", e.hint) from e
