"""Many objects are read at once; what is told on the way adds up."""

from __future__ import annotations

import os
from itertools import pairwise

from exptrack.actions.hashing import Done, altered_among
from exptrack.store.objects import BLOCK


def test_all_are_read_and_the_altered_are_told(store):
    datas = [os.urandom(10), os.urandom(3 * BLOCK), b"", b"lost", b"bad"]
    sizes = {store.objects.add_bytes(data): len(data) for data in datas}
    lost, bad = list(sizes)[3:]
    os.unlink(store.objects.path(lost))
    os.chmod(store.objects.path(bad), 0o600)
    os.truncate(store.objects.path(bad), 2)
    told = [Done(0, 0, 5, sum(sizes.values()))]
    whole: dict[str, int] = {}
    found = altered_among(store, sizes, told.append, lambda digest, info: whole.update({digest: info.st_size}))
    assert found == sorted([lost, bad])
    assert whole == {d: sizes[d] for d in list(sizes)[:3]}
    assert told[-1] == Done(5, 10 + 3 * BLOCK + 2, 5, sum(sizes.values()))
    assert [d.size for d in told] == sorted(d.size for d in told)
    assert sum(1 for a, b in pairwise(told) if b.size - a.size == BLOCK) == 3  # within an object too


def test_nothing_is_whole(store):
    assert altered_among(store, {}) == []
