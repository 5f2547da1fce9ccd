"""Does a manifest agree with the bytes it names? Sizes with its outputs, metrics with the points they summarise.

A manifest carries no digest of itself, but what it says of its objects can be counted again: an edited figure shows.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from exptrack.actions.holdings import tree_of
from exptrack.errors import Damaged
from exptrack.model import RunManifest
from exptrack.record.points import read_blocks
from exptrack.record.summaries import summarise
from exptrack.store.place import Store

COMPARED = ("last", "min", "max", "count")


def record_problems(store: Store, manifest: RunManifest, bad: Container[str]) -> Iterator[tuple[str, str]]:
    """(what, what is wrong) for each figure that does not agree. `bad`: objects known to be missing or altered."""
    for a in manifest.kept:
        if a.digest in bad or not store.objects.has(a.digest):
            continue
        size = sum(f.size for f in tree_of(store, a.digest)) if a.is_tree else store.objects.size(a.digest)
        if size is not None and size != a.size:
            yield "manifest", f"altered: it says {a.path} has {a.size} bytes, there are {size}"
    if manifest.points and manifest.points not in bad:
        yield from _metrics(store, manifest, manifest.points)


def _metrics(store: Store, manifest: RunManifest, points: str) -> Iterator[tuple[str, str]]:
    try:
        blocks = read_blocks(store.objects.read(points).split(b"\n"))
    except Damaged:
        return  # outside the sample, and altered: a verify without one says so
    found = summarise(blocks, lambda name: manifest.metrics[name].goal if name in manifest.metrics else None)
    for name in sorted({*found, *manifest.metrics}):
        said, counted = manifest.metrics.get(name), found.get(name)
        if said is None or counted is None:
            yield "manifest", f"altered: the metric {name} is in {'its points' if counted else 'the manifest'} only"
            continue
        for part in COMPARED:
            if not _is_same(getattr(said, part), getattr(counted, part)):
                there = f"{getattr(said, part)!r}, its points say {getattr(counted, part)!r}"
                yield "manifest", f"altered: {name} {part} is {there}"
                break


def _is_same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)
