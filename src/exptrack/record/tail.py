"""Follow a run's logs behind the child: bytes of each stream -> recogniser -> points. The child never waits."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from exptrack.model import Point
from exptrack.record.metrics import Recogniser

STREAMS = ("stdout", "stderr", "terminal")
BLOCK = 1 << 20


class LogTail:
    """One log file, read from where the last call stopped."""

    def __init__(self, path: str, recogniser: Recogniser) -> None:
        self.path = path
        self.recogniser = recogniser
        self._offset = 0
        self._fd = -1

    def read(self) -> tuple[list[Point], bool]:
        """Points of at most one block, and whether there is more to read now."""
        if self._fd < 0:
            try:
                self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return [], False
        data = os.pread(self._fd, BLOCK, self._offset)
        self._offset += len(data)
        return (self.recogniser.feed(data) if data else []), len(data) == BLOCK

    def close(self) -> list[Point]:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        return self.recogniser.close()


class Tails:
    """All logs of one run directory."""

    def __init__(
        self, folder: str, *, patterns: Mapping[str, str], ignore: Sequence[str], rename: Mapping[str, str]
    ) -> None:
        self.tails = {
            stream: LogTail(
                os.path.join(folder, stream + ".log"),
                Recogniser(patterns=patterns, ignore=ignore, rename=rename),
            )
            for stream in STREAMS
        }

    def read(self) -> tuple[list[tuple[str, list[Point]]], bool]:
        """(stream, points) of one block a stream, and whether any has more."""
        out, has_more = [], False
        for stream, tail in self.tails.items():
            points, more = tail.read()
            has_more = has_more or more
            if points:
                out.append((stream, points))
        return out, has_more

    def close(self) -> list[tuple[str, list[Point]]]:
        return [(stream, points) for stream, tail in self.tails.items() if (points := tail.close())]

    @property
    def warnings(self) -> list[str]:
        return [w for tail in self.tails.values() for w in tail.recogniser.warnings]
