"""What the recorder does from the fork to the seal: follow the output, capture beside it, sample, finish."""

from __future__ import annotations

import gc
import json
import os
import select
import time
from functools import partial

from exptrack import wire
from exptrack.actions.captures import Captures
from exptrack.actions.finish import finish
from exptrack.beside import Beside
from exptrack.config import Project
from exptrack.files import write_all
from exptrack.model import End
from exptrack.record import rundir
from exptrack.record.reading import Reading
from exptrack.record.sampler import Sampler
from exptrack.store.place import open_store
from exptrack.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exptrack.capture.snapshot import Snapshot
    from exptrack.record.discover import Watch

QUICK, CALM = 0.25, 1.0
HOLD = 86400.0


class Recording:
    """One run, seen from beside it."""

    def __init__(
        self,
        project: Project,
        run_dir: rundir.RunDir,
        snapshot: Snapshot,
        watch: Watch | None,
        orders: int,
        answers: int,
    ) -> None:
        self.watch = watch
        self.project, self.run_dir = project, run_dir
        self.snapshot, self.orders, self.answers = snapshot, orders, answers
        self.store = open_store(project.store)
        self.end: End | None = None
        self.has_begun = self.is_dropped = False
        self.sampler: Sampler | None = None
        self.warnings: list[str] = []
        self._heard = b""
        self._held = time.monotonic()

    def go(self) -> None:
        """The whole recording, until the run is sealed or dropped."""
        while not self.has_begun:
            if self.is_dropped or not self._hear():
                return
        self.start = self.run_dir.start()
        self.reading = Reading(self.run_dir, self.start.extra.get("reading", {}), self.start.cwd, self.watch)
        self.captures = Captures(self.project, self.store, self.run_dir, self.start, os.environ)
        capturing = Beside(lambda: self.captures.go(self.snapshot))
        self._follow()
        if self.is_dropped:
            return
        if self.end is None:
            self._outlive()
        capturing.join()
        result = finish(
            self.project,
            self.store,
            self.run_dir,
            self.start,
            self.end,
            self.reading,
            self.captures.data,
            self.warnings,
        )
        try:
            write_all(self.answers, b"\n" + json.dumps(result).encode("ascii") + b"\n")
        except BrokenPipeError:
            return  # the supervisor was killed: nobody to tell

    def _follow(self) -> None:
        """Until the supervisor says that the child ended, or is gone itself."""
        began, flushed = time.monotonic(), 0.0
        while self.end is None and not self.is_dropped:
            now = time.monotonic()
            ready, _, _ = select.select([self.orders], [], [], QUICK if now - began < CALM else CALM)
            if ready and not self._hear():
                return
            if not gc.isenabled() and now - began >= CALM:
                gc.freeze()  # off until here (run.py): a short run is over before there is garbage worth looking for
                gc.enable()
            while self._attempt(self._poll) and not select.select([self.orders], [], [], 0)[0]:
                pass
            now = time.monotonic()
            if now - flushed >= CALM:
                flushed = now
                self._attempt(self.reading.flush)
            if self.sampler and self.end is None and self.sampler.is_due(now):
                self._attempt(partial(self.sampler.sample, now))

    def _poll(self) -> bool:
        if time.monotonic() - self._held >= HOLD:
            self._held = time.monotonic()
            self._attempt(self.captures.hold)
        return self.reading.poll(time.time())

    def _attempt(self, step: Any) -> Any:
        """One failing step (a full disk, a file that went away) is said once and does not end the recording."""
        try:
            return step()
        except MemoryError:
            raise  # what was read and not yet written is lost in here: the supervisor reads it all again
        except Exception as e:  # noqa: BLE001 - whatever it is, the rest of the record must still be made
            text = f"while recording: {type(e).__name__}: {e}"
            if text not in self.warnings:
                self.warnings.append(text)
            return None

    def _hear(self) -> bool:
        """Read orders; False when the supervisor is gone without a word."""
        block = os.read(self.orders, 65536)
        *lines, self._heard = (self._heard + block).split(b"\n")
        for line in lines:
            word, _, rest = line.partition(b" ")
            if word == b"pid":
                self._attempt(partial(self._watch, int(rest)))
            elif word == b"end":
                self.end = wire.from_plain(End, json.loads(rest))
            elif word == b"begin":
                self.has_begun = True
            elif word == b"drop":
                self.is_dropped = True
        return bool(block)

    def _watch(self, pid: int) -> None:
        self.sampler = Sampler(self.run_dir.file(rundir.SAMPLES), pid, time.monotonic(), _gpu_reader())

    def _outlive(self) -> None:
        """The supervisor was killed. The child's output ended with it; the run is over when the child is.

        It may have been killed after it wrote end.json and before it told."""
        gc.enable()
        while rundir.is_child_alive(self.run_dir.read(rundir.PROCESS)):
            self._attempt(self._poll)
            self._attempt(self.reading.flush)
            time.sleep(CALM)
        self.end = self._attempt(self.run_dir.end)


def _gpu_reader() -> Any:
    from exptrack.capture.machine import gpu_reader

    return gpu_reader(os.environ)
