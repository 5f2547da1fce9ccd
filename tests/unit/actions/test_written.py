"""Older than the run, or written by it? By real files and their own times."""

from __future__ import annotations

import os
import time

import pytest

from exptrack.actions.clock import SLACK
from exptrack.actions.written import Since, is_older
from exptrack.record.rundir import utc


@pytest.fixture
def start(tmp_path):
    """Writes a start.json; a Since that goes by it."""

    def begin(at=None):
        witness = tmp_path / "start.json"
        witness.write_text("{}")
        return Since.of(utc(time.time()) if at is None else at, str(witness))

    return begin


def tick(path):
    """Until the file system's clock has moved on by more than the millisecond that a start is noted to."""
    path.write_bytes(b"")
    before = path.stat().st_mtime_ns
    while path.stat().st_mtime_ns < before + 2_000_000:
        path.write_bytes(b"")


def test_what_lay_there_an_instant_before_is_older_and_what_came_after_is_not(tmp_path, start):
    (tmp_path / "before").write_bytes(b"x")
    tick(tmp_path / "clock")
    since = start()
    (tmp_path / "after").write_bytes(b"x")
    assert is_older(str(tmp_path / "before"), since)
    assert not is_older(str(tmp_path / "after"), since)


def test_a_folder_is_older_only_when_everything_in_it_is(tmp_path, start):
    (tmp_path / "out" / "deep").mkdir(parents=True)
    for name in ("a", "deep/b"):
        (tmp_path / "out" / name).write_bytes(b"x")
    tick(tmp_path / "clock")
    since = start()
    assert is_older(str(tmp_path / "out"), since)
    with (tmp_path / "out" / "deep" / "b").open("ab") as f:
        f.write(b"y")
    assert not is_older(str(tmp_path / "out"), since)


def test_a_file_that_keeps_an_old_time_is_the_runs_when_the_run_put_it_there(tmp_path, start):
    (tmp_path / "pretrained").write_bytes(b"x")
    os.utime(tmp_path / "pretrained", (1e9, 1e9))
    tick(tmp_path / "clock")
    since = start()
    (tmp_path / "pretrained").rename(tmp_path / "m.pt")
    assert not is_older(str(tmp_path / "m.pt"), since)


def test_a_link_is_as_old_as_what_it_leads_to(tmp_path, start):
    (tmp_path / "step-5.pt").write_bytes(b"x")
    tick(tmp_path / "clock")
    since = start()
    (tmp_path / "best.pt").symlink_to("step-5.pt")
    assert is_older(str(tmp_path / "best.pt"), since)


def test_a_file_system_whose_clock_is_behind_counts_by_its_own(tmp_path, start):
    since = start(utc(time.time() + 3600))
    (tmp_path / "m.pt").write_bytes(b"x")
    assert not is_older(str(tmp_path / "m.pt"), since)


def test_a_copied_run_directory_makes_nothing_older(tmp_path, start):
    began = utc(time.time() - 60)
    (tmp_path / "m.pt").write_bytes(b"x")
    tick(tmp_path / "clock")
    assert not is_older(str(tmp_path / "m.pt"), start(began))


def test_elsewhere_coarse_clocks_have_some_slack(tmp_path):
    (tmp_path / "m.pt").write_bytes(b"x")
    now = (tmp_path / "m.pt").stat().st_mtime
    assert not is_older(str(tmp_path / "m.pt"), Since(now + SLACK / 2))
    assert is_older(str(tmp_path / "m.pt"), Since(now + SLACK * 2))
    assert Since.of(utc(now), str(tmp_path / "none")).device is None


def test_what_has_gone_is_not_old(tmp_path):
    assert not is_older(str(tmp_path / "none"), Since(time.time()))
