"""JSON lines: one object a line, appended. A torn last line waits until its line feed comes, or the program ends."""

from __future__ import annotations

import json
import os

from exptrack.model import Point
from exptrack.record.metrics.sidecars.mapping import points_of

MOST_AT_ONCE = 16 * 1024 * 1024


class Tail:
    """The whole lines a file has gained. A file that was replaced or cut is read from its start again."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.offset = 0
        self._inode = 0
        self.has_ended = False

    def lines(self) -> list[bytes]:
        """New whole lines, at most MOST_AT_ONCE bytes of them; the rest comes with the next call. With `has_ended` what
        follows the last line feed is a line too."""
        try:
            with open(self.path, "rb") as file:
                told = os.fstat(file.fileno())
                if told.st_ino != self._inode or told.st_size < self.offset:
                    self.offset, self._inode = 0, told.st_ino
                file.seek(self.offset)
                data = file.read(MOST_AT_ONCE)
        except OSError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        if not whole and (len(data) == MOST_AT_ONCE or self.has_ended):
            whole = data
        self.offset += len(whole)
        return whole.splitlines()

    def skip(self, size: int) -> int:
        """Pass over the whole lines among the first `size` bytes; how many they were. OSError: it is gone."""
        count = at = 0
        with open(self.path, "rb") as file:
            self._inode = os.fstat(file.fileno()).st_ino
            while at < size and (block := file.read(min(size - at, 1 << 20))):
                count += block.count(b"\n")
                if b"\n" in block:
                    self.offset = at + block.rindex(b"\n") + 1
                at += len(block)
        return count


class JsonLines:
    """metrics.jsonl, Detectron2's metrics.json, wandb-style histories."""

    def __init__(self, path: str, *, is_declared: bool = False) -> None:
        self.path = path
        self._tail = Tail(path)
        self._is_declared = is_declared
        self._count = 0

    def skip(self, size: int) -> None:
        """Leave out what the first `size` bytes hold: an earlier program wrote them. OSError: it is gone."""
        self._count = self._tail.skip(size)

    def end(self) -> None:
        """The program writes no more. A last line that was cut off is no JSON, and is passed over as others are."""
        self._tail.has_ended = True

    def poll(self) -> list[Point]:
        """Points of the lines written since the last call; lines that are no JSON objects are passed over."""
        out: list[Point] = []
        for line in self._tail.lines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                out += points_of(record, is_declared=self._is_declared, step=self._count)
                self._count += 1
        return out
