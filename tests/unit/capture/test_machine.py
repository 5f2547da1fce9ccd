"""The machine as the child meets it: limits of containers and schedulers included."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from exptrack.capture import machine
from exptrack.capture.machine import capture_machine, processor_name, system_name, usable_cores, usable_memory


@pytest.fixture
def cgroup(tmp_path, monkeypatch):
    """An empty tree of control groups: no limits but those a test writes."""
    monkeypatch.setattr(machine, "CGROUP", str(tmp_path))
    return tmp_path


def test_the_whole_machine(cgroup):
    found = capture_machine({"SLURM_JOB_ID": "7"})
    assert found.memory == psutil.virtual_memory().total
    assert found.cores == len(os.sched_getaffinity(0))
    assert os.uname().release in found.os
    assert found.cpu
    assert found.scheduler == {"kind": "slurm", "job": "7"}


def test_the_system_names_userland_and_kernel():
    assert system_name().endswith(f"{os.uname().sysname} {os.uname().release} {os.uname().machine}")


def test_a_processor_without_a_name_is_its_architecture(monkeypatch):
    monkeypatch.setattr(machine, "_read", lambda path, limit=0: "processor : 0\nBogoMIPS : 50.00\n")
    assert processor_name() == os.uname().machine
    monkeypatch.setattr(machine, "_read", lambda path, limit=0: "processor : 0\nmodel name\t: EPYC 9\n")
    assert processor_name() == "EPYC 9"


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu.max": "garbage"}, None),
    ],
)
def test_a_quota_narrows_the_cores(cgroup, files, cores):
    for name, text in files.items():
        (cgroup / name).parent.mkdir(exist_ok=True)
        (cgroup / name).write_text(text + "\n")
    assert usable_cores() == (cores or len(os.sched_getaffinity(0)))


def test_affinity_narrows_the_cores():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from exptrack.capture.machine import usable_cores; print(usable_cores())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


@pytest.mark.parametrize(
    ("name", "text", "memory"),
    [
        ("memory.max", "1048576", 1 << 20),
        ("memory/memory.limit_in_bytes", "1048576", 1 << 20),
        ("memory/memory.limit_in_bytes", "9223372036854771712", None),
        ("memory.max", "max", None),
    ],
)
def test_a_limit_narrows_the_memory(cgroup, name, text, memory):
    (cgroup / name).parent.mkdir(exist_ok=True)
    (cgroup / name).write_text(text + "\n")
    assert usable_memory() == (memory or psutil.virtual_memory().total)


def test_the_narrowest_group_counts(cgroup, monkeypatch):
    real = machine._read
    own = "1:cpu:/x\n0::/slurm/job_1/step_0\n"
    monkeypatch.setattr(machine, "_read", lambda p, n=65536: own if p == "/proc/self/cgroup" else real(p, n))
    (cgroup / "slurm" / "job_1" / "step_0").mkdir(parents=True)
    (cgroup / "slurm" / "job_1" / "memory.max").write_text("4096\n")
    (cgroup / "slurm" / "job_1" / "step_0" / "memory.max").write_text("max\n")
    assert usable_memory() == 4096
