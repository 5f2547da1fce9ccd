"""What the child's process tree uses, sampled: peak memory, CPU seconds, GPU use. Appended to samples.jsonl.

Often at first, then every ten seconds: a three-week run must not leave a gigabyte of samples. The GPU is asked through
a callable that is handed in, since this room does not know how to see one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable

from exptrack.files import write_all
from exptrack.model import Usage
from exptrack.typed import Any, Protocol

FIRST, SLOW, SLOW_AFTER = 1.0, 10.0, 60.0
WHOLE_DEVICE = (
    "peak GPU memory is that of the whole device: the driver does not tell it by process (as in most containers)"
)
_WHOLE = "gpu_memory_of_all"


class GpuReading(Protocol):
    """Bytes, percent, joules since the meter was made; None where the driver cannot tell. `is_whole_device`: others'
    memory may be among the bytes."""

    @property
    def memory(self) -> int | None: ...
    @property
    def utilisation(self) -> float | None: ...
    @property
    def energy(self) -> float | None: ...
    @property
    def is_whole_device(self) -> bool: ...


class Sampler:
    """Samples the tree below `pid` when `is_due`. psutil is imported at the first sample, not at the start."""

    def __init__(self, path: str, pid: int, now: float, read_gpus: Callable[[set[int]], GpuReading] | None) -> None:
        self.path, self.pid, self.read_gpus = path, pid, read_gpus
        self.began = now
        self.next = now + FIRST

    def is_due(self, now: float) -> bool:
        return now >= self.next

    def sample(self, now: float) -> None:
        """One line: seconds since the start, bytes of all processes together, GPU figures."""
        self.next = now + (FIRST if now - self.began < SLOW_AFTER else SLOW)
        memory, pids = tree_memory(self.pid)
        if not pids:
            return
        row: dict[str, Any] = {"t": round(now - self.began, 3), "rss": memory, "processes": len(pids)}
        if self.read_gpus is not None:
            reading = self.read_gpus(pids)
            row |= {"gpu_memory": reading.memory, "gpu": reading.utilisation, "joules": reading.energy}
            row |= {_WHOLE: True} if reading.is_whole_device else {}
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        size = os.fstat(fd).st_size
        try:
            write_all(fd, json.dumps(row).encode("ascii") + b"\n")
        except OSError:
            os.ftruncate(fd, size)  # half a line would spoil the next one too
            raise
        finally:
            os.close(fd)


def tree_memory(pid: int) -> tuple[int, set[int]]:
    """Resident bytes of a process and all its descendants, and who they are; (0, empty) when it is gone."""
    import psutil

    try:
        top = psutil.Process(pid)
        family = [top, *top.children(recursive=True)]
    except psutil.Error:
        return 0, set()
    total, pids = 0, set()
    for process in family:
        try:
            total += process.memory_info().rss
            pids.add(process.pid)
        except psutil.Error:
            continue  # it ended between the listing and the question
    return total, pids


def read_usage(lines: Iterable[bytes], cpu_seconds: float | None, max_rss: int | None) -> tuple[Usage, list[str]]:
    """Samples and what wait4 said at the end (CPU of all, memory of the largest single process) -> Usage, warnings."""
    rows: list[dict[str, Any]] = []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue  # a torn last line after a crash
        if isinstance(row, dict):
            rows.append(row)
    memory = [r["rss"] for r in rows if isinstance(r.get("rss"), int)]
    if max_rss:
        memory.append(max_rss)
    gpu = [r["gpu"] for r in rows if r.get("gpu") is not None]
    gpu_memory = [r["gpu_memory"] for r in rows if r.get("gpu_memory") is not None]
    joules = [r["joules"] for r in rows if r.get("joules") is not None]
    usage = Usage(
        cpu_seconds=cpu_seconds,
        max_rss=max(memory) if memory else None,
        max_gpu_memory=max(gpu_memory) if gpu_memory else None,
        gpu_utilisation=round(sum(gpu) / len(gpu), 2) if gpu else None,
        energy_joules=joules[-1] if joules else None,
    )
    return usage, [WHOLE_DEVICE] if gpu_memory and any(_WHOLE in r for r in rows) else []
