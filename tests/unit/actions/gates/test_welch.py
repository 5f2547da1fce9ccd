"""Our small Welch test says what scipy's says, down to tiny probabilities and up to large samples."""

from __future__ import annotations

import math
import random

import pytest
from scipy import special, stats

from exptrack.actions.gates.welch import incomplete_beta, mean, p_above, t_tail, variance

CLOSE = 1e-9


def samples(seed: int) -> tuple[list[float], list[float]]:
    dice = random.Random(seed)
    return tuple(
        [dice.gauss(dice.choice((0.9, 0.901, 3)), 10 ** dice.uniform(-5, 1)) for _ in range(dice.randint(2, 12))]
        for _ in "ab"
    )


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("shift", [0.0, 0.01])
def test_the_probability_is_that_of_scipy(seed, shift):
    a, b = samples(seed)
    theirs = stats.ttest_ind([v - shift for v in a], b, equal_var=False, alternative="greater").pvalue
    assert p_above(a, b, shift) == pytest.approx(theirs, rel=1e-7, abs=1e-300)


@pytest.mark.parametrize("t", [-40.0, -1.0, 0.0, 1e-9, 0.5, 3.0, 60.0])
@pytest.mark.parametrize("freedom", [1.0, 1.7, 4.0, 30.5, 1e5])
def test_the_tail_of_t_is_that_of_scipy(t, freedom):
    assert t_tail(t, freedom) == pytest.approx(stats.t.sf(t, freedom), rel=CLOSE, abs=1e-300)


@pytest.mark.parametrize("x", [0.0, 1e-12, 0.2, 0.5, 0.999, 1 - 1e-12, 1.0])
@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 3), (200, 0.5), (0.5, 200), (1e4, 3)])
def test_the_incomplete_beta_function_is_that_of_scipy(a, b, x):
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=CLOSE, abs=1e-300)


def test_without_spread_the_difference_decides():
    assert p_above([2.0, 2.0], [1.0, 1.0]) == 0.0
    assert p_above([1.0, 1.0], [1.0, 1.0]) == 1.0
    assert p_above([2.0, 2.0], [1.0, 1.0], 1.5) == 1.0


def test_spread_in_one_sample_is_enough():
    a, b = [0.91, 0.92, 0.93], [0.9, 0.9]
    theirs = stats.ttest_1samp(a, 0.9, alternative="greater").pvalue  # Welch against a constant
    assert p_above(a, b) == pytest.approx(theirs, rel=CLOSE)


def test_tiny_and_huge_numbers():
    tiny = [1e-150, 2e-150, 3e-150]
    assert p_above([v + 9e-150 for v in tiny], tiny) == pytest.approx(p_above([10.0, 11.0, 12.0], [1.0, 2.0, 3.0]))
    with pytest.raises(OverflowError):
        p_above([1e300, -1e300], [1.0, 2.0])


def test_mean_and_variance_are_those_of_a_sample():
    assert mean([1.0, 2.0, 6.0]) == 3.0
    assert variance([1.0, 2.0, 6.0]) == 7.0
    assert math.isclose(variance([1e9 + 1, 1e9 + 2, 1e9 + 3]), 1.0)
