"""CSV and TSV with a header: Keras' CSVLogger, Lightning's CSVLogger, Ultralytics' results.csv, flair's loss.tsv,
dvclive's plots.

Followed by row, not by byte: Lightning writes the whole file anew when a column appears. A row counts once it ends, or
the program did, by itself: of one that was killed the last number may be cut off.
"""

from __future__ import annotations

import csv
import os

from exptrack.model import Point
from exptrack.record.metrics import names
from exptrack.record.metrics.families.dicts import EPOCHS, STEPS
from exptrack.record.metrics.sidecars.jsonlines import Tail
from exptrack.record.metrics.sidecars.mapping import points_of

_PLACES = frozenset(STEPS) | frozenset(EPOCHS)
_DVCLIVE = os.path.join("plots", "metrics")


class Rows:
    """`poll` gives the points of the rows that are new; cells that are blank, `NA` or text give none."""

    def __init__(self, path: str, *, is_declared: bool = False) -> None:
        self.path = path
        self._tail = Tail(path)
        self._is_declared = is_declared or _DVCLIVE in path
        self._header: list[str] = []
        self._delimiter = ","
        self._head_line = b""
        self._rows = 0

    def end(self) -> None:
        """The program came to its end by itself: what it left without a line feed is a row, too."""
        self._tail.has_ended = True

    def poll(self) -> list[Point]:
        """Points of the rows written since the last call."""
        skip = 0
        if self._was_rewritten():
            self._tail.offset, skip, self._header = 0, self._rows, []
        out: list[Point] = []
        for line in self._tail.lines():
            text = line.decode("utf-8", "replace").strip("\r\n")
            if not text.strip() or text.startswith("#"):
                continue
            if not self._header or line == self._head_line:
                self._begin(line, text)
                continue
            if skip:
                skip -= 1
                continue
            self._rows += 1
            out += self._row(text)
        return out

    def skip(self, size: int) -> None:
        """Leave out the rows in the first `size` bytes: an earlier program wrote them. OSError: it is gone."""
        with open(self.path, "rb") as file:
            for line in iter(lambda: file.readline(1 << 20), b""):
                text = line.decode("utf-8", "replace").strip("\r\n")
                if text.strip() and not text.startswith("#"):
                    self._begin(line.rstrip(b"\r\n"), text)
                    break
        self._rows = max(0, self._tail.skip(size) - 1)

    def _was_rewritten(self) -> bool:
        """The header changed under us; rows already told stay told."""
        if not self._head_line:
            return False
        try:
            with open(self.path, "rb") as file:
                head = file.readline(len(self._head_line) + 4096)
        except OSError:
            return False
        return head.endswith(b"\n") and head.rstrip(b"\r\n") != self._head_line.rstrip(b"\r\n")

    def _begin(self, line: bytes, text: str) -> None:
        self._head_line = line
        self._delimiter = max("\t,;", key=text.count)
        header = [name.strip() for name in next(csv.reader([text], delimiter=self._delimiter), [])]
        self._header = [name.lower() if name.lower() in _PLACES else name for name in header]

    def _row(self, text: str) -> list[Point]:
        cells = next(csv.reader([text], delimiter=self._delimiter), [])
        record = {name: cell.strip() for name, cell in zip(self._header, cells, strict=False) if name and cell.strip()}
        if not self._is_declared and not self._looks_like_metrics():
            return []
        return points_of(record, is_declared=True, step=self._rows - 1)

    def _looks_like_metrics(self) -> bool:
        has_place = any(name in _PLACES for name in self._header)
        return has_place and any(names.strength(name) == names.STRONG for name in self._header)
