"""The names nearest to one that nobody knows."""

from __future__ import annotations

from exptrack.actions.nearest import did_you_mean, nearest

SWEEP = [f"sweep-lr{lr}-s{seed}" for lr in (4, 3, 2, 1) for seed in (3, 2, 1)]


def test_what_begins_with_it_comes_before_what_looks_like_it() -> None:
    assert nearest("sweep-lr1", SWEEP) == ["sweep-lr1-s3", "sweep-lr1-s2", "sweep-lr1-s1"]
    assert did_you_mean("swee", SWEEP).startswith("did you mean `sweep-lr4-s3` or ")


def test_a_last_part_comes_first() -> None:
    assert nearest("acc", ["accuracy", "val/acc"])[0] == "val/acc"


def test_nothing_is_near_nothing() -> None:
    assert (nearest("", SWEEP), did_you_mean("zzz", SWEEP)) == ([], "")
