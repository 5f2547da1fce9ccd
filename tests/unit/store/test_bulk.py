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
    with Bulk(str(root)) as bulk:
        digest, size = bulk.add_file(str(tmp_path / "a"))
        other = bulk.add_bytes(b"two")
        assert size == 3
        assert bulk.has(digest)
        assert names(root) == []
    assert names(root) == sorted([digest, other])
    assert Objects(str(root)).read(digest) == b"one"
    assert not list(root.glob(".*"))


def test_the_same_bytes_twice_are_one_object(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    with Bulk(str(root)) as bulk:
        assert bulk.add_bytes(b"same") == bulk.add_bytes(b"same")
    with Bulk(str(root)) as bulk:
        digest = bulk.add_bytes(b"same")
    assert names(root) == [digest]
    assert not list(root.glob(".*"))


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    bulk = Bulk(str(root))
    bulk.add_bytes(b"lost")
    bulk.__exit__(RuntimeError, RuntimeError(), None)
    assert names(root) == []
    assert not list(root.glob(".*"))


def test_an_object_that_somebody_else_stored_meanwhile_is_no_trouble(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    with Bulk(str(root)) as bulk:
        digest = bulk.add_bytes(b"both")
        assert Objects(str(root)).add_bytes(b"both") == digest
    assert Objects(str(root)).read(digest) == b"both"
