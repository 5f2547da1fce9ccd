"""Nobody is told that a file is safe before the disk has it, and what it refused is told, file by file."""

from __future__ import annotations

import os
import sys

import pytest

from exptrack.store import durable
from exptrack.store.durable import MANY, Disk


@pytest.fixture
def synced(monkeypatch):
    """The files that were fsynced, by inode."""
    real, seen = os.fsync, []
    monkeypatch.setattr(os, "fsync", lambda fd: (real(fd), seen.append(os.fstat(fd).st_ino)))
    return seen


@pytest.fixture
def calls(monkeypatch):
    """How often the whole disk was waited for. It is known here: on whatever these tests run."""
    real, seen = durable.sync_all, []
    monkeypatch.setattr(durable, "sync_all", lambda fd: (seen.append(fd), real(fd))[1])
    monkeypatch.setattr(durable, "_tells_all", lambda fd: True)
    return seen


def files(folder, count):
    paths = [folder / str(i) for i in range(count)]
    for path in paths:
        path.write_text(path.name)
    return [str(path) for path in paths]


@pytest.mark.skipif(sys.platform != "linux", reason="syncfs is Linux's")
def test_many_are_waited_for_at_once(tmp_path, synced, calls):
    disk = Disk(str(tmp_path))
    assert disk.sync(files(tmp_path, MANY)) == {}
    assert len(calls) == 1
    assert synced == []


def test_few_are_waited_for_one_by_one(tmp_path, synced, calls):
    disk, paths = Disk(str(tmp_path)), files(tmp_path, MANY - 1)
    assert disk.sync(paths) == {}
    assert calls == []
    assert synced == [os.stat(path).st_ino for path in paths]


def test_when_the_disk_lost_something_each_file_is_asked(tmp_path, synced, calls, monkeypatch):
    monkeypatch.setattr(durable, "sync_all", lambda fd: False)
    disk, paths = Disk(str(tmp_path)), files(tmp_path, MANY)
    os.unlink(paths[3])
    refused = disk.sync(paths)
    assert {path: type(e) for path, e in refused.items()} == {paths[3]: FileNotFoundError}
    assert len(synced) == MANY - 1


@pytest.mark.parametrize("lacking", ["KNOWN", "TELLS"])
def test_a_system_that_would_not_tell_is_not_trusted(tmp_path, synced, monkeypatch, lacking):
    monkeypatch.setattr(durable, lacking, {"KNOWN": (), "TELLS": (1000, 0)}[lacking])
    monkeypatch.setattr(durable, "sync_all", lambda fd: pytest.fail("it was trusted"))
    disk = Disk(str(tmp_path))
    assert disk.sync(files(tmp_path, MANY)) == {}
    assert len(synced) == MANY
    disk.close()
    disk.close()
