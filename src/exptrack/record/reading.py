"""Everything that tells metrics of one run, read together: logs, sidecar, files the program writes -> points.jsonl.

`start["reading"]` says how (patterns, ignore, rename, files), so that `recover` reads the same way as the recorder did.
"""

from __future__ import annotations

from collections.abc import Mapping

from exptrack.files import remove_if_there
from exptrack.model import Point, Scalar
from exptrack.record.discover import Watch
from exptrack.record.found import Files
from exptrack.record.naming import Naming
from exptrack.record.points import PointWriter
from exptrack.record.rundir import POINTS, SIDECAR, RunDir
from exptrack.record.sidecar import Sidecar
from exptrack.record.tail import STREAMS, Tails
from exptrack.typed import Any


class Reading:
    """Reads from the beginning of every log; points an earlier recorder wrote are replaced, not doubled. `watch` has
    looked at the working folder before the child started; `recover` has none."""

    def __init__(self, run_dir: RunDir, how: Mapping[str, Any], cwd: str, watch: Watch | None = None) -> None:
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
        self.files = Files(run_dir, how, cwd, watch)
        self._naming = Naming(
            ignore=how.get("ignore", ()),
            rename=how.get("rename", {}),
            aliases=how.get("aliases", {}),
            known=how.get("known", ()),
        )

    def poll(self, now: float) -> bool:
        """Take what is there now, at most a block a log; True when there is more to take at once. OSError when the disk
        did not take the points: they are kept, and written by a later flush."""
        has_more = self._take(now)
        if self.writer.is_due:
            self.flush()
        return has_more

    def _take(self, now: float, *, is_last: bool = False, is_well: bool = False) -> bool:
        found, has_more = self.tails.read()
        has_room = True
        for stream, points in found:
            self._add(points, stream, now)
        for points, columns in self.sidecar.read():
            self._add(points, "sidecar", now)
            self.writer.add_columns(self._naming.apply_to_columns(columns, "sidecar"), "sidecar", now)
            has_room = has_room and self._has_written()
        for source, points in self.files.poll(is_last=is_last, is_well=is_well):
            self._add(points, source, now)
            has_room = has_room and self._has_written()
        return has_more

    def _has_written(self) -> bool:
        """Write what is due, between the parts of a file of any size. False on a full disk, not to be asked again for
        every part: nothing is lost, and a later flush writes it or says why not."""
        if self.writer.is_due:
            try:
                self.flush()
            except OSError:
                return False
        return True

    def _add(self, points: list[Point], source: str, now: float) -> None:
        # The recogniser has renamed and left out what the user wants so already.
        self.writer.add(self._naming.apply(points, source, is_renamed=source in STREAMS), source, now)

    def flush(self) -> None:
        self.writer.flush()

    def finish(self, now: float, *, is_well: bool = False) -> None:
        """The child has ended (`is_well`: with 0): read all that is left, then the unfinished last lines. OSError when
        the disk is full."""
        while self._take(now):
            self._has_written()
        for stream, points in self.tails.close():
            self._add(points, stream, now)
        self.sidecar.end()
        self._take(now, is_last=True, is_well=is_well)
        self.writer.finish()

    @property
    def params(self) -> dict[str, Scalar]:
        """What the program said of its parameters itself: the sidecar wins over files found beside it."""
        return {**self.files.params, **self.sidecar.params}

    @property
    def units(self) -> dict[tuple[str, str], str]:
        """(source, recorded name) -> `%`."""
        out = {}
        for (stream, name), unit in self.tails.units.items():
            for point in self._naming.apply([Point(name, 0.0)], stream, is_renamed=True):
                out[stream, point.name] = unit
        return out

    @property
    def warnings(self) -> list[str]:
        return [*self.tails.warnings, *self.sidecar.warnings, *self.files.warnings, *self.writer.warnings]
