"""Which reader a file wants, by its name and, for .json, by how it begins."""

from __future__ import annotations

import os

from exptrack.model import Point
from exptrack.record.metrics.sidecars.documents import JsonDocument
from exptrack.record.metrics.sidecars.events import EventFile
from exptrack.record.metrics.sidecars.jsonlines import JsonLines
from exptrack.record.metrics.sidecars.rows import Rows
from exptrack.typed import Protocol

_DOCUMENTS = ("trainer_state.json", "all_results.json", "train_results.json", "eval_results.json", "test_results.json")
_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")


class FileReader(Protocol):
    """Follows one file. `poll` returns the points that are new since the last call; a missing file has none."""

    path: str

    def poll(self) -> list[Point]: ...


def reader_for(path: str, *, is_declared: bool = False) -> FileReader | None:
    """The reader of `path`, or None for a file that is none of ours.

    A file nobody declared is read as metrics only when it looks like them: a step or an epoch beside a metric's name.
    """
    name = os.path.basename(path)
    if ".tfevents." in name or name.startswith("events.out.tfevents"):
        return EventFile(path)
    suffix = os.path.splitext(name)[1].lower()
    if suffix in (".csv", ".tsv"):
        return Rows(path, is_declared=is_declared)
    if suffix in (".jsonl", ".ndjson"):
        return JsonLines(path, is_declared=is_declared)
    if suffix == ".json":
        if name in _DOCUMENTS or not _is_lines(path):
            return JsonDocument(path, is_declared=is_declared)
        return JsonLines(path, is_declared=is_declared)
    return JsonLines(path, is_declared=True) if is_declared else None


def may_be_metrics(name: str) -> bool:
    """Cheap test on a file's name, for whoever watches a folder of a million files."""
    return name.endswith(_SUFFIXES) or ".tfevents." in name


def _is_lines(path: str) -> bool:
    """Detectron2's metrics.json holds one object a line: its first line is whole and begins with a brace."""
    try:
        with open(path, "rb") as file:
            head = file.readline(65536).strip()
    except OSError:
        return False
    return head.startswith(b"{") and head.endswith(b"}")
