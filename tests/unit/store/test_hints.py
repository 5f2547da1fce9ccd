"""What was stored before is guessed at, and a wrong guess costs time only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exptrack.store import copying, objects
from exptrack.store.hints import FILE, MOST, WIDTH, Hints
from exptrack.store.objects import BLOCK, Objects
from made import digest_of


def test_what_was_added_is_known_next_time(tmp_path: Path) -> None:
    folder = str(tmp_path / "cache")
    first = Hints(folder)
    first.add(b"a" * WIDTH)
    assert b"a" * WIDTH in first
    first.save()
    second = Hints(folder)
    assert b"a" * WIDTH in second
    assert b"b" * WIDTH not in second
    second.save()
    assert os.listdir(folder) == [FILE]


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    Hints(str(tmp_path / "cache")).save()
    assert not (tmp_path / "cache").exists()


def test_the_oldest_go(tmp_path: Path) -> None:
    folder = str(tmp_path)
    hints = Hints(folder)
    marks = [b"%016d" % i for i in range(MOST + 1)]
    for mark in marks:
        hints.add(mark)
    hints.save()
    again = Hints(folder)
    assert marks[0] not in again
    assert marks[1] in again
    again.add(marks[1])  # used: it is the latest now
    again.add(b"n" * WIDTH)
    again.save()
    last = Hints(folder)
    assert marks[1] in last
    assert marks[2] not in last


@pytest.mark.parametrize("data", [b"", b"torn", bytes(WIDTH * MOST + 1)], ids=["empty", "torn", "huge"])
def test_a_file_that_is_none_of_ours_knows_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / FILE).write_bytes(data)
    assert b"a" * WIDTH not in Hints(str(tmp_path))


def test_what_is_known_is_read_and_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(3 * BLOCK)
    (tmp_path / "w").write_bytes(data)
    hints = Hints(str(tmp_path / "cache"))
    store = Objects(str(tmp_path / "objects"), hints)
    digest, _ = store.add_file(str(tmp_path / "w"))
    monkeypatch.setattr(objects, "copy", None)  # whoever copies stumbles
    assert store.add_file(str(tmp_path / "w")) == (digest, len(data))


def test_a_wrong_guess_stores_the_right_bytes(tmp_path: Path) -> None:
    """Other bytes between the samples, or an object that has gone since."""
    data = bytearray(os.urandom(4 * BLOCK))
    hints = Hints(str(tmp_path / "cache"))
    store = Objects(str(tmp_path / "objects"), hints)
    (tmp_path / "w").write_bytes(data)
    first, _ = store.add_file(str(tmp_path / "w"))
    data[5000] ^= 1
    (tmp_path / "w").write_bytes(data)
    with (tmp_path / "w").open("rb") as f:
        assert copying.fingerprint(f.fileno(), len(data)) in hints
    second, _ = store.add_file(str(tmp_path / "w"))
    assert second == digest_of(bytes(data)) != first
    assert store.read(second) == bytes(data)
    os.unlink(store.path(second))
    assert store.add_file(str(tmp_path / "w"))[0] == second
    assert store.is_whole(second)
