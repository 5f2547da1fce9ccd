"""Everything that tells metrics of one run, read together: logs, sidecar, files the program writes -> points.jsonl.

`start["reading"]` says how (patterns, ignore, rename, files), so that `recover` reads the same way as the recorder did.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from exptrack.files import remove_if_there
from exptrack.model import Point
from exptrack.record.points import PointWriter
from exptrack.record.rundir import POINTS, SIDECAR, RunDir
from exptrack.record.sidecar import Sidecar
from exptrack.record.tail import Tails

# So many points of a file at once: there is probably more behind them (a reader takes a bounded block at a time).
MANY = 1_000


class Reading:
    """Reads from the beginning of every log; points an earlier recorder wrote are replaced, not doubled."""

    def __init__(self, run_dir: RunDir, how: Mapping[str, Any], cwd: str) -> None:
        remove_if_there(run_dir.file(POINTS))
        self.run_dir = run_dir
        self.writer = PointWriter(run_dir.file(POINTS))
        self.sidecar = Sidecar(run_dir.file(SIDECAR))
        self.tails = Tails(
            run_dir.path,
            patterns=how.get("patterns", {}),
            ignore=how.get("ignore", ()),
            rename=how.get("rename", {}),
        )
        self._ignore, self._rename = how.get("ignore", ()), how.get("rename", {})
        self._files = {path: _open_file(os.path.join(cwd, path)) for path in how.get("files", ())}
        self._warnings: list[str] = []

    def poll(self, now: float) -> bool:
        """Take what is there now, at most a block a log; True when there is more to take at once. OSError when the disk
        did not take the points: they are kept, and written by a later flush."""
        has_more = self._take(now)
        if self.writer.is_due:
            self.flush()
        return has_more

    def _take(self, now: float) -> bool:
        found, has_more = self.tails.read()
        for stream, points in found:
            self.writer.add(points, stream, now)
        self.writer.add(self.sidecar.poll(), "sidecar", now)
        for path, reader in self._files.items():
            points = self._poll_file(path, reader)
            self.writer.add(points, f"file:{path}", now)
            has_more = has_more or len(points) >= MANY
        return has_more

    def _poll_file(self, path: str, reader: Any) -> list[Point]:
        try:
            points: list[Point] = reader.poll()
        except Exception as e:  # noqa: BLE001 - a file that cannot be read must not cost the metrics of the others
            warning = f"metrics file {path} not read: {type(e).__name__}: {e}"
            if warning not in self._warnings:
                self._warnings.append(warning)
            return []
        return points

    def flush(self) -> None:
        self.writer.flush()

    def finish(self, now: float) -> None:
        """The child has ended: read all that is left, then the unfinished last lines. OSError when the disk is full."""
        while self._take(now):
            if self.writer.is_due:
                with suppress(OSError):  # a full disk may have room by the last flush, and that one raises
                    self.flush()
        for stream, points in self.tails.close():
            self.writer.add(points, stream, now)
        self.writer.finish()

    @property
    def warnings(self) -> list[str]:
        return [*self._warnings, *self.tails.warnings, *self.sidecar.warnings, *self.writer.warnings]


def _open_file(path: str) -> Any:
    from exptrack.record.metrics.sidecars import reader_for

    reader = reader_for(path, is_declared=True)
    if reader is None:
        reader = Sidecar(path)
    return reader
