"""What an interrupted verify had read: taken for read by the next one, and by no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exptrack.actions import unfinished
from exptrack.actions.unfinished import FILE, KEEP, Unfinished


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


def info(path: Path) -> os.stat_result:
    path.write_bytes(b"x")
    return os.lstat(path)


def test_the_next_one_knows_what_was_read(folder: str, tmp_path: Path) -> None:
    first, seen = Unfinished(folder, "/store"), info(tmp_path / "a")
    first.note("d1", seen)
    assert not os.path.exists(folder)  # a verify of a second writes nothing
    first.save()
    first.note("d2", seen)
    first.save()
    second = Unfinished(folder, "/store")
    assert second.is_read("d1", seen)
    assert second.is_read("d2", seen)
    assert not second.is_read("d3", seen)
    assert second.since == first.since
    second.note("d3", seen)
    second.save()
    third = Unfinished(folder, "/store")
    assert sorted(third.read) == ["d1", "d2", "d3"]
    third.forget()
    assert os.listdir(folder) == []
    assert not third.is_read("d1", seen)


def test_a_file_that_is_another_one_now_is_not_read(folder: str, tmp_path: Path) -> None:
    first, seen = Unfinished(folder, "/store"), info(tmp_path / "a")
    first.note("d", seen)
    first.save()
    os.utime(tmp_path / "a", ns=(seen.st_atime_ns, seen.st_mtime_ns))  # the ctime is new all the same
    assert not Unfinished(folder, "/store").is_read("d", os.lstat(tmp_path / "a"))


def test_it_is_on_disk_soon(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished, "EVERY", 0.0)
    first, seen = Unfinished(folder, "/store"), info(tmp_path / "a")
    first.note("d", seen)
    assert Unfinished(folder, "/store").is_read("d", seen)


def test_the_list_of_another_store_counts_for_nothing(folder: str, tmp_path: Path) -> None:
    first = Unfinished(folder, "/store")
    first.note("d", info(tmp_path / "a"))
    first.save()
    other = Unfinished(folder, "/other")
    assert other.read == {}
    other.note("e", info(tmp_path / "a"))
    other.save()
    assert list(Unfinished(folder, "/other").read) == ["e"]


@pytest.mark.parametrize("later", [KEEP + 1, -60.0])
def test_an_old_list_and_one_of_the_future_count_for_nothing(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: float
) -> None:
    first = Unfinished(folder, "/store")
    first.note("d", info(tmp_path / "a"))
    first.save()
    monkeypatch.setattr(unfinished.time, "time", lambda: first.since + later)
    assert Unfinished(folder, "/store").read == {}


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}\n", b'{"format":1}\n', b"\xff\xfe", b'{"format":2,"store":"/store"}\n']
)
def test_what_is_no_list_counts_for_nothing(folder: str, data: bytes) -> None:
    os.mkdir(folder)
    (Path(folder) / FILE).write_bytes(data)
    assert Unfinished(folder, "/store").read == {}


def test_a_torn_line_is_an_object_that_is_read_again(folder: str, tmp_path: Path) -> None:
    first, seen = Unfinished(folder, "/store"), info(tmp_path / "a")
    first.note("d1", seen)
    first.note("d2", seen)
    first.save()
    path = Path(folder) / FILE
    path.write_bytes(path.read_bytes()[:-5])
    second = Unfinished(folder, "/store")
    assert second.is_read("d1", seen)
    assert not second.is_read("d2", seen)
