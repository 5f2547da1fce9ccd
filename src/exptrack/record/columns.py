"""JSON lines of one shape, many at a time: their numbers go from the sidecar into points.jsonl as the text they are.

Only what reads the same either way is taken: flat objects of plain, finite JSON numbers, with the same keys in the same
order as their neighbours, and with a step or an epoch. All other lines are read one by one (sidecar.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from exptrack.lazy import bytes_pattern
from exptrack.model import Point
from exptrack.typed import NamedTuple

# Lines that follow each other with one shape: from here on a pattern costs less than reading them one by one.
WORTH_IT = 200
MOST_SHAPES = 64
NOT_METRICS = ("at", "params", "tags", "artifact")
# At most 18 digits before the point, 30 behind it and 2 in the exponent: finite, and no line of points gets too long.
_NUMBER = rb"(-?(?!0\d)\d{1,18}+(?:\.\d{1,30}+)?+(?:[eE][-+]?\d\d?+)?+)"
_FIELD = bytes_pattern(rb'([{,] ?"([^"\\\x00-\x1f\x80-\xff]{1,200})": ?)' + _NUMBER)
_IN_NUMBERS = b"0123456789.+-eE"


class Column(NamedTuple):
    """Numbers of one metric as JSON text with commas between them; as many steps, epochs or both: b"" when not told."""

    name: str
    values: bytes
    steps: bytes
    epochs: bytes
    size: int

    def points(self) -> list[Point]:
        """The same as single points."""
        told = (self.values, self.steps, self.epochs)
        values, steps, epochs = (json.loads(b"[%b]" % column) or [None] * self.size for column in told)
        return [Point(self.name, float(v), s, e) for v, s, e in zip(values, steps, epochs, strict=True)]


class _Shape(NamedTuple):
    pattern: re.Pattern[bytes]
    names: tuple[str, ...]


class Shapes:
    """The shapes of one file's lines."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Shape | None] = {}

    def runs(self, lines: Sequence[bytes]) -> Iterator[tuple[Sequence[bytes], list[Column]]]:
        """The lines in order, as runs: their columns where they are alike and worth it, else no columns."""
        keys = b"\n".join(lines).translate(None, _IN_NUMBERS).split(b"\n")
        at = waiting = 0
        for key, group in groupby(keys):
            first, at = at, at + sum(1 for _ in group)
            columns = self._columns(key, lines[first:at]) if at - first >= WORTH_IT else []
            if columns:
                if waiting < first:
                    yield lines[waiting:first], []
                yield lines[first:at], columns
                waiting = at
        if waiting < at:
            yield lines[waiting:at], []

    def _columns(self, key: bytes, lines: Sequence[bytes]) -> list[Column]:
        if key not in self._known:
            if len(self._known) >= MOST_SHAPES:
                self._known.clear()
            self._known[key] = _shape_of(lines[0])
        shape = self._known[key]
        if shape is None:
            return []
        rows = shape.pattern.findall(b"\n".join(lines) + b"\n")
        if len(rows) != len(lines):
            return []
        told = dict(zip(shape.names, map(b",".join, zip(*rows, strict=True)), strict=True))
        steps, epochs = told.pop("step", b""), told.pop("epoch", b"")
        return [Column(name, values, steps, epochs, len(rows)) for name, values in told.items()]


def _shape_of(line: bytes) -> _Shape | None:
    """The pattern of all lines like this one; None when such lines have to be read one by one."""
    at, names, pattern = 0, [], [b"^"]
    while field := _FIELD.match(line, at):
        names.append(field[2].decode("ascii"))
        pattern += (re.escape(field[1]), _NUMBER)
        at = field.end()
    # The first field begins with the brace, and no later one may.
    if line[at:] != b"}" or line.count(b"{") != 1:
        return None
    is_told = len(names) > 1 and ("step" in names or "epoch" in names)
    if not is_told or len(set(names)) != len(names) or not {*NOT_METRICS}.isdisjoint(names):
        return None
    return _Shape(re.compile(b"".join((*pattern, rb"\}\n")), re.MULTILINE), tuple(names))
