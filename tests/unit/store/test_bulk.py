"""Many objects at once: nothing has a name before all of it is on disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from exptrack.store.bulk import Bulk
from exptrack.store.objects import Objects
from exptrack.together import each
from made import digest_of


def names(root: Path) -> list[str]:
    return sorted(p.parent.name + p.name for p in root.glob("??/*"))


def test_what_is_added_has_a_name_when_the_block_has_ended(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    root = tmp_path / "objects"
    bulk = Bulk(str(root))
    digest, size = bulk.add_file(str(tmp_path / "a"))
    other = bulk.add_bytes(b"two")
    assert size == 3
    assert bulk.has(digest)
    assert names(root) == []
    bulk.commit()
    assert names(root) == sorted([digest, other])
    assert Objects(str(root)).read(digest) == b"one"
    assert not list(root.glob(".*"))


def test_the_same_bytes_twice_are_one_object(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    for _ in range(2):
        bulk = Bulk(str(root))
        digest = bulk.add_bytes(b"same")
        assert bulk.add_bytes(b"same") == digest
        bulk.commit()
    assert names(root) == [digest]
    assert not list(root.glob(".*"))


def test_what_is_dropped_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    bulk = Bulk(str(root))
    bulk.add_bytes(b"lost")
    bulk.drop()
    assert names(root) == []
    assert not list(root.glob(".*"))


def test_an_object_that_somebody_else_stored_meanwhile_is_no_trouble(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    bulk = Bulk(str(root))
    digest = bulk.add_bytes(b"both")
    assert Objects(str(root)).add_bytes(b"both") == digest
    bulk.commit()
    assert Objects(str(root)).read(digest) == b"both"


def test_a_batch_that_is_full_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred thousand files never more than a batch is lost; the one added last waits for the end."""
    monkeypatch.setattr("exptrack.store.bulk.MANY", 10)
    bulk = Bulk(str(tmp_path / "objects"))
    digests = [bulk.add_bytes(b"%d" % i) for i in range(11)]
    assert names(tmp_path / "objects") == sorted(digests[:10])
    assert bulk.add_bytes(b"3") == digests[3]
    bulk.commit()
    assert names(tmp_path / "objects") == sorted(digests)
    assert not list((tmp_path / "objects").glob(".*"))


def test_what_the_disk_refuses_is_told_and_the_rest_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bulk = Bulk(str(tmp_path / "objects"))
    good, bad, last = (bulk.add_bytes(data) for data in (b"good", b"bad", b"last"))
    real = os.fsync

    def fsync(fd: int) -> None:
        if os.pread(fd, 3, 0) == b"bad" if stat.S_ISREG(os.fstat(fd).st_mode) else False:
            raise OSError(5, "Input/output error")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    assert {d: e.errno for d, e in bulk.settle().items()} == {bad: 5}
    assert names(tmp_path / "objects") == sorted([good, last])
    assert not list((tmp_path / "objects").glob(".*"))
    assert bulk.settle() == {}
    bulk.add_bytes(b"bad again")
    with pytest.raises(OSError, match="Input/output error"):
        bulk.commit()


def test_what_is_forgotten_gets_no_name(tmp_path: Path) -> None:
    bulk = Bulk(str(tmp_path / "objects"))
    keep, lose = bulk.add_bytes(b"keep"), bulk.add_bytes(b"lose")
    bulk.forget([lose, "0" * 64])
    bulk.commit()
    assert names(tmp_path / "objects") == [keep]
    assert not list((tmp_path / "objects").glob(".*"))


def test_the_last_one_is_named_when_all_others_are_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bulk = Bulk(str(tmp_path / "objects"))
    tree = bulk.add_bytes(b"tree")
    files = [bulk.add_bytes(b"%d" % i) for i in range(3)]
    seen: list[list[str]] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            seen.append(names(tmp_path / "objects"))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    bulk.commit(last=tree)
    assert seen[0] == sorted(files)
    assert seen[-1] == sorted([tree, *files])


def test_without_the_others_the_last_one_gets_no_name(tmp_path: Path) -> None:
    bulk = Bulk(str(tmp_path / "objects"))
    tree = bulk.add_bytes(b"tree")
    bulk.add_bytes(b"file")
    for tmp in (tmp_path / "objects").glob(".*"):
        if tmp.read_bytes() == b"file":
            tmp.unlink()
    with pytest.raises(FileNotFoundError):
        bulk.commit(last=tree)
    bulk.drop()
    assert names(tmp_path / "objects") == []
    assert not list((tmp_path / "objects").glob(".*"))


def test_many_threads_may_add_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exptrack.store.bulk.MANY", 16)
    bulk = Bulk(str(tmp_path / "objects"))
    each(lambda i: bulk.add_bytes(b"%d" % (i % 100)), range(1000), threads=8)
    bulk.commit()
    there = names(tmp_path / "objects")
    assert there == sorted(digest_of(b"%d" % i) for i in range(100))
    assert all(Objects(str(tmp_path / "objects")).is_whole(d) for d in there)
    assert not list((tmp_path / "objects").glob(".*"))
