"""Groups: which runs belong together, and what their numbers come to."""

from __future__ import annotations

import math
import statistics

import pytest

from exptrack.actions.group_rows import group_csv
from exptrack.actions.groups import group_runs, metrics_of
from exptrack.errors import ExptrackError
from sealed_runs import add_run, make_project, run_id


@pytest.fixture
def place(tmp_path):
    project, store = make_project(tmp_path)
    for number, (lr, acc) in enumerate([(0.1, 0.5), (0.1, 0.75), (0.1, 1.0), (0.01, 0.25), ("auto", 0.5), (None, 0.5)]):
        params = {"lr": lr} if lr is not None else {}
        add_run(store, number, params=params, metrics={"acc": acc, "loss": 1.0}, tags={"owner": "v"})
    return project, store


def test_runs_are_grouped_and_their_last_values_taken_together(place):
    groups = group_runs(*place, [], ["params.lr"], aggregates=["mean", "std", "median", "min", "max", "count"])
    assert [(g.key, g.count) for g in groups] == [((0.01,), 1), ((0.1,), 3), (("auto",), 1), ((None,), 1)]
    values = groups[1].metrics["acc"].values
    assert values == {
        "mean": 0.75,
        "std": pytest.approx(statistics.stdev([0.5, 0.75, 1.0])),
        "median": 0.75,
        "min": 0.5,
        "max": 1.0,
        "count": 3,
    }
    assert groups[0].metrics["acc"].values["std"] is None
    assert set(groups[1].runs) == {run_id(0), run_id(1), run_id(2)}


def test_filters_keys_and_metrics_are_chosen(place):
    groups = group_runs(*place, ["params.lr>0.05"], ["tag.owner", "status"], metrics=["acc"])
    assert [(g.key, g.count, set(g.metrics)) for g in groups] == [(("v", "finished"), 3, {"acc"})]


def test_a_diverged_run_is_counted_and_spoils_nothing(tmp_path):
    place = make_project(tmp_path)
    for number, loss in enumerate([1.0, math.nan, math.inf, 3.0, 1e308, 1e308]):
        add_run(place[1], number, params={"big": loss == 1e308}, metrics={"loss": loss})
    small, big = group_runs(*place, [], ["params.big"])
    assert (small.key, big.key) == ((False,), (True,))
    assert (small.metrics["loss"].values["mean"], small.metrics["loss"].not_finite) == (2.0, 2)
    assert big.metrics["loss"].values == {"mean": 1e308, "std": 0.0, "count": 2}


def test_only_nan(tmp_path):
    place = make_project(tmp_path)
    add_run(place[1], 1, params={"x": math.nan}, metrics={"loss": math.nan})
    add_run(place[1], 2, params={"x": math.nan}, metrics={"loss": math.nan})
    (group,) = group_runs(*place, [], ["params.x"])
    assert math.isnan(group.key[0])
    assert group.metrics["loss"] == ({"mean": None, "std": None, "count": 0}, 2)


def test_csv_has_the_count_of_every_metric_and_full_precision(place):
    add_run(place[1], 9, params={"lr": 0.1}, metrics={"late": 1 / 3})
    groups = group_runs(*place, ["params.lr>0.01"], ["params.lr", "tag.owner"], aggregates=["mean", "count"])
    of_each = [f"{name} {a}" for name in ("acc", "loss", "late") for a in ("mean", "count")]
    assert list(group_csv(groups, ["params.lr", "tag.owner"], ["mean", "count"])) == [
        ["params.lr", "tag.owner", "count", *of_each],
        ["0.1", "v", "3", "0.75", "3", "1.0", "3", "", ""],
        ["0.1", "", "1", "", "", "", "", "0.3333333333333333", "1"],
    ]
    assert list(group_csv([], ["status"], ["mean"])) == [["status", "count"]]


def test_wrong_words(place):
    with pytest.raises(ExptrackError, match="`avg`"):
        group_runs(*place, [], ["params.lr"], aggregates=["avg"])
    with pytest.raises(ExptrackError, match="`lr`"):
        group_runs(*place, [], ["lr"])


def test_columns_choose_the_metrics(place):
    assert metrics_of(["val/acc", " metrics.loss", ""]) == ["val/acc", "loss"]
    for word in ("params.lr", "status", "metrics.loss.best"):
        with pytest.raises(ExptrackError, match="is no metric"):
            metrics_of([word])


def test_metrics_come_in_the_order_asked_for_and_unknown_ones_are_named(place):
    said: list[str] = []
    every = sorted({name for g in group_runs(*place, [], ["status"]) for name in g.metrics})
    found = group_runs(*place, [], ["status"], metrics=[*reversed(every), "nothing"], warn=said.append)
    assert next(list(g.metrics) for g in found if len(g.metrics) == len(every)) == every[::-1]
    assert said == ["no run has the metric `nothing`"]
