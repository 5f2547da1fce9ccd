"""The machine as the child meets it: system, processor, cores and memory it may use (container limits included), GPUs,
and the scheduler that put it there. What the system does not say is empty or 0, never guessed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

from exptrack.capture.driver import has_driver
from exptrack.capture.scheduler import scheduler_facts
from exptrack.model import Machine
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.capture.gpus import GpuFacts
    from exptrack.capture.meter import GuardedMeter

GPU_PATIENCE = 10.0
CGROUP = "/sys/fs/cgroup"


def capture_machine(env: Mapping[str, str], warn: Callable[[str], None] | None = None) -> Machine:
    """Everything known of the machine. `warn` is told what could not be found out. Takes at most GPU_PATIENCE seconds
    when the GPU driver hangs, and milliseconds else."""
    facts = _gpus(env) if has_driver(env) else None
    if warn is not None and facts is not None:
        for text in facts.warnings:
            warn(text)
    return Machine(
        os=system_name(),
        cpu=processor_name(),
        cores=usable_cores(),
        memory=usable_memory(),
        gpus=facts.gpus if facts else (),
        cuda=facts.cuda if facts else None,
        scheduler=scheduler_facts(env),
    )


def _gpus(env: Mapping[str, str]) -> GpuFacts:
    from exptrack.capture.gpus import GpuFacts, capture_gpus
    from exptrack.capture.patience import Errand

    errand = Errand(lambda: capture_gpus(env))
    if not errand.wait(GPU_PATIENCE):
        return GpuFacts(warnings=(f"GPUs not recorded: the driver did not answer within {GPU_PATIENCE:g} seconds",))
    if isinstance(errand.result, GpuFacts):
        return errand.result
    return GpuFacts(warnings=(f"GPUs not recorded: {type(errand.error).__name__}: {errand.error}",))


def gpu_reader(env: Mapping[str, str]) -> GuardedMeter | None:
    """What the sampler reads GPUs with; None where there is no driver. Does not block."""
    if not has_driver(env):
        return None
    from exptrack.capture.meter import GuardedMeter

    return GuardedMeter(env)


def system_name() -> str:
    """`Ubuntu 24.04.1 LTS, Linux 6.8.0 x86_64`: the userland (a container's own) and the kernel."""
    name = os.uname()
    kernel = f"{name.sysname} {name.release} {name.machine}"
    if sys.platform == "darwin":
        import platform

        return f"macOS {platform.mac_ver()[0]}, {kernel}"
    for line in _read("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            userland = line.partition("=")[2].strip().strip("\"'")
            return f"{userland}, {kernel}"
    return kernel


def processor_name() -> str:
    """The model name of the first processor; on machines that have none (most ARM ones) the architecture."""
    for line in _read("/proc/cpuinfo", 8192).splitlines():  # 256 processors fill half a megabyte, all alike
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "cpu model"):
            return value.strip()
    if sys.platform == "darwin":
        import subprocess

        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    return os.uname().machine


def usable_cores() -> int:
    """Cores the child may run on: its affinity (taskset, SLURM), at most what a container's quota allows."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    quotas = [tuple(text.split()) for text in _limits("cpu.max")]  # "200000 100000": 2 cores; "max 100000": all
    quotas.append((_read(f"{CGROUP}/cpu/cpu.cfs_quota_us").strip(), _read(f"{CGROUP}/cpu/cpu.cfs_period_us").strip()))
    for quota in quotas:
        if len(quota) == 2 and all(q.isdigit() and int(q) for q in quota):
            cores = min(cores, max(1, -(-int(quota[0]) // int(quota[1]))))
    return cores


def usable_memory() -> int:
    """Bytes of memory, at most what a container may have."""
    total = 0
    for line in _read("/proc/meminfo", 4096).splitlines():
        if line.startswith("MemTotal:"):
            total = int(line.split()[1]) * 1024
    if not total and sys.platform != "linux":
        import psutil

        total = int(psutil.virtual_memory().total)
    limits = [*_limits("memory.max"), _read(f"{CGROUP}/memory/memory.limit_in_bytes")]
    return min([total, *(int(text) for text in limits if text.strip().isdigit())])


def _limits(name: str) -> list[str]:
    """A limit of our control group and of every one above it: the narrowest counts. Version 1 has no such files, and
    inside a container the root of the tree is our own group."""
    own = next((line[3:] for line in _read("/proc/self/cgroup").splitlines() if line.startswith("0::")), "")
    parts = [p for p in own.split("/") if p and p != ".."]
    folders = ["/".join([CGROUP, *parts[:depth]]) for depth in range(len(parts) + 1)]
    return [text for folder in folders if (text := _read(f"{folder}/{name}"))]


def _read(path: str, limit: int = 65536) -> str:
    try:
        with open(path, "rb") as f:
            return f.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""  # another system, or one that hides it
