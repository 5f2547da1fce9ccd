"""What a process tree uses, by the tree itself: real processes, real memory, a GPU that is handed in."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys

import pytest

from exptrack.capture.meter import GpuReading
from exptrack.model import Usage
from exptrack.record.sampler import FIRST, SLOW, SLOW_AFTER, WHOLE_DEVICE, Sampler, read_usage, tree_memory

MEGABYTE = 1 << 20
# Holds some memory in itself and in a grandchild, says so, and waits for its stdin to end.
FAMILY = """
import os, sys
held = b"x" * (40 << 20)
pid = os.fork()
if not pid:
    pid = os.fork()
    if not pid:
        held = bytearray(os.urandom(1)) * (60 << 20)
        print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)
sys.stdin.read()
os.waitpid(pid, 0)
"""


@pytest.fixture
def family():
    process = subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    yield process
    process.communicate()


@pytest.fixture
def nobody():
    """The pid of a process that is gone."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_memory_of_the_whole_family_counts(family):
    memory, pids = tree_memory(family.pid)
    assert family.pid in pids
    assert len(pids) == 3
    assert memory > 100 * MEGABYTE


def test_a_process_that_is_gone_uses_nothing(nobody):
    assert tree_memory(nobody) == (0, set())


def test_a_zombie_is_no_reason_to_fail():
    process = subprocess.Popen([sys.executable, "-c", "print('end', flush=True)"], stdout=subprocess.PIPE)
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended and nobody has asked yet
    memory, _ = tree_memory(process.pid)
    assert memory == 0
    process.wait()
    process.stdout.close()


def test_a_sample_is_a_line_with_the_gpu_of_the_familys_processes(family, tmp_path):
    asked = []

    def read_gpus(pids):
        asked.append(pids)
        return GpuReading(3 * MEGABYTE, 50.0, None)

    sampler = Sampler(str(tmp_path / "s"), family.pid, 100.0, read_gpus)
    sampler.sample(101.5)
    sampler.sample(102.5)
    first, second = rows(tmp_path / "s")
    assert (first["t"], second["t"]) == (1.5, 2.5)
    assert first["rss"] > 100 * MEGABYTE
    assert first["processes"] == 3
    assert (first["gpu_memory"], first["gpu"], first["joules"]) == (3 * MEGABYTE, 50.0, None)
    assert family.pid in asked[0]


def test_memory_that_may_be_of_others_is_said_to_be(family, tmp_path):
    def read_gpus(pids):
        return GpuReading(3 * MEGABYTE, 50.0, None, is_whole_device=len(readings) == 1)

    readings = []
    sampler = Sampler(str(tmp_path / "s"), family.pid, 0.0, read_gpus)
    for n in range(3):
        readings.append(n)
        sampler.sample(1.0 + n)
    usage, said = read_usage((tmp_path / "s").read_bytes().splitlines(), None, None)
    assert usage.max_gpu_memory == 3 * MEGABYTE
    assert said == [WHOLE_DEVICE]


def test_without_gpus_none_are_invented(family, tmp_path):
    sampler = Sampler(str(tmp_path / "s"), family.pid, 0.0, None)
    sampler.sample(1.0)
    assert not {"gpu", "gpu_memory", "joules"} & set(rows(tmp_path / "s")[0])


def test_when_the_child_is_gone_nothing_is_written(nobody, tmp_path):
    Sampler(str(tmp_path / "s"), nobody, 0.0, None).sample(1.0)
    assert not (tmp_path / "s").exists()


def test_often_at_first_and_seldom_later(nobody, tmp_path):
    sampler = Sampler(str(tmp_path / "s"), nobody, 100.0, None)
    assert not sampler.is_due(100.0)
    assert sampler.is_due(100.0 + FIRST)
    sampler.sample(101.0)
    assert sampler.next == 101.0 + FIRST
    sampler.sample(100.0 + SLOW_AFTER)
    assert sampler.next == 100.0 + SLOW_AFTER + SLOW
    three_weeks = 3 * 7 * 86400
    assert three_weeks / SLOW * 120 < 50 * MEGABYTE


def test_a_full_disk_leaves_no_half_line(family, tmp_path):
    sampler = Sampler(str(tmp_path / "s"), family.pid, 0.0, None)
    sampler.sample(1.0)
    size = (tmp_path / "s").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
    try:
        with pytest.raises(OSError, match="large"):
            sampler.sample(2.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    sampler.sample(3.0)
    assert [r["t"] for r in rows(tmp_path / "s")] == [1.0, 3.0]


# --- samples -> usage ------------------------------------------------------------------------------------------------


def lines(*samples):
    return [json.dumps(s).encode() for s in samples]


def test_usage_is_peaks_means_and_the_last_of_the_meter():
    said = lines(
        {"rss": 10, "gpu": 20.0, "gpu_memory": 5, "joules": 1.0},
        {"rss": 30, "gpu": 40.0, "gpu_memory": 9, "joules": 2.5},
        {"rss": 20, "gpu": None, "gpu_memory": None, "joules": None},
    )
    usage = Usage(cpu_seconds=1.5, max_rss=30, max_gpu_memory=9, gpu_utilisation=30.0, energy_joules=2.5)
    assert read_usage(said, 1.5, 25) == (usage, [])


def test_the_end_knows_of_a_peak_no_sample_saw():
    assert read_usage(lines({"rss": 10}), None, 25)[0].max_rss == 25


def test_nothing_measured_is_none_and_not_zero():
    assert read_usage([], None, None) == (Usage(), [])
    assert read_usage([], 0.5, 0) == (Usage(cpu_seconds=0.5), [])


@pytest.mark.parametrize("odd", [b"", b'{"rss": 9', b"5", b"null", b"[1]", b"\xff", b'{"rss": "x"}', b'{"other": 1}'])
def test_a_torn_or_odd_line_costs_no_other(odd):
    assert read_usage([*lines({"rss": 10}), odd, *lines({"rss": 20})], None, None)[0].max_rss == 20
