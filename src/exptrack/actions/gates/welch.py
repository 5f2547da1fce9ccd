"""Is the mean of one small sample above that of another by chance? Welch's t-test, one-sided, variances not pooled.

B. L. Welch, Biometrika 34 (1947); degrees of freedom after Satterthwaite. The tail of Student's t is a regularised
incomplete beta function (NIST DLMF 8.17), by its continued fraction: no numerical library at run time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_MOST_STEPS = 10_000
_TINY = 1e-300


def mean(values: Sequence[float]) -> float:
    if min(values) == max(values):
        return values[0]  # 0.9 three times, divided by three, is not 0.9: rounding would look like spread
    return math.fsum(values) / len(values)


def variance(values: Sequence[float]) -> float:
    """Of a sample: n - 1 below. Needs two values."""
    middle = mean(values)
    return math.fsum((v - middle) ** 2 for v in values) / (len(values) - 1)


def p_above(a: Sequence[float], b: Sequence[float], shift: float = 0.0) -> float:
    """How probable is a difference of the means at least this far above `shift` when the true one is `shift`?

    Two finite values or more in each; OverflowError when their squares are beyond floats. Without any spread in both
    there is no chance to reckon with: 0.0 when the difference is more than `shift`, else 1.0."""
    gain = mean(a) - mean(b) - shift
    of_a, of_b = variance(a) / len(a), variance(b) / len(b)
    both = of_a + of_b
    if both == 0:
        return 0.0 if gain > 0 else 1.0
    share = of_a / both  # not squares of the variances themselves: those of tiny ones would be 0
    freedom = 1 / (share**2 / (len(a) - 1) + (1 - share) ** 2 / (len(b) - 1))
    return t_tail(gain / math.sqrt(both), freedom)


def t_tail(t: float, freedom: float) -> float:
    """P(T > t) of Student's t with so many degrees of freedom (any positive number)."""
    beyond = 0.5 * incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))
    return beyond if t > 0 else 1 - beyond


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised I_x(a, b) for a, b > 0 and 0 <= x <= 1."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    # The fraction converges fast below the mean of the distribution only; above it the other tail is asked for.
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(scale) / (a * _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    """1 + d1 x/(1 + d2 x/(1 + ...)) of DLMF 8.17.22, evaluated from the front (Lentz's way)."""
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1, _MOST_STEPS):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + step - 1) * (a + step))
        else:
            term = m * (b - m) * x / ((a + step - 1) * (a + step))
        d = 1 / (1 + term * d or _TINY)
        c = 1 + term / c or _TINY
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value
