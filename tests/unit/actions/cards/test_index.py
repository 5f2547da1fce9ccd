"""The model-index: which metrics, of which part, and what becomes of one that was filled in by hand."""

from __future__ import annotations

import copy
import math

import pytest

from exptrack.actions.cards.index import hub_metric, model_index, refreshed, told_metrics, values_of
from exptrack.model import Input
from made import manifest, summary

FINITE = {"val/acc": summary(0.9, "max"), "test/f1": summary(0.8, "max"), "train/loss": summary(0.1, "min")}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("val/acc", "accuracy"),
        ("test_f1", "f1"),
        ("eval/roc_auc", "roc_auc"),
        ("R2", "r_squared"),
        ("val/loss", None),
        ("accident", None),
        ("", None),
    ],
)
def test_the_hubs_name_of_a_metric(name, wanted):
    assert hub_metric(name) == wanted


def test_held_out_metrics_with_a_goal_come_first_and_alone():
    made = manifest(metrics={**FINITE, "val/seconds": summary(4.0), "val/nan": summary(math.nan, "max")})
    assert list(told_metrics(made)) == ["test/f1", "val/acc"]
    assert list(told_metrics(manifest(metrics={"train/loss": summary(0.1, "min")}))) == ["train/loss"]
    assert list(told_metrics(manifest(metrics={"speed": summary(4.0), "inf": summary(math.inf)}))) == ["speed"]
    assert told_metrics(manifest()) == {}


def test_one_result_a_part_of_the_data():
    inputs = (
        Input(name="Held out!", path="data/test.csv", digest="d" * 64, size=1, files=1),
        Input(name="val", path="data/val.csv", digest=None, size=0, files=0),
    )
    (entry,) = model_index("m", manifest(metrics=FINITE, inputs=inputs), "text-classification")
    assert entry["name"] == "m"
    test, validation = entry["results"]
    assert test["dataset"] == {"type": "held-out", "name": "Held out!", "revision": "d" * 64, "split": "test"}
    assert test["task"] == {"type": "text-classification"}
    assert test["metrics"] == [{"type": "f1", "value": 0.8, "name": "test/f1"}]
    assert validation["dataset"] == {"type": "unknown", "name": "to be filled in", "split": "validation"}


def test_what_is_not_known_says_so_and_per_cents_are_named():
    (entry,) = model_index("m", manifest(metrics={"acc": summary(93.5, "max", unit="%")}), None)
    (result,) = entry["results"]
    assert result["task"] == {"type": "other", "name": "to be filled in"}
    assert "split" not in result["dataset"]
    assert result["metrics"] == [{"type": "accuracy", "value": 93.5, "name": "acc (%)"}]


def test_no_metric_no_index():
    assert model_index("m", manifest(metrics={"loss": summary(math.nan, "min")}), None) is None


def test_two_inputs_that_fit_are_none():
    inputs = tuple(Input(name=f"test{i}", path=f"test {i}", digest="d" * 64, size=1, files=1) for i in "ab")
    (entry,) = model_index("m", manifest(metrics={"test/acc": summary(1.0, "max")}, inputs=inputs), None)
    assert entry["results"][0]["dataset"]["type"] == "unknown"


def test_an_index_that_was_filled_in_gets_the_new_values_and_keeps_the_rest():
    index = model_index("m", manifest(metrics={**FINITE, "val/loss": summary(0.3, "min")}), None)
    before = values_of(index)
    assert before == {"test/f1": 0.8, "val/acc": 0.9, "val/loss": 0.3}
    index[0]["results"][0]["task"] = {"type": "image-classification"}
    index[0]["results"][1]["metrics"][0]["value"] = 0.91  # by hand
    index[0]["results"][0]["metrics"].append({"type": "bleu", "value": 3, "name": "mine"})
    done = refreshed(copy.deepcopy(index), before, {"test/f1": 0.85, "val/acc": 0.95})
    assert done[0]["results"][0]["task"] == {"type": "image-classification"}
    assert values_of(done) == {"test/f1": 0.85, "val/acc": 0.91, "mine": 3}


@pytest.mark.parametrize("index", [None, 3, "x", [3], [{}], [{"results": 3}], [{"results": [{"metrics": [3, {}]}]}]])
def test_an_index_of_another_shape_is_left_as_it_is(index):
    assert refreshed(copy.deepcopy(index), {"a": 1}, {"a": 2}) == index
    assert values_of(index) == {}
