"""Follow a run's logs behind the child: bytes of each stream -> recogniser -> points. The child never waits."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from exptrack.model import Point
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.record.metrics import Recogniser

STREAMS = ("stdout", "stderr", "terminal")
# Bytes read at once: the points of a block are held together, some thirty times as many bytes as the lines had.
BLOCK = 1 << 18


class LogTail:
    """One log file, read from where the last call stopped. The recogniser is made for the first bytes: a silent stream
    pays for none."""

    def __init__(self, path: str, make: Callable[[], Recogniser]) -> None:
        self.path = path
        self.recogniser: Recogniser | None = None
        self._make = make
        self._offset = 0
        self._fd = -1
        self._is_closed = False

    def read(self) -> tuple[list[Point], bool]:
        """Points of at most one block, and whether there is more to read now; none once it is closed."""
        if self._is_closed:
            return [], False
        if self._fd < 0:
            try:
                self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return [], False
        data = os.pread(self._fd, BLOCK, self._offset)
        self._offset += len(data)
        if not data:
            return [], False
        if self.recogniser is None:
            self.recogniser = self._make()
        return self.recogniser.feed(data), len(data) == BLOCK

    def close(self) -> list[Point]:
        self._is_closed = True
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        return self.recogniser.close() if self.recogniser else []


class Tails:
    """All logs of one run directory."""

    def __init__(
        self, folder: str, *, patterns: Mapping[str, str], ignore: Sequence[str], rename: Mapping[str, str]
    ) -> None:
        def make() -> Recogniser:
            from exptrack.record.metrics import Recogniser

            return Recogniser(patterns=patterns, ignore=ignore, rename=rename)

        self.tails = {stream: LogTail(os.path.join(folder, stream + ".log"), make) for stream in STREAMS}

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
    def units(self) -> dict[tuple[str, str], str]:
        """(stream, metric) -> `%` for what was printed as per cents."""
        found = {stream: tail.recogniser.units for stream, tail in self.tails.items() if tail.recogniser}
        return {(stream, name): unit for stream, units in found.items() for name, unit in units.items()}

    @property
    def warnings(self) -> list[str]:
        return [w for tail in self.tails.values() if tail.recogniser for w in tail.recogniser.warnings]
