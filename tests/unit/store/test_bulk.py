"""Many objects at once: nothing has a name before all of it is on disk."""

from __future__ import annotations

from pathlib import Path

from exptrack.store.bulk import Bulk
from exptrack.store.objects import Objects


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
