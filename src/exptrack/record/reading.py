"""Everything that tells metrics of one run, read together: logs, sidecar, files the program writes -> points.jsonl.

`start["reading"]` says how (patterns, ignore, rename, files), so that `recover` reads the same way as the recorder did.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from exptrack.files import remove_if_there
from exptrack.record.points import PointWriter
from exptrack.record.rundir import POINTS, SIDECAR, RunDir
from exptrack.record.sidecar import Sidecar
from exptrack.record.tail import Tails


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
        """Take what is there now, at most a block a log; True when there is more to take at once."""
        found, has_more = self.tails.read()
        for stream, points in found:
            self.writer.add(points, stream, now)
        self.writer.add(self.sidecar.poll(), "sidecar", now)
        for path, reader in self._files.items():
            self.writer.add(reader.poll(), f"file:{path}", now)
        return has_more

    def flush(self) -> None:
        self.writer.flush()

    def finish(self, now: float) -> None:
        """The child has ended: read all that is left, then the unfinished last lines."""
        while self.poll(now):
            self.flush()
        for stream, points in self.tails.close():
            self.writer.add(points, stream, now)
        self.writer.finish()

    @property
    def warnings(self) -> list[str]:
        return [*self.tails.warnings, *self.sidecar.warnings, *self.writer.warnings]


def _open_file(path: str) -> Any:
    from exptrack.record.metrics.sidecars import reader_for

    reader = reader_for(path)
    if reader is None:
        reader = Sidecar(path)
    return reader
