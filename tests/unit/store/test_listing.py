"""A tree that is put together while its files come is the tree of these files."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.model import StoredFile
from exptrack.store import listing
from exptrack.store.listing import Listing
from exptrack.store.trees import encode_tree
from made import digest_of


def files_of(names):
    return [
        StoredFile(path=n, digest=digest_of(n.encode("utf-8", "surrogateescape")), size=len(n), mode="100644")
        for n in sorted(names)
    ]


@given(
    names=st.sets(st.text('ab.\udcff"\\\u2028é', min_size=1, max_size=6).filter(lambda n: n.strip(".")), max_size=40),
    width=st.integers(1, 5),
    most=st.sampled_from([0, 200, 1 << 20]),
    data=st.data(),
)
def test_in_whatever_order_its_stretches_come(tmp_path_factory, names, width, most, data):
    files = files_of(names)
    stretches = [(i, files[at : at + width]) for i, at in enumerate(range(0, len(files), width))]
    made = Listing(str(tmp_path_factory.getbasetemp() / "scratch"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "MOST", most)
        for place, some in data.draw(st.permutations(stretches)):
            made.add(place, some)
    assert b"".join(made.pieces()) == encode_tree(files)
    assert list(made.files()) == files
    assert (made.count, made.size) == (len(files), sum(f.size for f in files))
    made.close()


def test_a_long_one_leaves_nothing_behind_and_is_not_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "MOST", 1000)
    made = Listing(str(tmp_path))
    files = files_of(f"{i:04d}" for i in range(1000))
    for i, file in enumerate(files):
        made.add(i, [file])
    assert len(made._text) <= 1000 + 200
    assert os.listdir(tmp_path) == []
    assert b"".join(made.pieces()) == encode_tree(files)
    made.close()


def test_no_room_for_its_rows_is_told(monkeypatch):
    monkeypatch.setattr(listing, "MOST", 1)
    made = Listing("/dev/null/nowhere")
    with pytest.raises(OSError, match="Not a directory"):
        made.add(0, files_of(["a"]))


def test_after_a_full_disk_what_was_added_can_still_be_told(tmp_path, monkeypatch):
    """The objects of an output that does not fit are forgotten by the digests of its listing."""
    monkeypatch.setattr(listing, "MOST", 300)
    made, files, real = Listing(str(tmp_path)), files_of("abcdefghijklmnop"), os.pwrite

    def full(fd, data, offset):
        if offset + len(data) > 500:
            if offset < 500:
                return real(fd, data[: 500 - offset], offset)
            raise OSError(28, "No space left on device")
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    refused = 0
    for i, file in enumerate(files):
        try:
            made.add(i, [file])
        except OSError:
            refused += 1
    assert refused > 1
    assert list(made.files()) == files
    made.close()
