"""CUDA_VISIBLE_DEVICES as CUDA reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.capture.visible_gpus import Device, uses_indexes, visible_devices

A, B = Device(0, "GPU-aa11", "GPU-aa11"), Device(1, "GPU-aa22", "GPU-aa22")
C1, C2 = Device(2, "GPU-cc33", "MIG-11aa", (1, 0)), Device(2, "GPU-cc33", "MIG-11bb", (2, 0))
ALL = [A, B, C1, C2]


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        (None, ALL),
        ("0", [A]),
        ("1,0", [B, A]),
        (" 1 , 0 ", [B, A]),
        ("2", [C1, C2]),
        ("GPU-aa1", [A]),
        ("gpu-AA22", [B]),
        ("GPU-aa", []),
        ("GPU-cc33", [C1, C2]),
        ("MIG-11b", [C2]),
        ("MIG-11", []),
        ("MIG-GPU-cc33/2/0", [C2]),
        ("MIG-GPU-cc33/3/0", []),
        ("MIG-11aa,0", [C1, A]),
        ("0,0", [A]),
        ("0,9,1", [A]),
        ("0,-1,1", [A]),
        ("-1", []),
        ("", []),
        ("0,,1", [A]),
        ("all", []),
        ("9" * 5000, []),
        ("²", []),
    ],
)
def test_cuda_visible_devices(wanted, seen):
    assert visible_devices(ALL, {} if wanted is None else {"CUDA_VISIBLE_DEVICES": wanted}) == seen


@pytest.mark.parametrize(("wanted", "count"), [("none", 0), ("void", 0), ("all", 4), ("0", 4)])
def test_a_container_without_gpus(wanted, count):
    assert len(visible_devices(ALL, {"NVIDIA_VISIBLE_DEVICES": wanted})) == count


@given(st.text(max_size=20))
def test_no_value_raises_or_invents(wanted):
    seen = visible_devices(ALL, {"CUDA_VISIBLE_DEVICES": wanted})
    assert set(seen) <= set(ALL)
    assert len(set(seen)) == len(seen)


def test_indexes_depend_on_an_order():
    assert uses_indexes({"CUDA_VISIBLE_DEVICES": "0,1"})
    assert not uses_indexes({"CUDA_VISIBLE_DEVICES": "0,1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    assert not uses_indexes({"CUDA_VISIBLE_DEVICES": "GPU-aa11"})
    assert not uses_indexes({})
