"""What a name says about its number."""

import pytest

from exptrack.record.metrics.names import LONGEST, NEUTRAL, NEVER, STRONG, split_in, split_said, strength


@pytest.mark.parametrize(
    "name",
    [
        "loss",
        "valLogLoss",
        "train-logloss",
        "top1",
        "AP50",
        "val_acc",
        "grad norm",
        "D loss",
        "R²",
        "f1-score (micro avg)",
        "fid10k",
        "Param Norm",
        "losses/entropy_bonus",
        "loss/clip",
        "average_loss_value_func",
        "rmse_e_trn",
        "error rate",
        "objf",
    ],
)
def test_strong(name):
    assert strength(name) == STRONG


@pytest.mark.parametrize(
    "name",
    [
        "time",
        "seed",
        "batch_size",
        "loss_scale",
        "samples/sec",
        "GlobalRate",
        "total chars",
        "num_updates",
        "eta",
        "gpu_mem",
        "iter time (s)",
        "42",
        "x" * (LONGEST + 1),
    ],
)
def test_never(name):
    assert strength(name) == NEVER


@pytest.mark.parametrize("name", ["lr", "learning_rate", "D(x)", "alphabet", "Bias"])
def test_neutral(name):
    assert strength(name) == NEUTRAL


def test_split():
    assert [split_in(text) for text in ("Test set", "val_loss", "evaluation", "loss")] == ["test", "val", "eval", None]


@pytest.mark.parametrize(
    ("text", "split"), [("Train Epoch:", "train"), ("[valid]", "val"), ("cpu_test: Hopper-Test-3:", None)]
)
def test_a_prefix_names_a_split_by_a_word_of_its_own(text, split):
    assert split_said(text) == split


def test_the_set_that_is_evaluated_says_more_than_that_it_is():
    assert split_in("Evaluating test") == "test"
    assert split_in("Evaluation results") == "eval"
