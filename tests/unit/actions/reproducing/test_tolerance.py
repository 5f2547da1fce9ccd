"""Tolerances as they are written, what they allow, and which metrics are no result."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.actions.reproducing.tolerance import (
    Tolerance,
    is_compared,
    parse_tolerance,
    parse_tolerances,
    tolerance_for,
)
from exptrack.errors import ExptrackError


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (0.005, Tolerance(0.005)),
        ("1%", Tolerance(0.01, True)),
        ("2", Tolerance(2.0)),
        (" 0.5 % ", Tolerance(0.005, True)),
    ],
)
def test_a_tolerance_as_it_is_written(written: object, wanted: Tolerance) -> None:
    assert parse_tolerance(written) == wanted


@pytest.mark.parametrize("written", ["", "%", "-1", "nan", "inf", "a lot", True, None, [1]])
def test_what_is_none(written: object) -> None:
    assert parse_tolerance(written) is None


def test_the_words_of_a_command_line() -> None:
    assert parse_tolerances(["val/acc=0.01", "a=b=1%"]) == {"val/acc": Tolerance(0.01), "a=b": Tolerance(0.01, True)}
    for wrong in ("loss", "=1", "loss=x"):
        with pytest.raises(ExptrackError, match="no tolerance"):
            parse_tolerances([wrong])


def test_a_bound_holds_as_it_is_written() -> None:
    assert Tolerance(0.01).allows(0.94, 0.95)
    assert not Tolerance(0.01).allows(0.94, 0.9501)
    assert Tolerance(0.01, True).allows(-200.0, -202.0)
    assert not Tolerance(0.01, True).allows(0.0, 1e-9)
    assert Tolerance(0.0).allows(math.nan, math.nan)
    assert Tolerance(0.0).allows(math.inf, math.inf)
    assert not Tolerance(1e300).allows(1.0, math.inf)
    assert not Tolerance(1e300).allows(1.0, math.nan)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 1e6))
def test_the_number_itself_is_always_allowed(value: float, amount: float) -> None:
    assert Tolerance(amount).allows(value, value)
    assert Tolerance(amount, True).allows(value, value)


def test_exact_names_come_before_globs() -> None:
    table = {"*": Tolerance(1), "*loss": Tolerance(2), "val/loss": Tolerance(3)}
    assert tolerance_for("val/loss", table) == Tolerance(3)
    assert tolerance_for("loss", table) == Tolerance(1)
    assert tolerance_for("loss", {"acc": Tolerance(1)}) is None


@pytest.mark.parametrize(
    "name",
    [
        *("it/s", "s/it", "samples_per_second", "train/tokens_per_sec", "epoch_time", "eta", "seconds_per_epoch"),
        *("throughput", "train_runtime", "GPU memory", "elapsed", "ms/batch", "perf/mfu", "lr_time", "tokens/s", "fps"),
    ],
)
def test_clocks_and_machines_are_not_compared(name: str) -> None:
    assert not is_compared(name)


@pytest.mark.parametrize(
    "name",
    ["val/acc", "loss", "timestep", "sequence_loss", "lr", "steps", "items", "perplexity", "mse"],
)
def test_results_are(name: str) -> None:
    assert is_compared(name)
    assert not is_compared(name, ["x", name])
