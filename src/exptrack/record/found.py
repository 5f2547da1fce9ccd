"""All metric files of one run: those the user named and those that were found, followed together.

What is followed is written to found.json in the run directory, so that `recover` reads the same files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping

from exptrack.model import Point, Scalar
from exptrack.record.discover import Before, Candidate, Watch, remember
from exptrack.record.neighbours import Neighbours
from exptrack.record.rundir import END, START, RunDir
from exptrack.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exptrack.record.followed import Followed

FOUND = "found.json"
MOST_FILES = 64
# Files judged at one look, and seconds between two polls of the files that are followed.
JUDGED, EVERY = 50, 1.0
# A file changed so many seconds after the end of the run belongs to somebody else.
SLACK_NS = 2_000_000_000


class Files:
    """Polled beside the logs; costs nothing between looks. `watch` saw the working folder before the child started."""

    def __init__(self, run_dir: RunDir, how: Mapping[str, Any], cwd: str, watch: Watch | None = None) -> None:
        self._run_dir, self._cwd = run_dir, os.path.realpath(cwd)
        self.warnings: list[str] = []
        self._since = _mtime(run_dir.file(START))
        self._followed: dict[str, Followed] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._steps: dict[tuple[str, str], float] = {}
        self._foreign: set[str] = set()
        self._next = 0.0
        declared = [os.path.realpath(os.path.join(cwd, path)) for path in how.get("files", ())]
        self._folders = [path for path in declared if os.path.isdir(path)]
        self._declared = [path for path in declared if path not in self._folders]
        found = run_dir.read(FOUND)
        self._watch = self._watching(how, cwd, watch, has_begun=found is not None)
        self._before: dict[str, Before | None] = {}
        for path in self._declared:
            known = self._watch.before(path) if self._watch else None
            self._before[path] = known or remember(path, self._since)
        self._neighbours = Neighbours(run_dir, self._since, cwd)
        for path, before, is_declared in (found or {}).get("files", ()):
            self._follow(path, Before(*before) if before else None, is_declared=is_declared)

    def _watching(self, how: Mapping[str, Any], cwd: str, watch: Watch | None, *, has_begun: bool) -> Watch | None:
        is_searching = how.get("auto", True) and self._since > 0
        roots = [*self._folders, *(how.get("folders", ()) if is_searching else ())]
        if watch is None or not is_searching:
            roots += [cwd] if is_searching else []
            skip = os.path.dirname(os.path.dirname(self._run_dir.path))
            return Watch(roots, self._since, skip, has_begun=has_begun) if roots else None
        watch.begin(self._since, roots)
        return watch

    @property
    def params(self) -> dict[str, Scalar]:
        """Parameters that the followed files told of, in the order in which the files were found."""
        return {name: value for one in self._followed.values() for name, value in one.params.items()}

    def poll(self, *, is_last: bool = False, is_well: bool = False) -> Iterator[tuple[str, list[Point]]]:
        """(source, points) of each file that has new ones. `is_last`: the child has ended, and `is_well`: with 0; look
        once more."""
        now = time.monotonic()
        if not is_last and now < self._next:
            return
        self._next = now + EVERY
        for path in list(self._declared):
            if os.path.isdir(path):
                self._open_folder(path)
            elif path not in self._followed and os.path.exists(path):
                self._follow(path, self._before[path], is_declared=True)
        if self._watch and (is_last or self._watch.is_due(now)):
            self._look(is_last=is_last)
        for followed in self._followed.values():
            for _ in range(1 + is_last):
                while points := self._poll_one(followed):
                    yield self._source(followed), self._told_apart(followed, points)
                if is_last:
                    followed.end(is_well=is_well)

    def _open_folder(self, path: str) -> None:
        """A folder that was named before it was there."""
        self._declared.remove(path)
        self._folders.append(path)
        if self._watch is None:
            self._watch = Watch([path], self._since)
        else:
            self._watch.begin(self._since, [path])

    def _look(self, *, is_last: bool) -> None:
        assert self._watch is not None
        known, until = set(self._followed), self._until() if is_last else None
        for judged, candidate in enumerate(self._watch.look(), 1):
            if judged > JUDGED and not is_last:
                self._watch.forget(candidate.path)
            elif until is None or _mtime(candidate.path) <= until:
                self._consider(candidate)
        if set(self._followed) != known:
            self._write()
        if is_last and self._foreign:
            self.warnings.append(
                f"{len(self._foreign)} metric files were left alone, as other runs of this project were going on at the"
                f" same time: name them with --metrics ({min(self._foreign)})"
            )

    def _consider(self, candidate: Candidate) -> None:
        from exptrack.record.followed import judge

        path, watch = candidate.path, self._watch
        assert watch is not None
        if path in self._followed:
            return
        is_declared = any(path.startswith(folder + os.sep) for folder in self._folders)
        verdict = is_declared or judge(path)
        if not verdict:
            if verdict is None:
                watch.forget(path)
            return
        if not is_declared and self._neighbours.are_there() and not self._neighbours.is_ours(path):
            self._foreign.add(self._label(path))
            watch.forget(path)
            return
        self._foreign.discard(self._label(path))
        self._follow(path, candidate.before, is_declared=is_declared)

    def _follow(self, path: str, before: Before | None, *, is_declared: bool) -> None:
        from exptrack.record.followed import Followed

        if len(self._followed) < MOST_FILES:
            self._followed[path] = Followed(path, before, is_declared=is_declared)
        else:
            self._warn(f"more than {MOST_FILES} metric files; the others are not read")

    def _write(self) -> None:
        files = [[f.path, f.before, f.is_declared] for f in self._followed.values()]
        self._run_dir.write(FOUND, {"files": files}, durable=False)

    def _poll_one(self, followed: Followed) -> list[Point]:
        try:
            return followed.poll()
        except Exception as e:  # noqa: BLE001 - a file that cannot be read must not cost the metrics of the others
            self._warn(f"metrics file {self._label(followed.path)} not read: {type(e).__name__}: {e}")
            return []

    def _told_apart(self, followed: Followed, points: list[Point]) -> list[Point]:
        """Files of one kind in different folders (folds, sub-directories of TensorBoard) tell different series of one
        name: the later ones get their folder before it. Points that a grouped file told already are left out."""
        kind = "events" if followed.is_events else os.path.basename(followed.path)
        out = []
        for point in points:
            owner = self._owners.setdefault((kind, point.name), followed.group)
            if owner != followed.group:
                between = os.path.relpath(followed.group, os.path.commonpath([owner, followed.group]))
                point = point._replace(name=f"{between}/{point.name}" if between != "." else point.name)
            if followed.is_history and point.step is not None:
                key = (followed.group, point.name)
                if point.step <= self._steps.get(key, float("-inf")):
                    continue
                self._steps[key] = point.step
            out.append(point)
        return out

    def _source(self, followed: Followed) -> str:
        """`events:` for TensorBoard, whose numbers have 24 bits, a folder of event files being one source."""
        if followed.is_events:
            return "events:" + self._label(followed.group)
        name = os.path.basename(followed.path)
        return "file:" + self._label(os.path.join(followed.group, name) if followed.is_history else followed.path)

    def _label(self, path: str) -> str:
        inside = path == self._cwd or path.startswith(self._cwd + os.sep)
        return os.path.relpath(path, self._cwd) if inside else path

    def _until(self) -> int | None:
        """When the run was over (ns): its end, else the last word of its output. None when neither is known."""
        ended = _mtime(self._run_dir.file(END))
        logs = [_mtime(self._run_dir.file(s + ".log")) for s in ("stdout", "stderr", "terminal")]
        last = ended or max(logs)
        return last + SLACK_NS if last else None

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)


def _mtime(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
