"""Round numbers along an axis, and how they are written there. Pure."""

from __future__ import annotations

import math
from itertools import pairwise

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
# Seconds, and the unit a time axis counts in when it is at least three of them long.
TIMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def linear_ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` multiples of 1, 2 or 5 times a power of ten within [low, high]; three rather than two."""
    if not low < high:
        return [low]
    ticks = _multiples(low, high, count)
    return ticks if len(ticks) > 2 else _multiples(low, high, 2 * count)


def _multiples(low: float, high: float, count: int) -> list[float]:
    rough = high / count - low / count  # high - low may be beyond every float
    if not math.isfinite(rough) or rough <= abs(high) * 1e-15:
        return [low, high]
    power = 10.0 ** math.floor(math.log10(rough))
    if power == 0:
        return [low, high]
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = [n * step for n in range(first, last + 1)]
    return [t for t in ticks if math.isfinite(t)] or [low, high]


def log_ticks(low: float, high: float, count: int) -> list[float]:
    """For an axis of powers of ten; [low, high] are the numbers themselves, both above 0."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first >= 1:
        stride = max(1, math.ceil((last - first + 1) / count))
        return [10.0**n for n in range(-(-first // stride) * stride, last + 1, stride)]
    inner = [m * 10.0**n for n in range(first - 1, last + 1) for m in (1, 2, 5)]
    ticks = [t for t in inner if low * 0.999999 <= t <= high * 1.000001 and math.isfinite(t)]
    return ticks if len(ticks) >= 2 else linear_ticks(low, high, count)


def labels(ticks: list[float], *, is_log: bool = False) -> list[str]:
    """All with as many decimals as tell them apart: 0.5, 1.0, 1.5; 20k, 40k; 1e-05, 2e-05. On a logarithmic scale each
    with its own: 0.01, 1."""
    size = max(map(abs, ticks), default=0.0)
    if size >= 1e15 or 0 < size < 1e-3:
        return [f"{t:.3g}" for t in ticks]
    gaps = [b - a for a, b in pairwise(ticks) if b > a]
    smallest = min([*gaps, *(abs(t) for t in ticks if t)], default=1.0)
    factor, prefix = 1.0, ""
    if size >= 10_000:
        factor, prefix = next((f, p) for f, p in _PREFIXES if size >= f)
    decimals = max(0, -math.floor(math.log10(smallest / factor) + 1e-9))
    if decimals > 6:
        return [f"{t:.6g}" for t in ticks]
    texts = [f"{t / factor:.{decimals}f}" for t in ticks]
    if is_log:
        texts = [t.rstrip("0").rstrip(".") if "." in t else t for t in texts]
    return [t + prefix if float(t) else "0" if prefix else t for t in texts]


def time_unit(seconds: float) -> tuple[float, str]:
    """(seconds of it, its name): the unit in which an axis of so many seconds is counted."""
    return next(((size, name) for size, name in TIMES if seconds >= 3 * size), TIMES[-1])
