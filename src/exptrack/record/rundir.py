"""The directory of one running run: live/<id>/ with a lock, start.json, process.json, logs, points, end.json.

The lock is flock'ed by every process of exptrack that belongs to the run, so the kernel says who is alive. It tells
whose kernel that is: a run of another machine on a shared disk shows by changing files. Imported before the child
starts: records are read lazily, and start.json is written from plain data.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Mapping

from exptrack.files import Lock, is_locked, read_bytes, remove_if_there, sync_folder, write_all, write_atomic
from exptrack.typed import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from exptrack.model import End, Start

START, PROCESS, END, LOCK = "start.json", "process.json", "end.json", "lock"
POINTS, SAMPLES, SIDECAR, CAPTURED = "points.jsonl", "samples.jsonl", "metrics.jsonl", "captured.json"
RECORDER_LOG, RESERVE, ORDERS = "recorder.log", "reserve", "orders.jsonl"
# Bytes set aside at the start, so that a disk that is full at the end still takes how the training ended.
RESERVED = 16384
# Bytes; two dozen orders are 2 KiB.
# Of a JSON file of a run: as of any record (wire.py, which is not imported before the child starts).
MOST_BYTES = 256 << 20
_MOST_ORDERS = 1 << 16
# A run of another machine in which nothing has changed for so many seconds is dead; the recorder sees to it that
# something changes ten times as often. The clocks of the two machines may differ by less than that.
SILENT_ELSEWHERE = 300.0
PULSE = 30.0
# Crockford's base 32, as in ULID: sorts as bytes, no letter that looks like a digit.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(now: float | None = None) -> str:
    """16 characters that sort by time: 9 of milliseconds since the epoch (good until the year 3084), 7 random ones."""
    number = (int((time.time() if now is None else now) * 1000) << 35) | (int.from_bytes(os.urandom(5), "big") >> 5)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(75, -5, -5))


def time_of_id(run_id: str) -> float:
    """Seconds since the epoch that `new_id` was told; 0.0 for what is no id of ours."""
    milliseconds = 0
    for character in run_id[:9]:
        milliseconds = milliseconds * 32 + max(0, _ALPHABET.find(character))
    return milliseconds / 1000


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

    def write_end(self, end: Mapping[str, Any]) -> None:
        """end.json, on a full disk in the room that was kept for it."""
        try:
            self.write(END, end)
        except OSError as e:
            if e.errno not in (errno.ENOSPC, errno.EDQUOT) or not remove_if_there(self.file(RESERVE)):
                raise
            self.write(END, end)

    def note_order(self, order: Mapping[str, Any]) -> None:
        """One order to stop (orders.py), as it came. Not synced: what it is for is the kill of every process."""
        fd = os.open(self.file(ORDERS), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, json.dumps(order).encode("ascii") + b"\n")
        finally:
            os.close(fd)

    def orders(self) -> list[dict[str, Any]]:
        """The orders to stop so far, oldest first; a torn or foreign line is none."""
        try:
            lines = read_bytes(self.file(ORDERS), _MOST_ORDERS).split(b"\n")
        except OSError:
            return []
        found = []
        for line in lines:
            try:
                order = json.loads(line)
                found.append({"signal": str(order["signal"]), "reach": str(order["reach"]), "at": float(order["at"])})
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
        return found

    def read(self, name: str) -> dict[str, Any] | None:
        """A JSON file of the run; None when it is not there (yet) or is none: what was not fsynced may be empty or
        half after a power loss, and then says no more than a missing one."""
        try:
            data = json.loads(read_bytes(self.file(name), MOST_BYTES))
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return data if isinstance(data, dict) else None

    def start(self) -> Start:
        """Damaged when it is no start, or another run's: a copied directory must not be sealed as its original."""
        from exptrack import wire
        from exptrack.errors import Damaged
        from exptrack.model import Start

        start = wire.decode(Start, read_bytes(self.file(START), MOST_BYTES), f"{START} of run {self.id}")
        if start.id != self.id:
            raise Damaged(f"{self.path} is a copy of run {start.id!r:.40}", "remove it if the original is elsewhere")
        return start

    def end(self) -> End | None:
        """How the child ended; None when nobody saw it (yet)."""
        from exptrack import wire
        from exptrack.model import End

        try:
            data = read_bytes(self.file(END), MOST_BYTES)
        except FileNotFoundError:
            return None
        return wire.decode(End, data, f"{END} of run {self.id}")

    def begin(self, start: Mapping[str, Any]) -> None:
        """Write start.json and fsync it: from here on the run exists, whatever happens."""
        fd = os.open(self.file(RESERVE), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, bytes(RESERVED))
        finally:
            os.close(fd)
        self.write(START, {"format": 1, **start})
        sync_folder(os.path.dirname(self.path))

    def remove(self) -> None:
        """Delete the directory: start.json first, for without it this is no run any more; its lock last, for while that
        is held nobody else touches the rest. A directory that is gone already is fine."""
        # More than once: somebody who asks for the lock may have made it again, and on NFS a file that is still open
        # stays under another name. `stillborn` finds what is left.
        for _ in range(3):
            try:
                for name in sorted(os.listdir(self.path), key=lambda n: (n != START, n == LOCK)):
                    remove_if_there(self.file(name))
                os.rmdir(self.path)
            except FileNotFoundError:
                return
            except OSError as e:
                if e.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                return

    @property
    def is_alive(self) -> bool:
        """Does anything of this run live: a process of ours (the lock), or the child itself?

        Locks may be local to a machine even on a shared disk, and processes always are: of a run elsewhere, only files
        that change tell."""
        if is_locked(self.file(LOCK)):
            return True
        if self.is_elsewhere:
            return time.time() - self._last_change() < SILENT_ELSEWHERE
        return is_child_alive(self.read(PROCESS))

    @property
    def is_elsewhere(self) -> bool:
        """Was it made by another kernel? A container has another host name but the same boot, and locks that count;
        a machine that was started again has the same name, and nothing of the run lives."""
        boot, host = self._origin()
        return bool(boot) and boot != _boot() and host != os.uname().nodename

    @property
    def is_known(self) -> bool:
        """Has its maker come as far as to take the lock and say who it is?"""
        return bool(self._origin()[0])

    def _origin(self) -> tuple[str, str]:
        """(boot, host) of the maker; empty before it said so, and when a power loss has cut what it said."""
        try:
            line = read_bytes(self.file(LOCK), 4096).decode("utf-8", "replace")
        except OSError:
            return "", ""
        boot, _, host = line.strip().partition(" ")
        return (boot, host) if line.endswith("\n") else ("", "")

    def _last_change(self) -> float:
        """Seconds since the epoch; of the newest file, for logs go on growing when the recorder has died."""
        try:
            return max((entry.stat().st_mtime for entry in os.scandir(self.path)), default=0.0)
        except FileNotFoundError:
            return 0.0

    def pulse(self) -> None:
        """Show other machines that this run lives. OSError when the disk or the directory has gone."""
        os.utime(self.file(LOCK))


def claim(live: str, run_id: str) -> RunDir:
    """Make the directory of a new run and take its lock; the run exists from `begin` on. FileExistsError when the id is
    taken, OSError when the disk will not have it; then nothing is left behind."""
    path = os.path.join(live, run_id)
    os.mkdir(path, 0o700)
    run = RunDir(path, Lock(os.path.join(path, LOCK)))
    try:
        assert run.lock is not None
        run.lock.acquire(wait=True)
        write_all(run.lock.fd, f"{_boot()} {os.uname().nodename}\n".encode())
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
    return [r for r in directories(live) if os.path.exists(r.file(START))]


# A directory without start.json whose maker did not come as far as its lock: this many seconds old, nobody will.
STILLBORN = 60.0


def stillborn(live: str) -> list[RunDir]:
    """Directories that are no run (any more); those not alive will never be one."""
    old, found = time.time() - STILLBORN, []
    for run in directories(live):
        try:
            if not os.path.exists(run.file(START)) and (run.is_known or os.stat(run.path).st_mtime < old):
                found.append(run)
        except FileNotFoundError:
            continue  # it has just been removed
    return found


def directories(live: str) -> list[RunDir]:
    """What is called like a run; a copy (`ID.bak`) or a stray file is none."""
    try:
        names = sorted(os.listdir(live))
    except FileNotFoundError:
        return []
    return [
        RunDir(os.path.join(live, n)) for n in names if len(n) == 16 and n.isascii() and n.isalnum() and n == n.lower()
    ]
