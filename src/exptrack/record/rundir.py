"""The directory of one running run: live/<id>/ with a lock, start.json, process.json, logs, points, end.json.

The lock is flock'ed by every process of exptrack that belongs to the run, so the kernel says who is alive. Imported
before the child starts: records are read lazily, and start.json is written from plain data.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from exptrack.files import Lock, is_locked, read_bytes, remove_if_there, write_atomic

if TYPE_CHECKING:
    from exptrack.model import End, Start

START, PROCESS, END, LOCK = "start.json", "process.json", "end.json", "lock"
POINTS, SAMPLES, SIDECAR, CAPTURED = "points.jsonl", "samples.jsonl", "metrics.jsonl", "captured.json"
RECORDER_LOG = "recorder.log"
# Crockford's base 32, as in ULID: sorts as bytes, no letter that looks like a digit.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(now: float | None = None) -> str:
    """16 characters that sort by time: 9 of milliseconds since the epoch (good until the year 3084), 7 random ones."""
    number = (int((time.time() if now is None else now) * 1000) << 35) | (int.from_bytes(os.urandom(5), "big") >> 5)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(75, -5, -5))


def utc(now: float) -> str:
    """Seconds since the epoch -> 2026-11-22T21:54:03.120Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"


class RunDir:
    """One run's directory; whoever made or adopted it holds `lock`."""

    def __init__(self, path: str, lock: Lock | None = None) -> None:
        self.path = path
        self.id = os.path.basename(path)
        self.lock = lock

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def write(self, name: str, data: Mapping[str, Any], *, durable: bool = True) -> None:
        write_atomic(self.file(name), json.dumps(data).encode("ascii") + b"\n", durable=durable)

    def read(self, name: str) -> dict[str, Any] | None:
        """A JSON file of the run; None when it is not there (yet) or is none: what was not fsynced may be empty or
        half after a power loss, and then says no more than a missing one."""
        try:
            data = json.loads(read_bytes(self.file(name)))
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return data if isinstance(data, dict) else None

    def start(self) -> Start:
        """Damaged when it is no start, or another run's: a copied directory must not be sealed as its original."""
        from exptrack import wire
        from exptrack.errors import Damaged
        from exptrack.model import Start

        start = wire.decode(Start, read_bytes(self.file(START)), f"{START} of run {self.id}")
        if start.id != self.id:
            raise Damaged(f"{self.path} is a copy of run {start.id!r:.40}", "remove it if the original is elsewhere")
        return start

    def end(self) -> End | None:
        """How the child ended; None when nobody saw it (yet)."""
        from exptrack import wire
        from exptrack.model import End

        try:
            data = read_bytes(self.file(END))
        except FileNotFoundError:
            return None
        return wire.decode(End, data, f"{END} of run {self.id}")

    def begin(self, start: Mapping[str, Any]) -> None:
        """Write start.json and fsync it: from here on the run exists, whatever happens."""
        self.write(START, {"format": 1, **start})

    def remove(self) -> None:
        """Delete the directory, its lock last: while the lock is there, nobody takes the rest for an abandoned run."""
        # More than once: somebody who asks for the lock may have made it again, and on NFS a file that is still open
        # stays under another name. A directory without start.json is no run; `stillborn` finds what is left.
        for _ in range(3):
            for name in sorted(os.listdir(self.path), key=lambda n: n == LOCK):
                remove_if_there(self.file(name))
            try:
                os.rmdir(self.path)
            except OSError as e:
                if e.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                return

    @property
    def is_alive(self) -> bool:
        """Does anything of this run live: a process of ours (the lock), or the child itself?"""
        return is_locked(self.file(LOCK)) or is_child_alive(self.read(PROCESS))


def claim(live: str, run_id: str) -> RunDir:
    """Make the directory of a new run and take its lock; the run exists from `begin` on. FileExistsError when the id is
    taken, OSError when the disk will not have it; then nothing is left behind."""
    path = os.path.join(live, run_id)
    os.mkdir(path, 0o700)
    run = RunDir(path, Lock(os.path.join(path, LOCK)))
    try:
        assert run.lock is not None
        run.lock.acquire(wait=True)
    except BaseException:
        run.remove()
        raise
    return run


class ProcessId(NamedTuple):
    """A process named so that no later one is taken for it: pids are reused, (pid, start tick, boot) is not."""

    pid: int
    started: str
    boot: str
    host: str


def identify(pid: int) -> ProcessId:
    """Who `pid` is now. Without /proc (macOS) the start tick is empty and the pid alone has to do."""
    return ProcessId(pid, _start_tick(pid) or "", _boot(), os.uname().nodename)


def is_child_alive(data: Mapping[str, Any] | None) -> bool:
    """Does the process that process.json names still run here? False for another host: its lock has to speak."""
    if not data or data.get("host") != os.uname().nodename or data.get("boot") != _boot():
        return False
    pid = data.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    started, tick = data.get("started") or None, _start_tick(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return tick in (
            started,
            None,
        )  # somebody else's by now, or our child under another user whom we may not look at
    return tick == started


def _start_tick(pid: int) -> str | None:
    """Field 22 of /proc/PID/stat (proc_pid_stat(5)); None when the process is gone, a zombie, or there is no /proc."""
    try:
        stat = read_bytes(f"/proc/{pid}/stat")
    except OSError:
        return None
    rest = stat[stat.rindex(b")") + 2 :].split()
    return None if rest[0] in (b"Z", b"X") else rest[19].decode()


def _boot() -> str:
    try:
        return read_bytes("/proc/sys/kernel/random/boot_id").decode().strip()
    except OSError:
        return ""


def live_runs(live: str) -> list[RunDir]:
    """Every run directory that has a start.json, oldest first; dead ones too (`is_alive` tells)."""
    return [r for r in _directories(live) if os.path.exists(r.file(START))]


# A directory without start.json is a run that is about to begin, or one whose start was killed this many seconds ago.
STILLBORN = 60.0


def stillborn(live: str) -> list[RunDir]:
    """Directories that never became a run, or are all that is left of one, and are too old to become one."""
    old, found = time.time() - STILLBORN, []
    for run in _directories(live):
        try:
            if not os.path.exists(run.file(START)) and os.stat(run.path).st_mtime < old:
                found.append(run)
        except FileNotFoundError:
            continue  # it has just been removed
    return found


def _directories(live: str) -> list[RunDir]:
    """What is called like a run; a copy (`ID.bak`) or a stray file is none."""
    try:
        names = sorted(os.listdir(live))
    except FileNotFoundError:
        return []
    return [
        RunDir(os.path.join(live, n)) for n in names if len(n) == 16 and n.isascii() and n.isalnum() and n == n.lower()
    ]
