"""Times that do not fit: a start without one, and a clock that went back during the run."""

from __future__ import annotations

import pytest

from exptrack.actions.clock import dated, outputs_since
from exptrack.model import End, Start
from exptrack.record.rundir import new_id, time_of_id

AT = "2026-11-22T21:00:00.000Z"
NOW = 1_795_390_000.0  # 2026-11-22T23:26:40Z


def started(at, run_id="0"):
    return Start(id=run_id, command=("true",), cwd="/", started_at=at, host="h", author="ada")


def ended(at, seconds):
    return End(ended_at=at, exit_code=0, seconds=seconds)


@pytest.mark.parametrize("now", [0.0, 0.001, 1_800_000_000.123, 2.0**44 / 1000])
def test_an_id_says_its_time(now):
    assert time_of_id(new_id(now)) == pytest.approx(now, abs=0.0011)


def test_what_is_no_id_says_no_time():
    assert time_of_id("") == 0.0


@pytest.mark.parametrize("at", [AT, "2026-11-22T21:00:00", "2026-11-22T21:00:00+05:00", "9999-12-31T23:59:59.999Z"])
def test_a_time_that_can_be_read_stays(at):
    start = started(at)
    assert dated(start) == (start, [])


def test_another_one_is_that_of_the_id():
    start, warnings = dated(started("21 o'clock", new_id(1_800_000_000.0)))
    assert start.started_at == "2027-01-15T08:00:00.000Z"
    assert len(warnings) == 1


@pytest.mark.parametrize(
    "end",
    [
        None,
        ended("2026-11-22T21:10:00.000Z", 600.0),
        ended("2026-11-22T21:10:00.000Z", 601.9),  # a slewed clock
        ended("2026-11-22T21:10:00.000Z", 500.0),  # set forward, or asleep meanwhile
        ended("2026-11-22T21:10:00.000Z", None),
        ended("some day", 600.0),
    ],
)
def test_a_clock_that_goes_on_changes_nothing(end):
    assert outputs_since(started(AT), end, NOW) == (AT, [])


def test_files_of_a_run_whose_clock_was_set_back_count_from_as_much_earlier():
    since, warnings = outputs_since(started(AT), ended("2026-11-22T20:10:00.000Z", 600.0), NOW)
    assert since == "2026-11-22T20:00:00.000Z"
    assert warnings == ["the clock was set back by 3600 s during the run: times in this record may be out of order"]


def test_a_run_of_the_future_whose_end_nobody_saw_counts_from_now():
    since, warnings = outputs_since(started("2126-11-22T21:00:00.000Z"), None, NOW)
    assert since == "2026-11-22T23:26:40.000Z"
    assert len(warnings) == 1
