"""The last line of a run: how it went, and what is to be looked at."""

from __future__ import annotations

import sys

import pytest

from exptrack.cli.voice import last_line, say

RESULT = {"status": "finished", "missing": [], "absent": [], "older": [], "headline": "", "warnings": 0}


def line(**more):
    return last_line("01abcdefghjkmnpq", {**RESULT, **more}, 200.0)


def test_it_is_short_when_there_is_nothing_to_say():
    assert line() == "exptrack: finished 01abcdefghjkmnpq in 3 min 20 s"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"missing": ["metric acc"]}, "missing: metric acc"),
        ({"absent": ["input data.csv", "output m.bin"]}, "not there: input data.csv, output m.bin"),
        ({"older": ["model"]}, "not written by this run: model"),
        ({"headline": "loss 0.5"}, "loss 0.5"),
        ({"warnings": 1}, "1 warning: exptrack show"),
        ({"warnings": 2}, "2 warnings: exptrack show"),
    ],
)
def test_what_is_to_be_looked_at_is_named(more, said):
    assert line(**more).split(" · ")[1:] == [said]


def test_a_run_that_could_not_be_sealed_says_why():
    assert last_line("01abcdefghjkmnpq", {"problem": "not sealed"}, 1.0) == "exptrack: 01abcdefghjkmnpq: not sealed"


def test_a_stream_that_takes_nothing_is_no_failure(monkeypatch):
    class Broken:
        def write(self, text):
            raise OSError("broken")

    monkeypatch.setattr(sys, "stderr", Broken())
    say("anything")
