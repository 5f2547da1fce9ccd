"""importance: what made the metric is found, chance is not, and too few runs are said to be too few."""

from __future__ import annotations

import random
import statistics

import pytest

from exptrack.actions.forest import explain
from exptrack.actions.importance import eta_squared, importance, pearson, ranks, study
from exptrack.errors import NoSuchRun
from made import run
from sealed_runs import add_run, make_project, summary


def runs_of(count: int, **columns) -> list:
    dice = random.Random(3)
    return [run(f"{i:016d}", params={k: make(dice, i) for k, make in columns.items()}) for i in range(count)]


def noise(dice, _):
    return dice.random()


def sweep(count: int):
    runs = runs_of(
        count,
        lr=lambda dice, _: 10 ** dice.uniform(-5, -1),
        opt=lambda dice, _: dice.choice(["adam", "sgd"]),
        noise=noise,
        seed=lambda _, i: i,
    )
    dice = random.Random(5)
    targets = [
        r.manifest.params["lr"] ** 0.3 + (0.4 if r.manifest.params["opt"] == "adam" else 0) + dice.gauss(0, 0.01)
        for r in runs
    ]
    return runs, targets


def test_the_parameters_that_made_it_come_first():
    found = study("acc", "max", *sweep(60))
    assert {f.name for f in found.factors[:2]} == {"lr", "opt"}
    assert found.explained > 0.8
    by_name = {f.name: f for f in found.factors}
    for name in ("lr", "opt"):
        assert by_name[name].importance.mean > 2 * by_name[name].importance.spread
    for name in ("noise", "seed"):
        assert by_name[name].importance.mean < 0.1
    assert by_name["opt"].eta2 > 0.3
    assert by_name["opt"].spearman is None
    assert by_name["lr"].spearman > 0.5


def test_an_effect_that_no_correlation_sees():
    runs = runs_of(80, x=lambda dice, _: dice.uniform(-1, 1), noise=noise)
    found = study("acc", "max", runs, [r.manifest.params["x"] ** 2 for r in runs])
    assert found.factors[0].name == "x"
    assert abs(found.factors[0].spearman) < 0.3
    assert found.factors[0].importance.mean > 0.5


def test_pure_chance_explains_nothing():
    runs = runs_of(60, a=noise, b=noise)
    dice = random.Random(9)
    found = study("acc", "max", runs, [dice.random() for _ in runs])
    assert found.explained < 0.1


def test_too_few_runs_get_correlations_only():
    found = study("acc", "max", *sweep(9))
    assert not found.is_enough
    assert found.explained is None
    assert {f.importance for f in found.factors} == {None}
    assert any(f.spearman is not None for f in found.factors)


def test_what_names_the_run_is_left_out_and_what_is_missing_is_a_category():
    runs = runs_of(
        12, path=lambda _, i: f"out/{i}", flag=lambda _, i: True if i % 2 else None, big=lambda _, i: 10**400
    )
    found = study("acc", "max", runs, [float(i % 2) for i in range(12)])
    assert list(found.left_out) == ["path"]
    assert [(f.name, f.kind, f.distinct, f.eta2) for f in found.factors] == [("flag", "category", 2, 1.0)]


def test_the_same_answer_each_time():
    assert study("acc", "max", *sweep(30)) == study("acc", "max", *sweep(30))


def test_a_metric_that_never_varies():
    runs, _ = sweep(12)
    found = study("acc", "max", runs, [1.0] * 12)
    assert (found.factors, found.explained) == ((), None)
    assert set(found.left_out.values()) == {"the metric is the same in all runs"}


def test_only_finished_runs_that_match_and_have_it_count(tmp_path):
    project, store = make_project(tmp_path)
    for i in range(4):
        add_run(store, i, metrics={"loss": summary(float(i), min=i / 2)}, params={"lr": i})
    add_run(store, 5, metrics={"loss": summary(9.0)}, params={"lr": 9}, status="failed")
    add_run(store, 6, metrics={"loss": summary(float("nan"))}, params={"lr": 9})
    add_run(store, 7, params={"lr": 9})
    assert (importance(project, store, "loss").runs, importance(project, store, "loss").part) == (4, "min")
    assert importance(project, store, "loss.last").part == "last"
    assert importance(project, store, "loss", ["params.lr>1"]).runs == 2
    with pytest.raises(NoSuchRun):
        importance(project, store, "acc")


def test_the_figures_are_those_of_the_textbooks():
    a, b = [1.0, 2.0, 3.0, 4.0, 7.5], [2.0, 1.0, 4.0, 3.0, 9.0]
    assert pearson(a, b) == pytest.approx(statistics.correlation(a, b))
    # 1 - 6·Σd²/(n³ - n), all ranks different
    assert pearson(ranks(a), ranks(b)) == pytest.approx(1 - 6 * 4 / 120)
    assert ranks([3.0, 1.0, 3.0, 2.0]) == [3.5, 1.0, 3.5, 2.0]
    assert pearson(a, [1.0] * 5) is None
    # Between the groups: 2·1² + 2·1² of a total of 4 + 4·0.25
    assert eta_squared([0, 0, 1, 1], [0.5, 1.5, 2.5, 3.5]) == pytest.approx(4 / 5)
    assert eta_squared([0, 1], [1.0, 1.0]) is None


def test_a_forest_knows_rows_it_has_not_seen():
    rows = [(float(i), float(i % 3)) for i in range(60)]
    found = explain(rows, [10.0 if i % 3 == 1 else 0.0 for i in range(60)], [False, True])
    assert found.share > 0.95
    assert found.columns[1].mean > 1
    assert found.columns[0].mean < 0.1
