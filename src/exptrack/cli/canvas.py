"""Lines drawn with characters: braille dots (two by four a cell), or one mark a cell where there is no braille.

Any number of points costs as much as the columns have: of each column the first, lowest, highest and last value count,
so that no peak is lost. Our own because plotext (5.3 and 6.1 were tried) takes 24 s for a million points, breaks on
infinity, and costs 100 to 200 ms of import.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

# Unicode 15, chart U2800: the bit of each dot by column and row.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
MARKS = "*+xo#@%&"


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers -> dots; `low` and `high` are numbers as they are, also on a logarithmic scale."""

    low: float
    high: float
    dots: int
    is_log: bool = False

    def at(self, value: float) -> int:
        """The dot, counted from the low end."""
        low, high = self.low, self.high
        if self.is_log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        if not low < high:
            return self.dots // 2
        # The distance of two floats may be beyond every float; of two tiny ones half may be nothing.
        half = 1.0 if math.isfinite(high - low) else 0.5
        share = (value * half - low * half) / (high * half - low * half)
        return min(self.dots - 1, max(0, round(share * (self.dots - 1))))


@dataclass(slots=True)
class Column:
    """What of a curve falls into one column of dots. `is_joined`: no gap lies between it and the one before."""

    x: int
    first: float
    low: float
    high: float
    last: float
    is_joined: bool


def columns(xs: Sequence[float], values: Sequence[float], scale: Scale, is_log: bool) -> list[Column]:
    """Points in the order of x, by column. What cannot be drawn (NaN, infinity, 0 and less on a logarithmic scale) is
    a gap."""
    out: list[Column] = []
    start, is_joined = 0, False
    while start < len(xs):
        x = scale.at(xs[start])
        stop = _end_of_column(xs, start, x, scale)
        piece = values[start:stop]
        if math.isfinite(sum(piece)) and not (is_log and min(piece) <= 0):
            out.append(Column(x, piece[0], min(piece), max(piece), piece[-1], is_joined))
            is_joined = True
        else:
            kept = [v for v in piece if is_drawable(v, is_log)]
            if kept:
                out.append(
                    Column(x, kept[0], min(kept), max(kept), kept[-1], is_joined and is_drawable(piece[0], is_log))
                )
            is_joined = is_drawable(piece[-1], is_log)
        start = stop
    return out


def is_drawable(value: float, is_log: bool) -> bool:
    return math.isfinite(value) and (value > 0 or not is_log)


def _end_of_column(xs: Sequence[float], start: int, x: int, scale: Scale) -> int:
    """Behind the last point of column x. Rounding decides at the border, so it is looked at, not computed."""
    if not scale.low < scale.high:
        return len(xs)
    share = (x + 0.5) / max(1, scale.dots - 1)
    border = scale.low * (1 - share) + scale.high * share
    stop = max(start + 1, bisect_right(xs, border, start))
    while stop < len(xs) and scale.at(xs[stop]) == x:
        stop += 1
    while stop > start + 1 and scale.at(xs[stop - 1]) != x:
        stop -= 1
    return stop


class Canvas:
    """`width` x `height` cells. `owner` of a cell: the curve that drew there last, -1 for none."""

    def __init__(self, width: int, height: int, *, is_braille: bool) -> None:
        self.width, self.height = width, height
        self.across, self.down = (2, 4) if is_braille else (1, 1)
        self._is_braille = is_braille
        self._bits = [[0] * width for _ in range(height)]
        self._owner = [[-1] * width for _ in range(height)]

    def draw(self, curve: int, parts: Sequence[Column], y: Scale) -> None:
        """One curve, column by column, each joined to the one before unless there is a gap."""
        before: Column | None = None
        for part in parts:
            self._span(curve, part.x, y.at(part.low), y.at(part.high))
            is_joined = part.is_joined and before is not None
            if before is not None and is_joined:
                self._join(curve, before.x, y.at(before.last), part.x, y.at(part.first))
            elif part.low == part.high:
                # A single dot of eight is easily overlooked.
                self._span(curve, part.x ^ 1 if self._is_braille else part.x, y.at(part.low), y.at(part.low))
            before = part

    def _join(self, curve: int, x0: int, y0: int, x1: int, y1: int) -> None:
        at = y0
        for x in range(x0 + 1, x1 + 1):
            to = y0 + round((y1 - y0) * (x - x0) / (x1 - x0))
            if abs(to - at) > 1:
                # A steep line fills the two columns half and half.
                middle = (at + to) // 2
                self._span(curve, x - 1, at, middle)
                self._span(curve, x, middle, to)
            else:
                self._span(curve, x, to, to)
            at = to

    def _span(self, curve: int, x: int, y0: int, y1: int) -> None:
        column = x // self.across
        if not 0 <= column < self.width:
            return
        for y in range(min(y0, y1), max(y0, y1) + 1):
            dot = self.height * self.down - 1 - y
            row = dot // self.down
            self._bits[row][column] |= _DOTS[x % self.across][dot % self.down]
            self._owner[row][column] = curve

    def rows(self) -> list[list[tuple[str, int]]]:
        """Top to bottom: stretches of text with the curve they belong to (-1: empty)."""
        return [self._row(bits, owners) for bits, owners in zip(self._bits, self._owner, strict=True)]

    def _row(self, bits: list[int], owners: list[int]) -> list[tuple[str, int]]:
        out: list[tuple[str, int]] = []
        for bit, owner in zip(bits, owners, strict=True):
            text = " " if not bit else chr(0x2800 + bit) if self._is_braille else MARKS[owner % len(MARKS)]
            if out and out[-1][1] == owner:
                out[-1] = (out[-1][0] + text, owner)
            else:
                out.append((text, owner))
        return out
