"""Files that appear or change during a run are found, in bounded time, and what was there before is known."""

from __future__ import annotations

import os
import time

import pytest

from exptrack.record import discover
from exptrack.record.discover import Watch, remember


def write(path, text="step,loss\n1,0.5\n", *, at=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if at is not None:
        os.utime(path, (at, at))
    return path


@pytest.fixture
def began():
    """The start of the run, in nanoseconds, well before anything the test does."""
    return time.time_ns() - 10**9


def told(watch):
    return sorted(os.path.basename(c.path) for c in watch.look())


def test_a_file_made_in_a_new_folder_is_told_once(tmp_path, began):
    watch = Watch([str(tmp_path)], began)
    assert told(watch) == []
    write(tmp_path / "runs" / "a" / "v0" / "metrics.csv")
    assert told(watch) == ["metrics.csv"]
    assert told(watch) == []
    watch.forget(os.path.realpath(tmp_path / "runs" / "a" / "v0" / "metrics.csv"))
    assert told(watch) == ["metrics.csv"]


def test_an_older_file_is_told_when_it_changes_and_with_what_it_was(tmp_path, began):
    path = write(tmp_path / "metrics.csv", at=began / 1e9 - 100)
    size = path.stat().st_size
    watch = Watch([str(tmp_path)], began)
    assert told(watch) == []
    path.write_text("step,loss\n")
    (found,) = watch.look()
    assert found.before is not None
    assert found.before.size == size


def test_a_file_of_the_first_instant_is_no_older_file(tmp_path, began):
    """The first look may come after the program's first line."""
    write(tmp_path / "metrics.csv")
    (found,) = Watch([str(tmp_path)], began).look()
    assert found.before is None
    assert remember(found.path, began) is None


@pytest.mark.parametrize("folder", [".git", "node_modules", ".hidden", "__pycache__", "mine"])
def test_folders_that_are_no_trainings_are_not_looked_into(tmp_path, began, folder):
    write(tmp_path / folder / "metrics.csv")
    assert told(Watch([str(tmp_path)], began, skip=str(tmp_path / "mine"))) == []


@pytest.mark.parametrize("name", ["model.pt", "notes.md", "config.json", "train.log", "metrics.csv.gz"])
def test_names_that_tell_nothing_are_passed_over(tmp_path, began, name):
    write(tmp_path / name)
    assert told(Watch([str(tmp_path)], began)) == []


def test_empty_files_folders_and_pipes_are_no_metrics_yet(tmp_path, began):
    (tmp_path / "metrics.csv").touch()
    (tmp_path / "log.csv").mkdir()
    os.mkfifo(tmp_path / "results.csv")
    assert told(Watch([str(tmp_path)], began)) == []


def test_a_data_set_of_any_size_hides_nothing_that_the_run_makes(tmp_path, began, monkeypatch):
    monkeypatch.setattr(discover, "FIRST_ENTRIES", 10)
    monkeypatch.setattr(discover, "ENTRIES", 200)
    monkeypatch.setattr(discover, "PER_FOLDER", 100)
    monkeypatch.setattr(discover, "FOLDERS", 20)
    monkeypatch.setattr(discover, "OTHER_FILES", 5)
    for i in range(60):
        for j in range(5):
            write(tmp_path / "data" / f"class{i}" / f"{j}.csv", at=1.0)
        os.utime(tmp_path / "data" / f"class{i}", (1.0, 1.0))
    os.utime(tmp_path / "data", (1.0, 1.0))
    watch = Watch([str(tmp_path)], began)
    watch.look()
    write(tmp_path / "data" / "out" / "history.csv")
    write(tmp_path / "data" / "out" / "deep" / "other.csv")
    found = {name for _ in range(40) for name in told(watch)}
    assert found == {"history.csv", "other.csv"}
    assert len(watch._folders) <= 42
    assert watch._others == 5


def test_a_folder_too_large_to_list_is_asked_for_known_names(tmp_path, began, monkeypatch):
    monkeypatch.setattr(discover, "PER_FOLDER", 20)
    for i in range(50):
        write(tmp_path / f"{i}.txt", at=1.0)
    old = write(tmp_path / "log.csv", at=1.0)
    watch = Watch([str(tmp_path)], began)
    assert told(watch) == []
    write(tmp_path / "metrics.jsonl")
    old.write_text("epoch,loss\n")
    assert told(watch) == ["log.csv", "metrics.jsonl"]


def test_a_linked_folder_is_seen_once_and_a_loop_ends(tmp_path, began):
    write(tmp_path / "scratch" / "run" / "metrics.csv")
    work = tmp_path / "work"
    work.mkdir()
    (work / "runs").symlink_to(tmp_path / "scratch")
    (work / "again").symlink_to(tmp_path / "scratch")
    (tmp_path / "scratch" / "loop").symlink_to(work)
    assert told(Watch([str(work)], began)) == ["metrics.csv"]


def test_a_folder_that_goes_away_or_cannot_be_read_stops_nothing(tmp_path, began):
    write(tmp_path / "gone" / "metrics.csv")
    watch = Watch([str(tmp_path), str(tmp_path / "never")], began)
    os.unlink(tmp_path / "gone" / "metrics.csv")
    os.rmdir(tmp_path / "gone")
    write(tmp_path / "log.csv")
    assert told(watch) == ["log.csv"]


def test_the_next_look_waits_and_a_costly_one_longer(tmp_path, began):
    watch = Watch([str(tmp_path)], began)
    assert not watch.is_due(time.monotonic())
    assert watch.is_due(time.monotonic() + discover.LEAST)
    watch.look()
    assert not watch.is_due(time.monotonic())
    assert watch.is_due(time.monotonic() + discover.MOST + 1)


def test_without_a_look_at_the_start_only_files_made_since_are_told(tmp_path, began):
    """`recover`: an older file that grew may have grown by anybody's rows."""
    old = tmp_path / "old"
    write(old / "metrics.csv")
    os.utime(old, (1.0, 1.0))
    write(tmp_path / "new" / "results.csv")
    os.utime(tmp_path, (1.0, 1.0))
    assert told(Watch([str(tmp_path)], began, has_begun=True)) == ["results.csv"]
