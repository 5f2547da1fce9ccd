"""Which way is better: what the policy says, and what a name says when the policy is silent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.actions.goals import goal_for

BY_NAME = {
    "min": [
        "loss",
        "train_loss",
        "val/loss",
        "eval.loss",
        "Loss",
        "box_loss",
        "mlm-loss",
        "logloss",
        "valid_0's l2 loss",
        "rmse",
        "val/MAE",
        "perplexity",
        "test_wer",
        "error_rate",
        "top1_err",
        "fid",
    ],
    "max": [
        "acc",
        "val/acc",
        "val_accuracy",
        "test/Accuracy",
        "f1",
        "eval_f1",
        "roc_auc",
        "mAP",
        "iou",
        "precision",
        "recall@5",
        "bleu",
        "reward",
        "episode_return",
        "ndcg@10",
    ],
    None: ["lr", "epoch", "step", "grad_norm", "throughput", "tokens", "time", "", "/", "accumulate", "glossary", "x"],
}


@pytest.mark.parametrize(("goal", "name"), [(g, n) for g, names in BY_NAME.items() for n in names])
def test_what_a_name_says(goal, name):
    assert goal_for(name, {}) == goal


def test_what_names_nearly_alike_do_not_say():
    assert goal_for("closs_lr", {}) is None
    assert goal_for("loss/lr", {}) is None, "the last part is what is measured"


def test_the_policy_wins_over_the_name():
    assert goal_for("loss", {"loss": "max"}) == "max"
    assert goal_for("val/odd", {"val/*": "min"}) == "min"


def test_an_exact_name_wins_over_a_glob_and_the_first_glob_over_the_next():
    goals = {"val/*": "min", "*acc*": "max", "val/acc": "max"}
    assert goal_for("val/acc", goals) == "max"
    assert goal_for("val/accuracy", goals) == "min"
    assert goal_for("train/acc", goals) == "max"


def test_globs_are_case_sensitive():
    assert goal_for("X/odd", {"x/*": "min"}) is None


@given(name=st.text(), goals=st.dictionaries(st.text(), st.sampled_from(["max", "min"])))
def test_any_name_has_a_goal_or_none(name, goals):
    assert goal_for(name, goals) in ("max", "min", None)
