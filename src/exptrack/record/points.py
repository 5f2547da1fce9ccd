"""The points of a run on disk: JSON lines, each a block of one metric, appended as they come.

{"name": "loss", "source": "stdout", "values": [0.5, "nan"], "steps": [1, 2], "at": [1763.1, 1763.2]} - columns, because
a million single objects take seconds to write and a block takes milliseconds. A torn last line is not yet a block.
`counted` says which steps the program did not tell: the points were counted then (record/continued.py asks for it).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence

from exptrack.amounts import counted
from exptrack.files import read_whole_lines, write_all
from exptrack.frozen import frozen
from exptrack.model import Point
from exptrack.record.columns import Column
from exptrack.typed import Any

MAX_NAMES = 10_000
MAX_NAME = 200
# Points held before they are due to be written.
PENDING = 50_000
# Points of a line: whatever their numbers look like it stays well below READ_AT_ONCE, so that no reader passes it over.
PER_LINE = 2_000
READ_AT_ONCE = 2 << 20


class _Block:
    __slots__ = ("at", "counted", "epochs", "steps", "values")

    def __init__(
        self,
        values: Sequence[float] = (),
        steps: Sequence[int | float] = (),
        epochs: Sequence[float | None] = (),
        at: Sequence[float] = (),
        counted: Sequence[int] = (),
    ) -> None:
        self.values, self.steps, self.epochs, self.at = list(values), list(steps), list(epochs), list(at)
        # Which of them have no step of their own.
        self.counted = list(counted)


class PointWriter:
    """Collects points by metric and appends them as blocks; `warnings` says what was capped or lost."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._blocks: dict[tuple[str, str], _Block] = {}
        # Lines made before the blocks: of one metric they hold the earlier points.
        self._lines: list[bytes] = []
        self._counts: dict[tuple[str, str], int] = {}
        self._refused = 0
        self._pending = 0

    def add(self, points: Iterable[Point], source: str, now: float) -> None:
        """Take points of one source. A point without a step gets its epoch, else the count of its metric's points."""
        counts, blocks = self._counts, self._blocks
        for name, value, step, epoch, at in points:
            key = (name if len(name) <= MAX_NAME else name[:MAX_NAME], source)
            count = counts.get(key)
            if count is None:
                if len(counts) >= MAX_NAMES:
                    self._refused += 1
                    continue
                count = 0
            counts[key] = count + 1
            block = blocks.get(key)
            if block is None:
                block = blocks[key] = _Block()
            if step is None and epoch is None:
                block.counted.append(len(block.values))
            block.values.append(value)
            block.steps.append(step if step is not None else epoch if epoch is not None else count)
            block.epochs.append(epoch)
            block.at.append(now if at is None else at)
            self._pending += 1

    def add_columns(self, columns: Iterable[Column], source: str, now: float) -> None:
        """Take columns of at most PER_LINE points, whose numbers are JSON already."""
        for column in columns:
            key = (column.name[:MAX_NAME], source)
            if key not in self._counts and len(self._counts) >= MAX_NAMES:
                self._refused += column.size
                continue
            self._counts[key] = self._counts.get(key, 0) + column.size
            before = self._blocks.pop(key, None)
            if before is not None:
                self._lines += (encode_block(*key, part) for part in _parts(before))
            self._lines.append(_encode_column(*key, column, now))
            self._pending += column.size

    @property
    def is_due(self) -> bool:
        """Are there so many points that they should be written now?"""
        return self._pending >= PENDING

    def flush(self) -> None:
        """Append what was collected; on a full disk it is kept in memory and tried again at the next flush."""
        if not self._blocks and not self._lines:
            return
        lines = b"".join(
            [
                *self._lines,
                *(encode_block(*key, part) for key, block in self._blocks.items() for part in _parts(block)),
            ]
        )
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        size = os.fstat(fd).st_size
        try:
            write_all(fd, lines)
        except OSError:
            os.ftruncate(fd, size)
            raise
        finally:
            os.close(fd)
        self._blocks.clear()
        self._lines.clear()
        self._pending = 0

    def finish(self) -> None:
        """The last flush; OSError when the disk does not take it."""
        if self._refused:
            self.warnings.append(
                f"{counted(self._refused, 'point')} left out: more than {MAX_NAMES} different metric names"
            )
        self.flush()


def _parts(block: _Block) -> Iterator[_Block]:
    if len(block.values) <= PER_LINE:
        yield block
        return
    for i in range(0, len(block.values), PER_LINE):
        j = i + PER_LINE
        counted = [k - i for k in block.counted if i <= k < j]
        yield _Block(block.values[i:j], block.steps[i:j], block.epochs[i:j], block.at[i:j], counted)


def encode_block(name: str, source: str, block: _Block | Series) -> bytes:
    """One line of a points file, with its newline."""
    data: dict[str, Any] = {"name": name, "source": source, "values": block.values, "steps": block.steps}
    if any(e is not None for e in block.epochs):
        data["epochs"] = block.epochs
    if block.counted:
        data["counted"] = True if len(block.counted) == len(block.values) else block.counted
    # One time is enough for points that came in one read; a list only when they differ.
    data["at"] = block.at[0] if block.at.count(block.at[0]) == len(block.at) else block.at
    try:
        text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    except ValueError:
        data["values"] = [v if _is_finite(v) else repr(v) for v in block.values]
        data["steps"] = [s if _is_finite(s) else i for i, s in enumerate(block.steps)]
        if "epochs" in data:
            data["epochs"] = [e if e is not None and _is_finite(e) else None for e in block.epochs]
        data["at"] = [a if _is_finite(a) else 0.0 for a in block.at]
        text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.encode("ascii") + b"\n"


def _encode_column(name: str, source: str, column: Column, now: float) -> bytes:
    head = json.dumps({"name": name, "source": source}, separators=(",", ":"))[:-1].encode("ascii")
    epochs = b',"epochs":[%b]' % column.epochs if column.epochs else b""
    at = repr(now if _is_finite(now) else 0.0).encode("ascii")
    steps = column.steps or column.epochs
    return b'%b,"values":[%b],"steps":[%b]%b,"at":%b}\n' % (head, column.values, steps, epochs, at)


def _is_finite(value: float) -> bool:
    """math.isfinite, also for integers beyond every float."""
    return value == value and value not in (math.inf, -math.inf)


@frozen
class Series:
    """Part of one metric's points from one source, in the order they were seen."""

    name: str
    source: str
    values: list[float]
    steps: list[float]
    epochs: list[float | None]
    at: list[float]
    counted: Sequence[int] = ()


def read_blocks(lines: Iterable[bytes]) -> Iterator[Series]:
    """Blocks of a points file; a line that is none (torn by a crash, or written by somebody else) is passed over."""
    for line in lines:
        try:
            yield _series(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            continue


def _series(data: Any) -> Series:
    values = data["values"]
    if not isinstance(values, list) or not set(map(type, values)) <= {float}:
        values = [float(v) for v in values]
    at, epochs, counted = data.get("at", 0.0), data.get("epochs"), data.get("counted", ())
    series = Series(
        name=data["name"],
        source=data.get("source", ""),
        values=values,
        steps=data["steps"],
        epochs=[None] * len(values) if epochs is None else epochs,
        at=at if isinstance(at, list) else [at] * len(values),
        counted=range(len(values)) if counted is True else [int(k) for k in counted],
    )
    if not isinstance(series.name, str) or not isinstance(series.source, str):
        raise TypeError("name and source are texts")
    for column, kinds in (
        (series.steps, {int, float}),
        (series.epochs, {int, float, type(None)}),
        (series.at, {int, float}),
    ):
        if not isinstance(column, list) or len(column) != len(values) or not set(map(type, column)) <= kinds:
            raise TypeError("a column that does not fit")
    return series


def blocks_of(path: str) -> Iterator[Series]:
    """Every block of a points file of any size, one after the other; a missing file has none."""
    offset = 0
    while True:
        try:
            lines, after = read_whole_lines(path, offset, limit=READ_AT_ONCE)
        except FileNotFoundError:
            return
        if after == offset:
            return
        yield from read_blocks(lines)
        offset = after
