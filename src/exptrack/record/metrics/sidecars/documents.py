"""One JSON document, written anew each time: transformers' trainer_state.json (its log_history) and results files."""

from __future__ import annotations

import json
import os

from exptrack.model import Point
from exptrack.record.metrics.sidecars.mapping import points_of

_LARGEST = 64 * 1024 * 1024


class JsonDocument:
    """Read again whenever it changed; a half-written one is left for the next call."""

    def __init__(self, path: str, *, is_declared: bool = False) -> None:
        self.path = path
        self._is_declared = is_declared
        self._seen: tuple[int, int, int] | None = None
        self._entries = 0
        self._last: list[Point] = []

    def poll(self) -> list[Point]:
        """New entries of `log_history`, or the document's own numbers when they changed."""
        try:
            told = os.stat(self.path)
            mark = (told.st_ino, told.st_size, told.st_mtime_ns)
            if mark == self._seen or told.st_size > _LARGEST:
                return []
            with open(self.path, "rb") as file:
                document = json.load(file)
        except (OSError, ValueError, RecursionError):
            return []
        self._seen = mark
        if not isinstance(document, dict):
            return []
        history = document.get("log_history")
        if isinstance(history, list):
            return self._history(history)
        points = points_of(document, is_declared=self._is_declared)
        new = [point for point in points if point not in self._last]
        self._last = points
        return new

    def _history(self, history: list[object]) -> list[Point]:
        out: list[Point] = []
        if len(history) < self._entries:
            self._entries = 0
        for entry in history[self._entries :]:
            if isinstance(entry, dict):
                out += points_of(entry, is_declared=True)
        self._entries = len(history)
        return out
