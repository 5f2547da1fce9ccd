"""Names and values on their way out: renamed, ignored, said once, and never more names than a record can hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from exptrack.model import Point
from exptrack.record.metrics.names import LONGEST
from exptrack.record.metrics.state import Count, Found

MOST_NAMES = 2000
_REMEMBERED = 256


class Series:
    """What was recorded under one name: enough to know a value that is printed twice."""

    __slots__ = ("count", "is_ignored", "last_epoch", "last_step", "name", "recent")

    def __init__(self, name: str, *, is_ignored: bool) -> None:
        self.name = name
        self.is_ignored = is_ignored
        self.count = 0
        self.last_step: int | float = float("-inf")
        # The greatest so far.
        self.last_epoch: int | float = float("-inf")
        self.recent: dict[tuple[Count, Count, float | None], None] = {}

    def is_repeat(self, step: int | float, epoch: Count, value: float) -> bool:
        """True when this value was already recorded at this place. Remembers the last few hundred only."""
        key = (step, epoch, value if value == value else None)
        if step <= self.last_step and key in self.recent:
            return True
        self.recent[key] = None
        self.last_step = step
        if epoch is not None and epoch > self.last_epoch:
            self.last_epoch = epoch
        if len(self.recent) > _REMEMBERED:
            self._forget()
        return False

    def note(self, steps: Sequence[int | float], epochs: Sequence[Count], values: Sequence[float]) -> None:
        """Remember rising steps, in rising epochs, in one go, as `is_repeat` would have one by one."""
        self.count += len(steps)
        self.last_step = steps[-1]
        newest_epoch = epochs[-1]
        if newest_epoch is not None and newest_epoch > self.last_epoch:
            self.last_epoch = newest_epoch
        if len(steps) >= _REMEMBERED:
            self.recent.clear()
        elif len(self.recent) > _REMEMBERED:
            self._forget()
        newest = zip(steps[-_REMEMBERED:], epochs[-_REMEMBERED:], values[-_REMEMBERED:], strict=True)
        self.recent.update(((s, e, v if v == v else None), None) for s, e, v in newest)

    def _forget(self) -> None:
        for old in list(self.recent)[: _REMEMBERED // 2]:
            del self.recent[old]


class Sink:
    """Found -> Point for one recogniser. `warnings` tells what was left out, `units` which names were per cents."""

    def __init__(self, ignore: Sequence[str], rename: Mapping[str, str]) -> None:
        self._ignore = tuple(ignore)
        self._rename = dict(rename)
        self.by_name: dict[str, Series] = {}
        self.warnings: list[str] = []
        self.units: dict[str, str] = {}
        self._is_full = False

    def series(self, name: str, rank: int | None) -> Series | None:
        """The series of a printed name; None when it is one name too many."""
        key = name if not rank else f"rank{rank}/{name}"
        found = self.by_name.get(key)
        if found is None:
            found = self._open(key)
        return found

    def _open(self, key: str) -> Series | None:
        if len(key) > LONGEST or len(self.by_name) >= MOST_NAMES:
            if not self._is_full:
                self._is_full = True
                self.warnings.append(
                    f"more than {MOST_NAMES} metric names were printed; the others are not recorded"
                    if len(key) <= LONGEST
                    else f"a metric name of more than {LONGEST} characters was left out"
                )
            return None
        clean = re.sub(r"\s+", " ", key).strip()
        name = self._rename.get(clean, clean)
        is_ignored = any(fnmatchcase(name, p) or fnmatchcase(clean, p) for p in self._ignore)
        return self.by_name.setdefault(key, Series(name, is_ignored=is_ignored))

    def put(self, found: Sequence[Found], rank: int | None, out: list[Point]) -> None:
        """Append the points of `found` that are new."""
        for name, value, step, epoch, is_percent in found:
            series = self.series(name, rank)
            if series is None or series.is_ignored:
                continue
            if is_percent:
                self.units[series.name] = "%"
            if step is None:
                step = series.count
            elif series.is_repeat(step, epoch, value):
                continue
            series.count += 1
            out.append(Point(series.name, value, step, epoch))
