"""GPU use of a training: its own where the driver can tell, and never a hang of ours."""

from __future__ import annotations

import pytest

from nvml_stub import build

GIB = 1 << 30
METER = """
from exptrack.capture.meter import GpuMeter
own = os.getpid()
def say(rows, used=None):
    with open(os.environ["STUB_PROCESSES"], "w") as f:
        f.write("".join("%d %d %d\\n" % row for row in rows))
    if used is not None:
        with open(os.environ["STUB_USED"], "w") as f:
            f.write(str(used))
say([], 1 << 30)
meter = GpuMeter(os.environ)
"""


@pytest.fixture
def read(with_gpus, tmp_path):
    """Run code that leaves `answer`, with files that tell the stub which processes use how much."""
    files = {"STUB_PROCESSES": str(tmp_path / "processes"), "STUB_USED": str(tmp_path / "used")}
    return lambda code, **variables: with_gpus(METER + code, **files, **variables)


def test_memory_is_that_of_the_training_alone(read):
    code = "say([(0, own, 3 << 30), (0, 1, 50 << 30), (1, own, 1 << 30)])\nanswer = meter.read({own, 999999})"
    memory, utilisation, energy, is_whole = read(code)
    assert (memory, utilisation, is_whole) == (4 * GIB, 40.0, False)
    assert energy == 10.0


def test_a_training_that_uses_no_gpu_uses_none(read):
    code = "say([(0, 1, 50 << 30)], 51 << 30)\nanswer = meter.read({own})"
    assert read(code, STUB_GPUS="1")[0] == 0


@pytest.mark.parametrize("library", ["new", "old"])
def test_drivers_before_r510_have_the_older_call(read, tmp_path, library):
    options = {"library": build(tmp_path / "old", "-DOLD")} if library == "old" else {}
    assert read("say([(0, own, 7)])\nanswer = meter.read({own})", **options)[0] == 7


def test_a_process_without_a_figure_gives_the_device_s(read):
    code = "say([(0, own, -1)], 5 << 30)\nanswer = meter.read({own})"
    assert read(code, STUB_GPUS="1")[::3] == [5 * GIB, True]


def test_pids_of_another_namespace_give_the_device_s(read):
    code = "say([(0, 99999999, 3 << 30)], 5 << 30)\nanswer = meter.read({own})"
    assert read(code, STUB_GPUS="1")[::3] == [5 * GIB, True]


def test_pids_that_are_hidden_give_the_device_s(read):
    code = "say([], 5 << 30)\nanswer = meter.read({own})"
    assert read(code, STUB_GPUS="1")[::3] == [5 * GIB, True]


def test_once_met_our_numbers_are_believed(read):
    code = "say([(0, own, 3)])\nmeter.read({own})\nsay([(0, 99999999, 9)], 5 << 30)\nanswer = meter.read({own})"
    assert read(code, STUB_GPUS="1")[::3] == [0, False]


@pytest.mark.parametrize(
    ("function", "reading"),
    [
        ("nvmlDeviceGetUtilizationRates", [7, None, 5.0, False]),
        ("nvmlDeviceGetTotalEnergyConsumption", [7, 30.0, None, False]),
        ("nvmlDeviceGetMemoryInfo", [7, 30.0, 5.0, False]),
        ("nvmlDeviceGetComputeRunningProcesses_v3", [7, 30.0, 5.0, False]),
        ("nvmlDeviceGetComputeRunningProcesses_v3,nvmlDeviceGetComputeRunningProcesses_v2", [GIB, 30.0, 5.0, True]),
    ],
)
def test_what_the_driver_cannot_tell_costs_only_itself(read, function, reading):
    code = "say([(0, own, 7)])\nanswer = meter.read({own})"
    assert read(code, STUB_GPUS="1", STUB_UNSUPPORTED=function) == reading


def test_only_visible_gpus_are_read(read):
    code = "say([(0, own, 7), (1, own, 8)])\nanswer = meter.read({own})"
    assert read(code, CUDA_VISIBLE_DEVICES="1") == [8, 50.0, 5.0, False]
    assert read(code, CUDA_VISIBLE_DEVICES="") == [None, None, None, False]


def test_a_mig_instance_has_no_energy_of_its_own(read):
    code = "say([(0, own, 7)])\nanswer = meter.read({own})"
    assert read(code, STUB_GPUS="1", STUB_MIG="0", CUDA_VISIBLE_DEVICES="MIG-00") == [7, None, None, False]


GUARDED = """
import exptrack.capture.meter as meters
meters.PATIENCE = 0.3
from exptrack.capture.machine import gpu_reader
read = gpu_reader(os.environ)
answer = [read({os.getpid()}), read({os.getpid()})]
"""


@pytest.mark.parametrize("function", ["nvmlInitWithFlags", "nvmlDeviceGetUtilizationRates"])
def test_a_hanging_driver_gives_empty_readings_and_lets_the_process_end(with_gpus, function):
    assert with_gpus(GUARDED, STUB_HANG=function) == [[None, None, None, False]] * 2


def test_a_guarded_meter_reads_as_the_meter_does(with_gpus, tmp_path):
    code = GUARDED.replace("PATIENCE = 0.3", "PATIENCE = 30")
    assert with_gpus(code, STUB_GPUS="1") == [[0, 30.0, 5.0, False], [0, 30.0, 10.0, False]]


def test_a_driver_that_cannot_be_opened_gives_empty_readings(with_gpus):
    code = GUARDED.replace("PATIENCE = 0.3", "PATIENCE = 30")
    assert with_gpus(code, STUB_INIT="9") == [[None, None, None, False]] * 2


def test_a_closed_meter_has_let_the_driver_go(read):
    assert read("import pynvml\nmeter.close()\nanswer = pynvml._nvmlLib_refcount") == 0
