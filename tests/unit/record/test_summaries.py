"""What a manifest says of a metric's points: first, last, extremes and best, whatever NaN, infinities and sources."""

from __future__ import annotations

import math

import pytest

from exptrack.model import MetricSummary
from exptrack.record.points import Series
from exptrack.record.summaries import summarise
from exptrack.wire import decode, encode

NAN, INF = math.nan, math.inf


def no_goal(_):
    return None


def series(name, *values, source="stdout", steps=None):
    n = len(values)
    steps = [*range(n)] if steps is None else steps
    return Series(name=name, source=source, values=[*values], steps=steps, epochs=[None] * n, at=[0.0] * n)


def test_a_summary_has_first_last_extremes_and_where_the_best_was():
    blocks = [series("a", 3.0, 1.0, steps=[10, 20]), series("a", 5.0, 2.0, steps=[30, 40])]
    low = summarise(blocks, lambda _: "min")["a"]
    assert low == MetricSummary(
        first=3.0,
        last=2.0,
        min=1.0,
        max=5.0,
        count=4,
        best=1.0,
        best_step=20,
        last_step=40,
        goal="min",
        source="stdout",
    )
    high = summarise(blocks, lambda _: "max")["a"]
    assert (high.best, high.best_step, high.goal) == (5.0, 30, "max")
    none = summarise(blocks, no_goal)["a"]
    assert (none.best, none.best_step, none.goal) == (None, None, None)


def test_of_equal_bests_the_first_counts():
    assert summarise([series("a", 1.0, 2.0), series("a", 2.0, 1.0)], lambda _: "max")["a"].best_step == 1
    assert summarise([series("a", 1.0, 2.0), series("a", 2.0, 1.0)], lambda _: "min")["a"].best_step == 0


@pytest.mark.parametrize("goal", ["max", "min", None])
def test_nan_is_never_best_and_is_seen_where_it_was(goal):
    found = summarise([series("a", NAN, 1.0, NAN), series("a", NAN), series("a", 2.0, NAN)], lambda _: goal)["a"]
    assert math.isnan(found.first)
    assert math.isnan(found.last)
    assert (found.min, found.max, found.count) == (1.0, 2.0, 6)
    assert found.best == {"max": 2.0, "min": 1.0, None: None}[goal]


@pytest.mark.parametrize("goal", ["max", "min"])
def test_nothing_but_nan_is_nan(goal):
    found = summarise([series("a", NAN, NAN)], lambda _: goal)["a"]
    assert math.isnan(found.min)
    assert math.isnan(found.max)
    assert math.isnan(found.best)
    assert (found.best_step, found.last_step, found.count) == (None, 1, 2)


def test_infinities_are_values():
    found = summarise([series("a", INF, INF)], lambda _: "min")["a"]
    assert (found.min, found.max, found.best, found.best_step) == (INF, INF, INF, 0)
    found = summarise([series("a", -INF, 0.0)], lambda _: "max")["a"]
    assert (found.min, found.max, found.best) == (-INF, 0.0, 0.0)


def test_of_several_sources_the_most_precise_one_counts():
    sources = ["stderr", "stdout", "file:log.csv", "sidecar", "something"]
    for i in range(len(sources)):
        some = sources[: i + 1]
        found = summarise([series("a", 1.0, source=s) for s in some], no_goal)["a"]
        best = min(some, key=["sidecar", "file:log.csv", "stdout", "stderr", "something"].index)
        assert (found.source, found.count) == (best, 1)


def test_a_step_beyond_every_float_is_no_step_and_the_manifest_can_be_read():
    found = summarise([series("a", 1.0, steps=[10**400])], lambda _: "max")["a"]
    assert (found.best_step, found.last_step) == (None, None)
    assert decode(MetricSummary, encode(found), "it") == found


def test_a_block_without_values_says_nothing():
    assert summarise([series("a")], no_goal) == {}
