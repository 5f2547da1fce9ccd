"""One name for one metric: what the user wants first, then spellings that mean the same."""

from __future__ import annotations

import pytest

from exptrack.model import Point
from exptrack.record.naming import Naming, meaning


def names(naming, source, *printed):
    return [p.name for p in naming.apply([Point(n, 1.0, 1) for n in printed], source)]


@pytest.mark.parametrize(
    "same",
    [
        ("val_acc", "val/acc", "validation accuracy", "Valid Acc", "accuracy/val", "valAccuracy"),
        ("train_loss", "loss/train", "training loss", "Train Loss"),
        ("lr", "learning_rate", "Learning Rate"),
        ("test err", "test/error"),
    ],
)
def test_spellings_that_mean_the_same(same):
    assert len({meaning(name) for name in same}) == 1


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("loss", "train/loss"),
        ("acc@1", "acc@5"),
        ("eval/loss", "val/loss"),
        ("loss_α", "loss_β"),
        ("rank1/loss", "loss"),
    ],
)
def test_names_that_do_not_mean_the_same(a, b):
    assert meaning(a) != meaning(b)


def test_two_sources_get_the_name_that_was_first():
    naming = Naming()
    assert names(naming, "stdout", "val/acc", "loss") == ["val/acc", "loss"]
    assert names(naming, "file:a.csv", "validation accuracy", "Loss") == ["val/acc", "loss"]


def test_the_policy_knows_better_than_who_was_first():
    naming = Naming(known=["val/acc"])
    assert names(naming, "file:a.csv", "val_accuracy") == ["val/acc"]
    assert names(naming, "stdout", "Validation acc") == ["val/acc"]


def test_two_names_of_one_source_stay_two_metrics():
    naming = Naming()
    assert names(naming, "stdout", "acc") == ["acc"]
    got = names(naming, "file:a.csv", "accuracy", "acc")
    assert len(set(got)) == 2
    assert got == names(naming, "file:a.csv", "accuracy", "acc")


def test_aliases_join_what_only_the_user_knows_to_be_the_same():
    naming = Naming(aliases={"val/acc": ["holdout score"]})
    assert names(naming, "stdout", "holdout_score") == ["val/acc"]
    assert names(naming, "sidecar", "val_acc") == ["val/acc"]


def test_rename_and_ignore_count_for_every_source():
    naming = Naming(rename={"a": "b"}, ignore=["debug/*", "b2"])
    for source in ("sidecar", "file:x.csv", "events:runs"):
        assert names(naming, source, "a", "debug/x", "b2", "c") == ["b", "c"]


def test_what_the_recogniser_renamed_is_not_renamed_again():
    naming = Naming(rename={"a": "b", "b": "c"})
    points = [Point("b", 1.0)]
    assert naming.apply(points, "stdout", is_renamed=True) == points


def test_points_under_their_own_names_are_handed_on_as_they_are():
    points = [Point("loss", 1.0)]
    assert Naming().apply(points, "stdout") is points
