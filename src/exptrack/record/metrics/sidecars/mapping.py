"""One mapping of a file -> points. A file of metrics is trusted more than a printed line: every number counts but
clocks.
"""

from __future__ import annotations

from collections.abc import Mapping

from exptrack.model import Point
from exptrack.record.metrics import names
from exptrack.record.metrics.families.dicts import EPOCHS, STEPS, flatten, number_of, position_of
from exptrack.typed import Any

_PLACES = frozenset(STEPS) | frozenset(EPOCHS)


def points_of(mapping: Mapping[str, Any], *, is_declared: bool, step: int | float | None = None) -> list[Point]:
    """Points of one record. Undeclared, one without a metric's name gives none; `step` serves if it has no place."""
    flat = dict(flatten(dict(mapping)))
    at_step, epoch = position_of(flat, STEPS), position_of(flat, EPOCHS)
    numbers = {
        name: number[0]
        for name, value in flat.items()
        if name not in _PLACES and (number := number_of(value)) is not None and names.strength(name) != names.NEVER
    }
    if not is_declared and not any(names.strength(name) == names.STRONG for name in numbers):
        return []
    if at_step is None:
        at_step = epoch if epoch is not None else step
    return [Point(name, value, at_step, epoch) for name, value in numbers.items()]
