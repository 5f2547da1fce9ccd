"""What this program's lines look like: the second line of a shape costs a lookup and a match instead of a reading.

A line without its digits, points, signs and blanks is its key. Under a key stand NOTHING, for lines that can hold
no metric, or the shapes read so far: one pattern for the whole line, and which of its groups are step, epoch and
values. Lines of one shape that follow each other are read in one sweep. Bounded: the book is thrown away when it is
full.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import repeat
from operator import lt

from exptrack.lazy import bytes_pattern
from exptrack.model import Point
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.series import Series, Sink
from exptrack.record.metrics.state import Count, State
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.record.metrics.reading import Reading

_DELETED = b"0123456789.+- \t"
_MOST_KEYS = 20_000
_MOST_SHAPES = 8
_VALUE = rb"([-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?+|-?nan|-?inf|NaN|Infinity|-Infinity)"
_FLOAT = rb"[-+]?(?:\d+\.\d*|\.\d+|\d+[eE])(?:[eE]?[-+]?\d+)?"
_COUNT = rb"(\d+)"
_PLACE = rb"(\d+\.\d+(?:[eE][-+]?\d+)?)"
# Of lines that are decided by it: a whole number, and one that is none.
_WHOLE = rb"((?!-?0\d)-?\d{1,18}+)"
_REAL = rb"((?!-?0\d)-?\d++(?:\.\d++(?:[eE][-+]?\d++)?+|[eE][-+]?\d++)|-?nan|-?inf|NaN|-?Infinity)"
_PARTS = bytes_pattern(
    rb"(?P<float>(?<![\w.])[-+]?\d+\.\d*(?:[eE][-+]?\d+)?(?![\w.]))|(?P<digits>\d+)|(?P<blank>[ \t]+)"
)


Row = tuple[bytes, ...]
Rows = list[Row]


class Shape:
    """One shape of line: `pattern` matches the whole line, line feed included."""

    __slots__ = ("epoch", "is_percent", "names", "pattern", "place", "rank", "series", "step", "values")

    def __init__(self, pattern: re.Pattern[bytes], names: list[str], step: int | None, epoch: int | None) -> None:
        self.pattern = pattern
        self.names = names
        self.step = step
        self.epoch = epoch
        self.values = [i for i in range(pattern.groups) if i not in (step, epoch)]
        self.place: Callable[[bytes], int | float] = int
        self.rank = 0
        self.is_percent: list[bool] = []
        self.series: list[Series | None] | None = None


NOTHING: list[Shape] = []


def keys_of(block: bytes) -> list[bytes]:
    """The key of every line of the block."""
    return block.translate(None, _DELETED).split(b"\n")


class Book:
    """The shapes of one stream, by key."""

    def __init__(self) -> None:
        self._shapes: dict[bytes, list[Shape]] = {}
        self.get = self._shapes.get

    def learn_nothing(self, key: bytes) -> None:
        """Lines with this key hold no metric, whatever their digits."""
        if len(key) <= 400:
            self._make_room()
            self._shapes[key] = NOTHING

    def learn(self, key: bytes, raw: bytes, line: Line, reading: Reading) -> None:
        """Remember how this line was read, if its own words alone decided it."""
        known = self._shapes.get(key)
        if known and len(known) >= _MOST_SHAPES:
            # As many shapes as this under one key: names that hold a number. Each would cost a compilation.
            return
        shape = _shape_of(raw, line, reading)
        if shape is None:
            return
        if not known:
            self._make_room()
            self._shapes[key] = [shape]
        elif all(s.pattern.pattern != shape.pattern.pattern for s in known):
            known.insert(0, shape)

    def _make_room(self) -> None:
        if len(self._shapes) >= _MOST_KEYS:
            self._shapes.clear()


def _shape_of(raw: bytes, line: Line, reading: Reading) -> Shape | None:
    progress = reading.progress
    if not (reading.pairs and reading.is_stable and progress.is_known and raw.isascii()) or len(raw) > 2000:
        return None
    at = line.body_at
    spans = [(p.start + at, p.end + at, f"v{i}") for i, p in enumerate(reading.pairs)]
    spans += [(s[0] + at, s[1] + at, n) for s, n in ((progress.step_at, "step"), (progress.epoch_at, "epoch")) if s]
    if line.rank_at is not None:
        spans.append((*line.rank_at, "rank"))
    spans.sort()
    if len({s[0] for s in spans}) != len(spans):
        return None
    names = {p.start + at: p.name for p in reading.pairs}
    if any(c.isdigit() for name in names.values() if name not in line.text for c in name):
        # A name that was put together: its digits, and those it was made of, are not to be generalised.
        return None
    if any(b"D" in raw[start:end].upper() for start, end, _ in spans):
        # A Fortran exponent, which float() does not read.
        return None
    pattern, before = [rb"^"], 0
    for start, end, what in spans:
        pattern += _general(raw[before:start], names.get(start, "").encode())
        pattern.append(_form(what, raw[start:end], is_exact=reading.is_exact))
        before = end
    pattern += _general(raw[before:], b"")
    order = [what for _, _, what in spans if what != "rank"]
    if any(raw[s:e].translate(None, b"0123456789.") for s, e, w in spans if w[0] != "v"):
        return None
    shape = _finish(b"".join(pattern), order, line, reading)
    if any(b"." in raw[s:e] for s, e, w in spans if w[0] != "v"):
        shape.place = _place
    return shape


def _form(what: str, text: bytes, *, is_exact: bool) -> bytes:
    """The pattern for a value, step, epoch or rank like this one."""
    if what == "rank":
        return text
    if what[0] != "v":
        return _COUNT if text.isdigit() else _PLACE
    if is_exact:
        return _WHOLE if text.removeprefix(b"-").isdigit() else _REAL
    return _VALUE


def _place(text: bytes) -> int | float:
    """A step or epoch, as to_count reads it: 3.0 is 3."""
    if text.isdigit():
        return int(text)
    value = float(text)
    return int(value) if abs(value) < 1e18 and value == int(value) else value


def _finish(pattern: bytes, order: list[str], line: Line, reading: Reading) -> Shape:
    compiled = re.compile(pattern + rb"\n", re.MULTILINE)
    values = [i for i, what in enumerate(order) if what[0] == "v"]
    pairs = [reading.pairs[int(order[i][1:])] for i in values]
    step = order.index("step") if "step" in order else None
    epoch = order.index("epoch") if "epoch" in order else None
    shape = Shape(compiled, [pair.full_name for pair in pairs], step, epoch)
    shape.rank = line.rank or 0
    shape.is_percent = [pair.is_percent for pair in pairs]
    return shape


def _general(literal: bytes, name: bytes) -> list[bytes]:
    """A pattern for the text before a value: its name to the letter, other numbers as any number of their kind."""
    at = literal.rfind(name) if name else -1
    if at < 0:
        return _loose(literal)
    return [*_loose(literal[:at]), re.escape(name), *_loose(literal[at + len(name) :])]


def _loose(literal: bytes) -> list[bytes]:
    out, before = [], 0
    for found in _PARTS.finditer(literal):
        out.append(re.escape(literal[before : found.start()]))
        out.append(_part(found))
        before = found.end()
    out.append(re.escape(literal[before:]))
    return out


def _part(found: re.Match[bytes]) -> bytes:
    if found["float"]:
        return _FLOAT
    return rb"\d+" if found["digits"] else rb"[ \t]+"


def sweep(shape: Shape, rows: Rows, state: State, sink: Sink, out: list[Point]) -> None:
    """Record the lines of one shape: `rows` are the groups of its pattern, one tuple a line."""
    if shape.series is None:
        shape.series = [sink.series(name, shape.rank) for name in shape.names]
    if len(rows) == 1:
        _one(shape, rows[0], state, sink, out)
        return
    columns = list(zip(*rows, strict=True))
    counts = list(map(shape.place, columns[shape.step])) if shape.step is not None else None
    epochs = list(map(shape.place, columns[shape.epoch])) if shape.epoch is not None else None
    steps = counts if counts is not None else epochs
    assert steps is not None
    if not _is_fresh(shape, steps, None if counts is None else epochs):
        for row in rows:
            _one(shape, row, state, sink, out)
        return
    values = [list(map(float, columns[i])) for i in shape.values]
    _move(state, None if counts is None else counts[-1], None if epochs is None else epochs[-1])
    told: Sequence[Count] = epochs if epochs is not None else [state.epoch] * len(steps)
    _put_all(shape, values, steps, told, sink, out)


def _move(state: State, step: Count, epoch: Count) -> None:
    if epoch is not None:
        if epoch != state.epoch:
            state.step = None
        state.epoch = epoch
    if step is not None:
        state.step = step
    state.has_begun = True


def _one(shape: Shape, row: Row, state: State, sink: Sink, out: list[Point]) -> None:
    """One line. Lean: where lines of two shapes take turns, this runs for every line of a run."""
    step = shape.place(row[shape.step]) if shape.step is not None else None
    epoch = shape.place(row[shape.epoch]) if shape.epoch is not None else None
    _move(state, step, epoch)
    place = step if step is not None else epoch
    assert place is not None
    within = epoch if epoch is not None else state.epoch
    for i, series, is_percent in zip(shape.values, shape.series or (), shape.is_percent, strict=True):
        if series is None or series.is_ignored:
            continue
        value = float(row[i])
        if series.is_repeat(place, within, value):
            continue
        series.count += 1
        if is_percent:
            sink.units[series.name] = "%"
        out.append(Point(series.name, value, place, within))


def _is_fresh(shape: Shape, steps: list[int | float], epochs: list[int | float] | None) -> bool:
    """No step was seen before in its epoch, so that no value can be a repetition."""
    assert shape.series is not None
    if len({id(s) for s in shape.series}) != len(shape.series):
        return False
    series = [s for s in shape.series if s is not None]
    if epochs is None or epochs[0] == epochs[-1]:
        if all(map(lt, steps, steps[1:])) and all(s.last_step < steps[0] for s in series):
            return True
        if epochs is None:
            return False
    if any(s.last_epoch > epochs[0] or (s.last_epoch == epochs[0] and s.last_step >= steps[0]) for s in series):
        return False
    places = list(zip(epochs, steps, strict=True))
    return all(map(lt, places, places[1:]))


def _put_all(
    shape: Shape,
    values: list[list[float]],
    steps: list[int | float],
    told: Sequence[Count],
    sink: Sink,
    out: list[Point],
) -> None:
    columns = []
    for series, column, is_percent in zip(shape.series or (), values, shape.is_percent, strict=True):
        if series is None or series.is_ignored:
            continue
        if is_percent:
            sink.units[series.name] = "%"
        series.note(steps, told, column)
        # tuple.__new__ skips the constructor a NamedTuple has in Python: this line runs once a point.
        fields = zip(repeat(series.name), column, steps, told, repeat(None))
        columns.append(list(map(tuple.__new__, repeat(Point), fields)))
    if len(columns) == 1:
        out += columns[0]
    elif columns:
        woven: list[Point] = [columns[0][0]] * (len(columns) * len(steps))
        for i, column_points in enumerate(columns):
            woven[i :: len(columns)] = column_points
        out += woven
