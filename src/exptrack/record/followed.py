"""One file that a program writes by itself: is it metrics, and what has come to it since the last look.

A data set written as CSV must not become metrics: a name that loggers use needs one column that is a metric for sure;
any other name needs a column of steps or epochs too, and most of its other columns must be metrics (docs/sidecar.md).
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Mapping

from exptrack.model import Point, Scalar
from exptrack.record.discover import KNOWN, Before, fingerprint
from exptrack.record.metrics import names
from exptrack.record.metrics.reading import with_split
from exptrack.record.metrics.sidecars import FileReader, reader_for
from exptrack.record.metrics.sidecars.jsonlines import JsonLines
from exptrack.record.metrics.sidecars.rows import Rows
from exptrack.record.sidecar import Sidecar
from exptrack.typed import Any

HEAD = 65_536
# Records of a file without a known name that are looked at: the first ones may be about something else.
FIRST_RECORDS = 20
_PLACE = re.compile(r"(?i)(?:^|[/_ .])(?:step|steps|epoch|epochs|iter|iteration|global_step|num_updates)$")
_PLOTS = os.path.join("plots", "metrics", "")
_CHECKPOINT = re.compile(r"^checkpoint[-_]\d+$")


def judge(path: str) -> bool | None:
    """Does this file hold metrics? None when too little of it is there to say."""
    name = os.path.basename(path)
    if ".tfevents." in name:
        return True
    if name.endswith(".json"):
        return name in KNOWN
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    whole, newline, _ = head.rpartition(b"\n")
    if not newline:
        return None if len(head) < HEAD else False
    text = whole.decode("utf-8", "replace")
    is_known = name in KNOWN or _PLOTS in path
    if text.lstrip().startswith("{"):
        return _has_records(text, is_known=is_known)
    return _has_header(text, is_known=is_known) if not name.endswith(("jsonl", "ndjson", ".txt")) else False


def _has_header(text: str, *, is_known: bool) -> bool:
    line = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    columns = next(csv.reader([line], delimiter=max("\t,;", key=line.count)), [])
    columns = [column.strip() for column in columns]
    return len(columns) > 1 and _are_metrics(columns, is_known=is_known)


def _has_records(text: str, *, is_known: bool) -> bool:
    for line in text.splitlines()[:FIRST_RECORDS]:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and _are_metrics(_numbers(record), is_known=is_known):
            return True
    return False


def _numbers(record: Mapping[str, Any]) -> list[str]:
    out = []
    for key, value in record.items():
        if isinstance(value, dict):
            out += [f"{key}/{inner}" for inner in _numbers(value)]
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            out.append(key)
    return out


def _are_metrics(columns: list[str], *, is_known: bool) -> bool:
    sure = [c for c in columns if names.strength(c) == names.STRONG]
    if is_known or not sure:
        return bool(sure)
    places = [c for c in columns if _PLACE.search(c)]
    others = [c for c in columns if c not in places and not names.is_rate(c) and names.strength(c) != names.NEVER]
    return bool(places) and 2 * len(sure) > len(others)


class Followed:
    """A file that holds metrics, followed while it grows. What it held before the run began is not told."""

    def __init__(self, path: str, before: Before | None, *, is_declared: bool) -> None:
        self.path, self.before, self.is_declared = path, before, is_declared
        self.is_events = ".tfevents." in os.path.basename(path)
        self._reader: FileReader | Sidecar | None = None
        self._mark: tuple[int, int, int] | None = None
        folder, name = os.path.split(path)
        # Every checkpoint of transformers holds the whole history so far: together they are one file that grows.
        self.is_history = name == "trainer_state.json"
        self.group = os.path.dirname(folder) if self.is_history and _CHECKPOINT.match(_base(folder)) else folder
        # dvclive: plots/metrics/train/loss.tsv calls its column `loss`.
        self.prefix = folder.partition(_PLOTS)[2] + "/" if _PLOTS in folder else ""
        self.split = _split_of(folder, name)

    def poll(self) -> list[Point]:
        """The points that are new. One stat for a file that did not change. OSError as the file gives it."""
        try:
            told = os.stat(self.path)
        except FileNotFoundError:
            return []
        mark = (told.st_ino, told.st_size, told.st_mtime_ns)
        if mark == self._mark:
            return []
        if self._reader is None:
            if self._is_untouched(told):
                return []
            self._reader = self._open(told)
        points = self._reader.poll()
        if not points:
            self._mark = mark  # with points there may be more behind them: a reader takes a bounded block at a time
        if self.prefix:
            points = [point._replace(name=self.prefix + point.name) for point in points]
        elif self.split:
            points = [point._replace(name=with_split(point.name, self.split)) for point in points]
        return points

    def end(self, *, is_well: bool) -> None:
        """The program writes no more: what it left without a line feed is looked at once more. A row of a table only
        where all went well, for its last number may be cut off; an object shows that it is whole."""
        if isinstance(self._reader, (JsonLines, Sidecar)) or (is_well and isinstance(self._reader, Rows)):
            self._reader.end()
            self._mark = None

    @property
    def params(self) -> dict[str, Scalar]:
        """Parameters the file told of: hparams of TensorBoard, `params` of JSON lines. Other kinds have none."""
        return dict(getattr(self._reader, "params", {}))

    def _is_untouched(self, told: os.stat_result) -> bool:
        before = self.before
        return before is not None and before[:3] == (told.st_ino, told.st_size, told.st_mtime_ns)

    def _open(self, told: os.stat_result) -> FileReader | Sidecar:
        reader = self._reader_for()
        if self.before and isinstance(reader, (JsonLines, Rows)) and self._was_appended_to(self.before, told):
            reader.skip(self.before.size)
        return reader

    def _was_appended_to(self, before: Before, told: os.stat_result) -> bool:
        """The same file, longer than it was and with the same beginning; else it was written anew."""
        is_longer = before.inode == told.st_ino and told.st_size > before.size > 0
        return is_longer and before.mark in ("", fingerprint(self.path, before.size))

    def _reader_for(self) -> FileReader | Sidecar:
        # Here it is known to be metrics: declared by the user, or judged. Documents alone are judged by their reader.
        name = os.path.basename(self.path)
        if name.endswith((".log", ".txt")):
            return (
                JsonLines(self.path, is_declared=True)
                if _begins_as_json(self.path)
                else Rows(self.path, is_declared=True)
            )
        is_sure = self.is_declared or not name.endswith(".json")
        return reader_for(self.path, is_declared=is_sure) or Sidecar(self.path)


def _split_of(folder: str, name: str) -> str | None:
    """CatBoost writes learn_error.tsv and test_error.tsv with the same columns: the split is in the name. A lone
    test_run.csv is a name somebody chose."""
    stem, suffix = os.path.splitext(name)
    split = names.split_in(stem)
    if suffix not in (".csv", ".tsv") or split in (None, "train"):
        return None
    word = next((part for part in names.parts_of(stem) if names.split_in(part) == split), "")
    others = (stem.lower().replace(word, other, 1) + suffix for other in ("train", "learn", "training"))
    return split if word and any(os.path.exists(os.path.join(folder, other)) for other in others) else None


def _begins_as_json(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(256).lstrip().startswith(b"{")


def _base(path: str) -> str:
    return os.path.basename(path)
