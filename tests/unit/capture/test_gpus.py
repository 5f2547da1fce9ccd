"""GPUs through the real binding, against a C stub of the driver."""

from __future__ import annotations

import os

import pytest

from exptrack.capture.driver import has_driver
from exptrack.capture.gpus import capture_gpus

FACTS = """
from exptrack.capture.gpus import capture_gpus
facts = capture_gpus(os.environ)
fields = ("index", "name", "uuid", "memory", "driver", "mig", "capability")
gpus = [{f: getattr(g, f) for f in fields} for g in facts.gpus]
answer = {"gpus": gpus, "cuda": facts.cuda, "warnings": facts.warnings}
"""
H100 = {
    "index": 0,
    "name": "NVIDIA H100 80GB HBM3",
    "uuid": "GPU-00000000-aaaa-bbbb-cccc-000000000000",
    "memory": 85520809984,
    "driver": "580.159.04",
    "mig": None,
    "capability": "9.0",
}


def uuids(answer):
    return [gpu["uuid"][:12] for gpu in answer["gpus"]]


def test_two_gpus(with_gpus):
    second = {**H100, "index": 1, "uuid": "GPU-00000001-aaaa-bbbb-cccc-000000000000"}
    assert with_gpus(FACTS) == {"gpus": [H100, second], "cuda": "13.0", "warnings": []}


def test_mig_instances_stand_for_their_gpu(with_gpus):
    found = with_gpus(FACTS, STUB_MIG="1")
    assert uuids(found) == ["GPU-00000000", "MIG-10000000", "MIG-11000000"]
    instance = found["gpus"][1]
    assert (instance["index"], instance["mig"], instance["memory"]) == (1, "3g.40gb", 42144366592)
    assert instance["capability"] == "9.0"


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        ("1", ["GPU-00000001"]),
        ("1,0", ["GPU-00000001", "GPU-00000000"]),
        ("GPU-00000001-aaaa", ["GPU-00000001"]),
        ("MIG-01", []),
        ("", []),
        ("-1", []),
        ("0,7,1", ["GPU-00000000"]),
        ("NoDevFiles", []),
    ],
)
def test_cuda_visible_devices(with_gpus, wanted, seen):
    assert uuids(with_gpus(FACTS, CUDA_VISIBLE_DEVICES=wanted)) == seen


def test_a_mig_instance_by_its_uuid(with_gpus):
    found = with_gpus(FACTS, STUB_MIG="0,1", CUDA_VISIBLE_DEVICES="MIG-11000000-aaaa-bbbb-cccc-000000000000")
    assert uuids(found) == ["MIG-11000000"]


@pytest.mark.parametrize(
    ("function", "field"),
    [
        ("nvmlDeviceGetName", "name"),
        ("nvmlDeviceGetMemoryInfo", "memory"),
        ("nvmlSystemGetDriverVersion", "driver"),
        ("nvmlDeviceGetCudaComputeCapability", "capability"),
        ("nvmlDeviceGetMigMode", "mig"),
    ],
)
def test_what_the_driver_does_not_support_costs_only_itself(with_gpus, function, field):
    found = with_gpus(FACTS, STUB_GPUS="1", STUB_UNSUPPORTED=function)["gpus"]
    assert [{**gpu, field: None} for gpu in found] == [{**H100, field: None}]
    assert found[0][field] in (None, "")


def test_a_lost_gpu_leaves_nothing_invented(with_gpus):
    assert with_gpus(FACTS, STUB_UNSUPPORTED="nvmlDeviceGetHandleByIndex_v2")["gpus"] == []


def test_a_driver_that_cannot_be_opened_is_a_warning(with_gpus):
    found = with_gpus(FACTS, STUB_INIT="9")
    assert (found["gpus"], found["cuda"]) == ([], None)
    assert found["warnings"] == ["GPUs not recorded: NVML: Driver Not Loaded"]


def test_different_gpus_chosen_by_number_may_be_swapped(with_gpus):
    names = {"STUB_NAMES": "NVIDIA L4,NVIDIA H100", "CUDA_VISIBLE_DEVICES": "0,1"}
    assert "CUDA_DEVICE_ORDER" in with_gpus(FACTS, **names)["warnings"][0]
    assert with_gpus(FACTS, **names, CUDA_DEVICE_ORDER="PCI_BUS_ID")["warnings"] == []
    assert with_gpus(FACTS, CUDA_VISIBLE_DEVICES="0,1")["warnings"] == []


def test_a_driver_that_hangs_costs_a_machine_only_its_gpus(with_gpus):
    code = """
import exptrack.capture.machine as machine
machine.GPU_PATIENCE = 0.3
warnings = []
found = machine.capture_machine(os.environ, warnings.append)
answer = [len(found.gpus), found.cores > 0, warnings]
"""
    for function in ("nvmlInitWithFlags", "nvmlDeviceGetName"):
        assert with_gpus(code, STUB_HANG=function) == [
            0,
            True,
            ["GPUs not recorded: the driver did not answer within 0.3 seconds"],
        ]


def test_the_machine_lists_its_gpus(with_gpus):
    code = """
from exptrack.capture.machine import capture_machine
found = capture_machine(os.environ)
answer = [[g.name for g in found.gpus], found.cuda]
"""
    assert with_gpus(code, STUB_GPUS="1") == [["NVIDIA H100 80GB HBM3"], "13.0"]


@pytest.mark.skipif(has_driver({}), reason="there is a GPU here")
def test_without_a_driver_there_are_no_gpus_and_no_binding_is_loaded(with_gpus, tmp_path):
    assert capture_gpus({}) == ((), None, ())
    code = "import sys\nfrom exptrack.capture.machine import capture_machine, gpu_reader\n"
    code += "answer = [len(capture_machine({}).gpus), gpu_reader({}) is None, 'pynvml' in sys.modules]"
    assert with_gpus(code, library=tmp_path) == [0, True, False]


def test_a_library_on_the_path_is_a_sign_of_a_driver(nvml_stub, tmp_path):
    assert has_driver({"LD_LIBRARY_PATH": f"{tmp_path}{os.pathsep}{nvml_stub}"})
