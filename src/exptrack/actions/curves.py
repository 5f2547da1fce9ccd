"""What is made of points before they are shown: an x axis, smoothing, JSON and CSV. Pure.

Not-a-number and infinite values stay where they are: a smoothed curve has its gaps where the curve has them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from exptrack.actions.series import Curve
from exptrack.errors import ExptrackError
from exptrack.typed import Any

AXES = ("step", "time", "epoch")


def along(curve: Curve, axis: str) -> tuple[list[float], list[float]]:
    """(xs, values) in the order of x. `time`: seconds since the run started. Points that have no place on the axis (no
    epoch, a step beyond every float) are left out."""
    if axis == "time":
        xs: Sequence[float | None] = [at - curve.started for at in curve.at]
    else:
        xs = curve.steps if axis == "step" else curve.epochs
    try:
        placed = list(map(float, xs))  # type: ignore[arg-type]  # a None ends up in the except
        values = list(curve.values)
        if not math.isfinite(sum(placed)):
            raise OverflowError
    except (TypeError, OverflowError):
        pairs = [(x, v) for x, v in zip(map(_place, xs), curve.values, strict=True) if x is not None]
        placed, values = [x for x, _ in pairs], [v for _, v in pairs]
    if any(map(_falls, placed, placed[1:])):
        # A program that went back to a checkpoint, or several processes that print one metric.
        order = sorted(range(len(placed)), key=placed.__getitem__)
        placed, values = [placed[i] for i in order], [values[i] for i in order]
    return placed, values


_falls: Callable[[float, float], bool] = float.__gt__


def _place(x: float | None) -> float | None:
    try:
        return None if x is None or not math.isfinite(x) else float(x)
    except OverflowError:
        return None


def parse_smooth(text: str | None) -> float:
    """'0.9' (weight of an exponential mean), '20' (a mean of so many points) -> number, 0 for none."""
    if text is None:
        return 0.0
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not (0 <= amount < 1 or (amount >= 2 and amount.is_integer())):
        raise ExptrackError(
            f"cannot smooth by {text}", "0 to 0.999 is the weight of what came before, 2 and more a number of points"
        )
    return amount


def smooth(values: Sequence[float], amount: float) -> Sequence[float]:
    """Below 1: the exponential mean of that weight, corrected for its empty start (as Adam's moments are, Kingma & Ba,
    section 3); from 2: the mean of the last so many finite values. 0: the values themselves."""
    if amount <= 0:
        return values
    return _exponential(values, amount) if amount < 1 else _window(values, int(amount))


def _exponential(values: Sequence[float], weight: float) -> list[float]:
    out, total, share, rest = [], 0.0, 1.0, 1 - weight
    finite = math.isfinite
    for value in values:
        if finite(value):
            total = total * weight + value * rest
            share *= weight
            out.append(total / (1 - share))
        else:
            out.append(value)
    return out


def _window(values: Sequence[float], count: int) -> list[float]:
    out: list[float] = []
    last: deque[float] = deque()
    total = 0.0
    for n, value in enumerate(values):
        if not math.isfinite(value):
            out.append(value)
            continue
        last.append(value)
        total += value
        if len(last) > count:
            total -= last.popleft()
        # Added up anew now and then: what rounding left of a 1e30 that has gone would stay for ever.
        if n % count == 0:
            total = sum(last)
        out.append(total / len(last))
    return out


def curves_json(curves: Iterable[Curve], amount: float) -> list[dict[str, Any]]:
    """One object a curve; a value that is not finite is null, and `not_finite` says at which position what stood."""
    return [_curve_json(c, amount) for c in curves]


def _curve_json(curve: Curve, amount: float) -> dict[str, Any]:
    finite = math.isfinite
    odd = {str(n): repr(v) for n, v in enumerate(curve.values) if not finite(v)}
    out: dict[str, Any] = {
        "run": curve.run,
        "name": curve.run_name,
        "status": curve.status,
        "metric": curve.name,
        "source": curve.source or None,
        "values": [v if finite(v) else None for v in curve.values],
        "steps": list(curve.steps),
        "epochs": list(curve.epochs),
        "at": _times(curve.at),
    }
    if amount:
        out["smoothed"] = [v if finite(v) else None for v in smooth(curve.values, amount)]
    if odd:
        out |= {"nan": "nan" in odd.values(), "not_finite": odd}
    return out


def curves_csv(curves: Iterable[Curve], amount: float) -> Iterator[list[str]]:
    """One row a point, in full precision; nan and inf as these words, what there is none of as an empty cell."""
    yield ["run", "name", "metric", "source", "step", "epoch", "at", "value", *["smoothed"] * bool(amount)]
    for c in curves:
        head = [c.run, c.run_name or "", c.name, c.source]
        smoothed = smooth(c.values, amount) if amount else ()
        for n, (step, epoch, at, value) in enumerate(zip(c.steps, c.epochs, _times(c.at), c.values, strict=True)):
            cells = [repr(step), "" if epoch is None else repr(epoch), at or "", repr(value)]
            yield [*head, *cells, *([repr(smoothed[n])] if amount else [])]


def _times(moments: Sequence[float]) -> list[str | None]:
    """Seconds since the epoch -> UTC, ISO 8601. Points of one read have one time: each is written out once."""
    from datetime import UTC, datetime

    known: dict[float, str | None] = {}
    for moment in moments:
        if moment not in known:
            try:
                then = datetime.fromtimestamp(moment, UTC)
                known[moment] = then.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
            except (ValueError, OverflowError, OSError):
                known[moment] = None
    return [known[moment] for moment in moments]
