"""Points -> what a manifest says of a metric: first, last, extremes, best; one source a name, the most precise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from exptrack.model import MetricSummary
from exptrack.record.points import Series, blocks_of

# Where two sources tell the same metric, the one that was written for machines is the more precise one.
# TensorBoard's `simple_value` has 24 bits: less than other files, more than what is printed.
PRECISION = ("sidecar", "file", "events", "stdout", "terminal", "stderr")


def _rank(source: str) -> int:
    kind = source.split(":", 1)[0]
    return PRECISION.index(kind) if kind in PRECISION else len(PRECISION)


def most_precise(counts: Mapping[str, int]) -> str:
    """Source -> number of points: the source whose points are the metric's series, with its own steps and no other's.

    Of two files the one with more points; and a file that tells one number at the end yields to a printed curve."""
    is_curve = max(counts.values()) > 1
    able = [s for s, n in counts.items() if n > 1 or not (is_curve and s.startswith(("file:", "events:")))]
    return min(able, key=lambda source: (_rank(source), -counts[source]))


class _Sum:
    __slots__ = ("count", "first", "high", "high_step", "last", "last_step", "low", "low_step")

    def __init__(self, first: float, last: float, last_step: float) -> None:
        self.first, self.last, self.last_step, self.count = first, last, last_step, 0
        self.low, self.high = math.inf, -math.inf
        self.low_step: float | None = None
        self.high_step: float | None = None


def summarise(blocks: Iterable[Series], goal_of: Callable[[str], str | None]) -> dict[str, MetricSummary]:
    """Blocks -> name -> summary, one source a name (the most precise). NaN takes no part in min, max and best; a series
    of nothing but NaN has NaN there."""
    sums: dict[str, dict[str, _Sum]] = {}
    for block in blocks:
        if not block.values:
            continue
        per_source = sums.setdefault(block.name, {})
        total = per_source.get(block.source)
        if total is None:
            total = per_source[block.source] = _Sum(block.values[0], block.values[0], block.steps[0])
        _take(total, block)
    out = {}
    for name in sorted(sums):
        source = most_precise({s: t.count for s, t in sums[name].items()})
        out[name] = _summary(sums[name][source], goal_of(name), source)
    return out


def _take(total: _Sum, block: Series) -> None:
    total.last, total.last_step = block.values[-1], block.steps[-1]
    total.count += len(block.values)
    values = block.values
    overall = sum(values)
    if overall != overall:  # somewhere is a NaN, or infinities of both signs
        values = [v for v in values if v == v]
        if not values:
            return
    low, high = min(values), max(values)
    if low < total.low or total.low_step is None:
        total.low, total.low_step = low, block.steps[block.values.index(low)]
    if high > total.high or total.high_step is None:
        total.high, total.high_step = high, block.steps[block.values.index(high)]


def _summary(total: _Sum, goal: str | None, source: str) -> MetricSummary:
    has_values = total.low_step is not None
    low, high = (total.low, total.high) if has_values else (math.nan, math.nan)
    best: Mapping[str, tuple[float, float | None]] = {"max": (high, total.high_step), "min": (low, total.low_step)}
    value, step = best.get(goal or "", (None, None))
    return MetricSummary(
        first=total.first,
        last=total.last,
        min=low,
        max=high,
        count=total.count,
        best=value,
        best_step=_as_step(step),
        last_step=_as_step(total.last_step),
        goal=goal,
        source=source,
    )


def _as_step(step: float | None) -> float | None:
    """None for an integer beyond every float: the manifest could not be read again with it."""
    try:
        return None if step is None or not math.isfinite(step) else step
    except OverflowError:
        return None


def summaries_of(path: str, goal_of: Callable[[str], str | None]) -> dict[str, MetricSummary]:
    """The points file of a live or sealed run -> name -> summary."""
    return summarise(blocks_of(path), goal_of)
