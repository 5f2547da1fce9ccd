"""gc and bytes stored a moment ago: whose they can be, and that no run being sealed loses them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from exptrack.actions import retain
from exptrack.actions.freshness import YOUNG, Freshness, wait_for_next
from exptrack.actions.retain import RECENT, collect, plan_gc
from exptrack.config import Config
from exptrack.store.modes import share
from made import digest_of, file_artifact
from sealed_runs import add_run, make_project, run_id

WEIGHTS = b"weights" * 100
DIGEST = digest_of(WEIGHTS)


@pytest.fixture
def place(tmp_path):
    """A run that was sealed a moment ago, and no rule keeps it."""
    project, store = make_project(tmp_path)
    project.config = Config(retention_window="0d")
    add_run(store, 0, artifacts=(file_artifact(store, "model", "m.pt", WEIGHTS),))
    return project, store


def held(project, store) -> dict[str, int]:
    (fate,) = plan_gc(project, store, time.time()).fates
    return dict(fate.held)


def goes(project, store) -> bool:
    _, moved = collect(project, store)
    return moved is not None and moved.objects == 1 and not store.objects.has(DIGEST)


def test_what_a_sealed_run_stored_a_moment_ago_goes(place):
    assert held(*place) == {}
    assert goes(*place)


def test_what_was_stored_again_after_the_seal_stays(place):
    at = place[1].records.sealed_at(run_id(0)) + 2
    os.utime(place[1].objects.path(DIGEST), (at, at))
    assert held(*place) == {RECENT: len(WEIGHTS)}
    assert not goes(*place)


def test_while_a_run_goes_on_what_is_fresh_stays(place):
    Path(place[0].live, "0" * 16).mkdir(parents=True)
    assert held(*place) == {RECENT: len(WEIGHTS)}
    assert not goes(*place)


def test_the_folder_a_sealed_run_left_holds_nothing(place):
    Path(place[0].live, run_id(0)).mkdir(parents=True)
    assert goes(*place)


def test_a_run_directory_that_cannot_be_read_is_a_run(place):
    folder = Path(place[0].live, "0" * 16)
    folder.mkdir(parents=True)
    (folder / "start.json").write_text("{")
    assert held(*place) == {RECENT: len(WEIGHTS)}


def test_in_a_store_of_several_what_is_fresh_stays(place, tmp_path):
    project, store = place
    project.folder = str(tmp_path / "another")
    assert held(project, store) == {RECENT: len(WEIGHTS)}


def test_in_a_shared_store_what_is_fresh_stays(place):
    share(place[1].root)
    assert held(*place) == {RECENT: len(WEIGHTS)}


def test_who_finds_the_bytes_while_gc_plans_keeps_them(place, monkeypatch):
    """A run that began after the plan: it touches what it finds, in whatever second."""
    project, store = place
    real = retain.move_to_trash

    def found_in_between(*args, **options):
        assert store.objects.touch(DIGEST)
        return real(*args, **options)

    monkeypatch.setattr(retain, "move_to_trash", found_in_between)
    _, moved = collect(project, store)
    assert moved is not None
    assert (moved.objects, moved.spared) == (0, 1)
    assert store.objects.has(DIGEST)


def test_what_was_touched_in_the_second_of_the_plan_is_looked_at_again(place, monkeypatch):
    """Two touches within a second leave one time: the plan is made anew in the next, and what is fresh again stays."""
    project, store = place
    assert store.objects.touch(DIGEST)
    waited: list[int] = []

    def touched_again(second: int) -> None:
        waited.append(second)
        os.utime(store.objects.path(DIGEST), (second + 5, second + 5))

    at = int(time.time()) + 1
    os.utime(store.objects.path(DIGEST), (at, at))
    monkeypatch.setattr(retain, "wait_for_next", touched_again)
    monkeypatch.setattr(Freshness, "is_accounted", lambda *_: True)
    _, moved = collect(project, store)
    assert len(waited) == 1
    assert moved is not None
    assert (moved.objects, moved.spared) == (0, 1)


def test_the_wait_is_over_in_the_next_second(monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(time, "time", lambda: 100.25)
    monkeypatch.setattr(time, "sleep", slept.append)
    wait_for_next(100)
    wait_for_next(99)
    wait_for_next(5000)
    assert slept == [0.75]


def test_an_hour_later_nobody_is_asked(place):
    project, store = place
    Path(project.live, "0" * 16).mkdir(parents=True)
    old = time.time() - YOUNG - 1
    os.utime(store.objects.path(DIGEST), (old, old))
    assert goes(project, store)
