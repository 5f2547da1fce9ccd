"""$EXPTRACK_METRICS: JSON lines that the program itself appends (docs/sidecar.md).

{"step": 10, "loss": 0.3, "val/acc": 0.9} · {"params": {...}} · {"tags": {...}} · {"artifact": {"kind", "path"}}
A torn last line waits until it is whole: it has its line feed, or the program has ended and its braces are closed.
A line that is not understood becomes a warning, never an error.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

from exptrack.amounts import counted
from exptrack.files import read_whole_lines
from exptrack.model import Declared, Point, Scalar
from exptrack.record.columns import Column, Shapes
from exptrack.record.points import PER_LINE
from exptrack.typed import Any

MAX_WARNINGS = 5
LONGEST_LAST = 1 << 22  # bytes, as for every other line
NOT_FINITE = ("nan", "inf", "-inf", "infinity", "-infinity")


class Sidecar:
    """Follows one file of JSON lines; what it said so far lies in `params`, `tags` and `artifacts`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.params: dict[str, Scalar] = {}
        self.tags: dict[str, str] = {}
        self.artifacts: list[Declared] = []
        self._said: list[str] = []
        self._offset = 0
        self._misread = 0
        self._has_ended = False
        self._shapes = Shapes()

    def poll(self) -> list[Point]:
        """Points of the lines that became whole since the last call; all that is there is read."""
        points: list[Point] = []
        for single, columns in self.read():
            points += single
            for column in columns:
                points += column.points()
        return points

    def read(self) -> Iterator[tuple[list[Point], list[Column]]]:
        """The same in bounded parts, in order: points of lines one by one, or columns of many lines alike."""
        while True:
            try:
                lines, offset = read_whole_lines(self.path, self._offset)
            except FileNotFoundError:
                return
            if offset == self._offset and self._has_ended:
                lines, offset = self._last_line()
            if offset == self._offset:
                return
            self._offset = offset
            for i in range(0, len(lines), PER_LINE):
                for alike, columns in self._shapes.runs(lines[i : i + PER_LINE]):
                    points: list[Point] = []
                    for line in () if columns else alike:
                        self._take(line, points)
                    yield points, columns

    def end(self) -> None:
        """The program writes no more: a last object without its line feed counts from now on."""
        self._has_ended = True

    def _last_line(self) -> tuple[list[bytes], int]:
        with open(self.path, "rb") as file:
            file.seek(self._offset)
            line = file.read(LONGEST_LAST)
        return ([line], self._offset + len(line)) if is_whole_object(line) else ([], self._offset)

    def _take(self, line: bytes, points: list[Point]) -> None:
        if not line.strip():
            return
        try:
            data = json.loads(line)
            if not isinstance(data, dict):
                raise TypeError("not an object")
            self._read(data, points)
        except (ValueError, TypeError, RecursionError) as e:
            self._misread += 1
            if self._misread <= MAX_WARNINGS:
                self._said.append(f"sidecar line not understood ({e}): {line[:80].decode('utf-8', 'replace')}")

    @property
    def warnings(self) -> list[str]:
        """The first lines that were not understood, and how many more there were."""
        more = self._misread - len(self._said)
        return [*self._said, *([f"{counted(more, 'more sidecar line')} not understood"] if more else [])]

    def _read(self, data: Mapping[str, Any], points: list[Point]) -> None:
        if isinstance(data.get("params"), dict):
            self.params.update(flatten(data["params"]))
        if isinstance(data.get("tags"), dict):
            self.tags.update({str(k): str(v) for k, v in data["tags"].items()})
        if isinstance(data.get("artifact"), dict):
            self._declare(data["artifact"])
        step, epoch, at = _when(data.get("step")), _when(data.get("epoch")), _when(data.get("at"))
        for name, value in data.items():
            if name in ("step", "epoch", "at", "params", "tags", "artifact"):
                continue
            _add(points, name, value, step, epoch, at)

    def _declare(self, artifact: Mapping[str, Any]) -> None:
        path = artifact.get("path")
        if not isinstance(path, str) or not path:
            raise TypeError("an artifact without a path")
        declared = Declared(label=str(artifact.get("kind") or "output"), pattern=path)
        if declared not in self.artifacts:
            self.artifacts.append(declared)


def is_whole_object(line: bytes) -> bool:
    """Is this all of a JSON object? Of a line that was cut off somewhere, the last brace is missing."""
    if not line.rstrip().endswith(b"}"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _add(points: list[Point], name: str, value: Any, step: Any, epoch: Any, at: Any) -> None:
    if isinstance(value, dict):
        for inner, deeper in value.items():
            _add(points, f"{name}/{inner}", deeper, step, epoch, at)
    elif _number(value) is not None or (isinstance(value, str) and value.lower() in NOT_FINITE):
        points.append(Point(name, _float(value), step, epoch, at))


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _when(value: Any) -> int | float | None:
    """A step, epoch or time; None for one that is not finite, or too large for the float it may become."""
    number = _number(value)
    return number if number is not None and math.isfinite(_float(number)) else None


def _float(value: float | str) -> float:
    """An integer beyond every float is infinite, as JSON's 1e400 is."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, 1 if isinstance(value, int) and value > 0 else -1)


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    """Nested mappings with dots; lists and anything else that is no scalar as JSON text."""
    out: dict[str, Scalar] = {}
    for key, value in params.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            out.update(flatten(value, name + "."))
        elif value is None or isinstance(value, (str, int, float, bool)):
            out[name] = value
        else:
            out[name] = json.dumps(value, default=str)
    return out
