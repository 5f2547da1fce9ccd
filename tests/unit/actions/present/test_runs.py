from __future__ import annotations

import json
import math

import pytest

from exptrack.actions.columns import Key
from exptrack.actions.present.models import gate_json, model_json, models_json, promotion_json, verdict_json
from exptrack.actions.present.runs import (
    artifact_json,
    change_json,
    ls_csv,
    metric_json,
    plain,
    run_json,
    which_json,
)
from exptrack.actions.promote import History, Verdict
from exptrack.actions.which import Answer, Match
from exptrack.comparison import Change
from exptrack.model import MetricSummary
from made_runs import GATES, full_run, made_run, metric, promotion


def test_later_words_count_and_not_those_of_the_manifest():
    run = full_run(status="finished", tags={"owner": "nlp"}, note=None)
    data = run_json(run)
    assert (data["tags"], data["note"], data["pinned"], data["models"]) == (
        {"owner": "nlp"},
        None,
        True,
        ["digits-prod"],
    )


def test_what_nobody_recorded_is_null_and_not_zero_or_empty():
    data = run_json(made_run(seconds=None, ended_at=None, exit_code=None))
    assert data["machine"] == {
        "os": None,
        "cpu": None,
        "cores": None,
        "memory": None,
        "gpus": [],
        "cuda": None,
        "scheduler": {},
    }
    assert set(data["usage"].values()) == {None}
    assert (data["seconds"], data["exit_code"], data["code"]["files"], data["code"]["dirty"]) == (None, None, 0, None)


def test_nan_is_null_with_a_word_beside_it():
    summary = MetricSummary(first=1.0, last=math.nan, min=-math.inf, max=2.0, count=3)
    assert metric_json(summary) == {
        "first": 1.0,
        "last": None,
        "min": None,
        "max": 2.0,
        "best": None,
        "best_step": None,
        "last_step": None,
        "count": 3,
        "goal": None,
        "source": None,
        "unit": None,
        "nan": True,
        "not_finite": {"last": "nan", "min": "-inf"},
    }
    assert "nan" not in metric_json(metric(0.5))
    infinite = metric_json(metric(math.inf))
    assert (infinite["not_finite"], "nan" in infinite) == ({"last": "inf"}, False)


def test_whole_steps_are_integers():
    data = metric_json(metric(0.5, "max", best_step=2.5))
    assert (repr(data["last_step"]), repr(data["best_step"])) == ("9", "2.5")


def test_params_keep_their_types_and_their_precision():
    params = {"lr": 1e-4, "n": 3, "amp": True, "opt": "adam", "none": None, "odd": math.inf, "pi": 0.1 + 0.2}
    got = json.loads(json.dumps(run_json(made_run(params=params))["params"], allow_nan=False))
    assert got == {**params, "odd": "inf"}
    assert type(got["n"]) is int
    assert list(got) == sorted(params)


def test_artifacts_whose_bytes_were_let_go_are_marked():
    run = full_run()
    assert [a["expired"] for a in run_json(run)["artifacts"]] == [False, True]
    assert [a["expired"] for a in run_json(run, expired=["2" * 64])["artifacts"]] == [True, False]
    assert artifact_json(run.manifest.artifacts[1])["folder"] is True


def test_a_change_with_numbers_json_has_none_for():
    data = change_json(Change(key="loss", kind="changed", before=0.5, after=math.nan, verdict="worse"))
    assert (data["before"], data["after"], data["nan"], data["not_finite"]) == (0.5, None, True, {"after": "nan"})
    assert change_json(Change(key="x", kind="added", after=[1.0, math.nan]))["after"] == [1.0, "nan"]


def test_gates():
    run = full_run()
    verdict = Verdict(run, "digits-prod", None, GATES)
    data = verdict_json(verdict)
    assert list(data) == ["run", "model", "passed", "current", "gates"]
    assert (data["passed"], data["current"], [g["passed"] for g in data["gates"]]) == (
        False,
        None,
        [True, False, False],
    )
    assert gate_json(GATES[2])["nan"] is True
    good = Verdict(run, "digits-prod", "x", GATES[:1])
    made = verdict_json(good, promotion(3, run.id, "x"))
    assert (made["passed"], made["current"], made["previous"], made["sequence"]) == (True, run.id, "x", 3)


def test_models():
    history = History("digits-prod", None, (promotion(1, "r1", gates=GATES[:1]), promotion(2, None, "r1")))
    assert model_json(history) == {
        "model": "digits-prod",
        "current": None,
        "history": [promotion_json(p) for p in history.promotions],
        "untold": [],
    }
    (row,) = models_json([history])["models"]
    assert (row["model"], row["current"], row["sequence"], row["previous"]) == ("digits-prod", None, 2, "r1")


def test_which():
    run = full_run()
    data = which_json(Answer("m.npz", "2" * 64, (Match(run, "model", "out/model.npz"),)))
    assert data["digest"] == "2" * 64
    assert data["runs"] == [
        {
            "run": run.id,
            "name": "baseline",
            "status": "finished",
            "started_at": "2026-11-22T21:55:00.000Z",
            "kind": "model",
            "path": "out/model.npz",
            "older": False,
            "promotions": [],
            "repeats": None,
        }
    ]


def test_csv_has_every_column_of_every_run():
    runs = [
        made_run(1, params={"lr": 0.1 + 0.2, "amp": True}, metrics={"loss": metric(math.nan)}),
        made_run(2, name='a,"b"', tags={"owner": "x"}, note="two\nlines", models=("m",), command=("a b", "c")),
    ]
    head, first, second = ls_csv(runs)
    a, b = dict(zip(head, first, strict=True)), dict(zip(head, second, strict=True))
    assert head[-4:] == ["tag.owner", "params.amp", "params.lr", "metrics.loss"]
    assert (a["params.lr"], a["params.amp"], a["metrics.loss"], a["tag.owner"]) == (repr(0.1 + 0.2), "true", "nan", "")
    assert (b["params.lr"], b["note"], b["models"], b["command"]) == ("", "two\nlines", "m", "'a b' c")
    assert (a["seconds"], a["exit_code"], a["pinned"]) == ("100.0", "0", "false")


def test_csv_with_chosen_columns():
    rows = ls_csv([full_run()], [Key("field", "id"), Key("metric", "val/acc", "best")])
    assert list(rows) == [["id", "metrics.val/acc.best"], [full_run().id, "0.95"]]
    assert list(ls_csv([], [Key("field", "id")])) == [["id"]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(math.nan, "nan"), (-math.inf, "-inf"), ({1: (2, math.nan)}, {"1": [2, "nan"]}), ("x", "x"), (True, True)],
)
def test_plain(value, expected):
    assert plain(value) == expected
