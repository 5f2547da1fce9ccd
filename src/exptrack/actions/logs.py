"""`logs`: what a run printed, raw, in the order it came; live and dead-but-unsealed runs from their directory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from exptrack.config import Project
from exptrack.model import Run
from exptrack.record.logs import replay
from exptrack.record.rundir import RunDir
from exptrack.record.tail import STREAMS
from exptrack.store.place import Store

WAIT = 0.2


def read_logs(project: Project, store: Store, run: Run, stream: str | None) -> Iterator[bytes]:
    """Blocks of the recorded output; `stream` picks stdout or stderr (a terminal run has both in one)."""
    folder = os.path.join(project.live, run.id)
    if os.path.isdir(folder):
        source = {s: os.path.join(folder, s + ".log") for s in STREAMS}
        source["chunks"] = os.path.join(folder, "chunks")
    else:
        source = {name: store.objects.path(digest) for name, digest in run.manifest.logs.items()}
    for name, block in replay({k: v for k, v in source.items() if os.path.exists(v)}):
        if stream is None or name in (stream, "terminal"):
            yield block


def follow_logs(project: Project, run: Run, write: Callable[[bytes], None], stream: str | None) -> None:
    """Write what a live run prints as it prints it, until it has ended; nothing for a sealed one."""
    run_dir = RunDir(os.path.join(project.live, run.id))
    names = [s for s in STREAMS if stream is None or s in (stream, "terminal")]
    offsets = dict.fromkeys(names, 0)
    is_last = False
    while True:
        moved = False
        for name in names:
            try:
                with open(run_dir.file(name + ".log"), "rb") as f:
                    f.seek(offsets[name])
                    block = f.read(1 << 20)
            except FileNotFoundError:
                continue
            if block:
                moved = True
                offsets[name] += len(block)
                write(block)
        if moved:
            continue
        if is_last:
            return
        # One more look after the end: what was printed between the last read and the end must not be lost.
        is_last = not os.path.isdir(run_dir.path) or not run_dir.is_alive or run_dir.end() is not None
        if not is_last:
            time.sleep(WAIT)
