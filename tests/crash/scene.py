"""A project in which runs die: training programs, who belongs to a run, and what must hold afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from drive import is_alive, wait_for
from exptrack.actions.find import find_runs
from exptrack.actions.logs import read_logs
from exptrack.actions.recover import recover
from exptrack.actions.reindex import reindex
from exptrack.actions.verify import verify
from exptrack.config import Project, find_project
from exptrack.model import Run
from exptrack.record import rundir
from exptrack.store.place import Store, open_store
from tool import EXPTRACK, Tool

# `-S -E`: a training that starts in 15 ms, so that many of them can die in a minute.
PYTHON = (sys.executable, "-S", "-E")
# Prints a line, waits for nobody; `go` in the folder ends it, so that a test decides how long it lives.
UNTIL_TOLD = """
import os, sys, time
open("pid", "w").write(str(os.getpid()))
for step in range(100000):
    print(f"step={step} loss={1 / (step + 1):.6f}", flush=True)
    if os.path.exists("go"):
        break
    time.sleep(0.01)
open("model.bin", "w").write("weights " * 1000)
print("done", flush=True)
sys.exit(3 if os.path.exists("fail") else 0)
"""
STEPS = """
import sys, time
for step in range(20):
    print(f"step={step} loss={1 / (step + 1):.6f}", flush=True)
    time.sleep(0.005)
open("model.bin", "w").write("weights " * 1000)
"""
# Twenty more, from where the attempt before stopped, as `next` says: no step is told twice, each line is a point.
STEPS_ON = """
import time
first = int(open("next").read())
for step in range(first, first + 20):
    print(f"step={step} loss={1 / (step + 1):.6f}", flush=True)
    time.sleep(0.005)
open("model.bin", "w").write("weights " * 1000)
"""


class Crowd(NamedTuple):
    """The processes of one run, as far as they live. `aides` are the witness and the anchor."""

    recorder: int | None
    command: int | None
    aides: tuple[int, ...]


class Victim:
    """One `exptrack run` that a test does something to. Its stdout is a file: what the user saw."""

    def __init__(
        self,
        scene: Scene,
        command: list[str],
        options: list[str],
        before: list[str],
        prepare: Callable[[], None] | None,
    ) -> None:
        self.mark = uuid.uuid4().hex
        self.seen, self.said = (scene.beside / f"{self.mark}.{name}" for name in ("out", "err"))
        self.command = command
        self.live = str(scene.live)
        self.known: set[int] = set()
        with self.seen.open("wb") as out, self.said.open("wb") as err:
            self.process = subprocess.Popen(
                [*before, *options, "--", *command],
                cwd=scene.folder,
                env={**scene.tool.env, "CRASH_MARK": self.mark},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=prepare,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def family(self) -> list[int]:
        """Everything that lives and has our mark in its environment, children of children too."""
        mark = f"CRASH_MARK={self.mark}".encode()
        for pid in (int(p) for p in os.listdir("/proc") if p.isdigit()):
            try:
                if mark in Path(f"/proc/{pid}/environ").read_bytes():
                    self.known.add(pid)
            except OSError:
                continue
        # One that is just ending has no environment any more, but may still hold its locks.
        return [pid for pid in self.known if is_alive(pid)]

    def crowd(self) -> Crowd:
        command = None
        leaders: dict[int, int] = {}
        aides = []
        for pid in self.family():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
                leader = os.getsid(pid)
                parent = int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
            except (OSError, ProcessLookupError):
                continue
            if pid == self.pid:
                continue
            if words == [os.fsencode(w) for w in self.command]:
                command = pid
            elif b"run" in words and leader == pid:
                leaders[pid] = parent
            elif b"run" in words:
                aides.append(pid)
        # What the recorder starts in a session of its own looks like the recorder until it has become git or Python.
        recorder = next((pid for pid, parent in leaders.items() if parent not in leaders), None)
        # Before the command runs there is none: what looks like one is the recorder on its way into its own session.
        return Crowd(recorder, command, tuple(aides) if command else ())

    def wait(self) -> int:
        return self.process.wait(60)

    def wait_for_all(self) -> None:
        """Until nothing of it lives."""
        self.family()
        self.wait()
        wait_for(lambda: not self.family(), "the end of every process of the run")
        # One that was ending when it was first looked for is not known; the kernel lets go of its lock last.
        there = [*rundir.live_runs(self.live), *rundir.stillborn(self.live)]
        wait_for(lambda: not any(r.is_alive for r in there), "the locks of dead processes")

    def clear(self) -> None:
        self.process.kill()
        for pid in self.family():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()


class Scene:
    """A project folder, its store, and the questions asked after every crash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.beside = folder.parent  # where stdout and stderr of the runs go
        (folder / ".exptrack" / "live").mkdir(parents=True)
        self.tool = Tool(folder)
        self.victims: list[Victim] = []

    @property
    def project(self) -> Project:
        found = find_project(str(self.folder))
        assert found is not None
        return found

    @property
    def store(self) -> Store:
        return open_store(self.project.store)

    @property
    def live(self) -> Path:
        return Path(self.project.live)

    def start(
        self,
        program: str,
        *options: str,
        before: list[str] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> Victim:
        """`before`: what to execute instead of the installed command; `prepare` is called in the new process first."""
        path = self.folder / "train.py"
        if not path.exists() or path.read_text() != program:  # others may be reading it
            path.write_text(program)
        command = [*PYTHON, "train.py"]
        victim = Victim(self, command, list(options), before or [EXPTRACK, "run"], prepare)
        self.victims.append(victim)
        return victim

    def clear(self) -> None:
        for victim in self.victims:
            victim.clear()

    def directory(self) -> Path | None:
        """The one run directory there is, from its first moment."""
        return next(self.live.iterdir(), None)

    def wait_for_file(self, name: str, holds: str = "") -> Path:
        """The run's file of that name, once it is there (and holds that)."""
        found: list[Path] = []

        def is_there() -> bool:
            folder = self.directory()
            if folder and (folder / name).exists() and (not holds or holds in (folder / name).read_text()):
                found.append(folder / name)
            return bool(found)

        wait_for(is_there, f"{name} {holds}")
        return found[0]

    def runs(self) -> dict[str, Run]:
        """What `ls` shows, with whatever is dead sealed on the way as `ls` does."""
        project = self.project
        if any(not r.is_alive for r in rundir.live_runs(project.live)):
            recover(project)
        return {r.id: r for r in find_runs(project, open_store(project.store), [])}

    def statuses(self) -> dict[str, str]:
        return {i: r.status for i, r in self.runs().items()}

    def log(self, run: Run) -> bytes:
        return b"".join(read_logs(self.project, self.store, run, None))

    def check(self) -> dict[str, Run]:
        """Nothing lives any more: `ls`, `recover`, `reindex`, `ls` and `verify` agree, nothing named is damaged or
        missing, and no run directory is left. Returns the runs."""
        before = self.runs()
        assert "running" not in {r.status for r in before.values()}
        age_what_nobody_knows(self.live)
        assert recover(self.project)[1] == []
        assert reindex(self.project, self.store).problems == ()
        after = self.runs()
        assert list(after) == list(before)
        for run_id, run in before.items():
            assert after[run_id] == run
        assert list(self.live.iterdir()) == []
        check_store(self.store)
        assert verify(self.store).problems == ()
        for run in after.values():
            self.check_points(run)
        return after

    def check_points(self, run: Run) -> None:
        """Every line of the log that tells a loss is a point of the record."""
        told = len(re.findall(rb"^step=\d+ loss=\d\.\d{6}$", self.log(run), re.M))
        metric = run.manifest.metrics.get("loss")
        assert (metric.count if metric else 0) == told


def age_what_nobody_knows(live: Path) -> None:
    """Directories without a whole lock, of a crash before it was there or after it was removed: they are removed when
    they are a minute old."""
    for unknown in [d for d in live.iterdir() if not rundir.RunDir(str(d)).is_known]:
        os.utime(unknown, (0, 0))


def check_store(store: Store) -> None:
    """Every object has the bytes its name says, every manifest can be read, and what it names is there."""
    for path in Path(store.objects.root).glob("??/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.parent.name + path.name
    for run_id in store.records.run_ids():
        for digest in named_by(json.loads(store.records.manifest_bytes(run_id))):
            assert store.objects.is_whole(digest), f"{run_id} names {digest}, which is not there"


def named_by(manifest: dict[str, object]) -> list[str]:
    """Digests of objects a manifest names: artifacts, logs, points and code (inputs are named, not kept)."""
    found: list[str] = []

    def look(value: object) -> None:
        if isinstance(value, dict):
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)
        elif isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
            found.append(value)

    attempts = manifest.get("attempts", [])
    assert isinstance(attempts, list)
    for one in (manifest, *attempts):
        look({k: v for k, v in one.items() if k in ("artifacts", "logs", "points", "code", "tree")})
    return found


def kill(pid: int | None, number: int = signal.SIGKILL) -> bool:
    """False when there is no such process (any more)."""
    try:
        if pid:
            os.kill(pid, number)
            return True
    except ProcessLookupError:
        return False
    return False


def watch(is_so: Callable[[], bool], victim: Victim) -> bool:
    """Poll as fast as possible until something is so, or the run is over: then it was too quick to be seen."""
    while victim.process.poll() is None:
        if is_so():
            return True
    return is_so()


def sleep_until(moment: float) -> None:
    """To be at a random instant is the point here; nothing is waited for."""
    time.sleep(max(0.0, moment - time.monotonic()))


def step_of(scene: Scene, name: str) -> Callable[[], bool]:
    """Has the run come to this step? Asked of the file system alone."""

    def is_there() -> bool:
        folder = scene.directory()
        if name == "claimed":
            return folder is not None
        if name == "sealed":
            return any((scene.folder / ".exptrack" / "store" / "runs").glob("*.json"))
        return folder is not None and (folder / name).exists()

    return is_there


# In the order in which a run comes to them.
BEFORE_START = ("claimed", "lock", "recorder.log")
RECORDED = ("start.json", "process.json", "stdout.log", "captured.json", "points.jsonl")
ENDING = ("end.json", "stdout.log.masked", "sealed")
