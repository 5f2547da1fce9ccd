"""Which GPUs a child can see, by CUDA_VISIBLE_DEVICES as CUDA reads it. Pure: devices in, devices out.

https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables: indexes, UUIDs or their unique
beginnings; the first entry that names nothing ends the list. MIG: https://docs.nvidia.com/datacenter/tesla/mig-user-guide/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exptrack.typed import NamedTuple


class Device(NamedTuple):
    """One GPU, or one MIG instance of it. `number` and `gpu_uuid`: the physical one's; `instance`: its GPU and
    compute instance ids, None for a whole GPU."""

    number: int
    gpu_uuid: str
    uuid: str
    instance: tuple[int, int] | None = None


def visible_devices(devices: Sequence[Device], env: Mapping[str, str]) -> list[Device]:
    """Of all devices in NVML's order (a GPU in MIG mode as its instances), those the child can see, in its order.

    An index or UUID of a GPU in MIG mode stands for all its instances: a CUDA process takes the first, but its
    siblings may take others."""
    if env.get("NVIDIA_VISIBLE_DEVICES") in ("none", "void"):
        return []
    wanted = env.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return list(devices)
    seen: list[Device] = []
    for entry in wanted.split(","):
        named = _named(devices, entry.strip())
        if not named or named[0] in seen:
            break
        seen += named
    return seen


def uses_indexes(env: Mapping[str, str]) -> bool:
    """Are GPUs chosen by number? CUDA numbers the fastest first, NVML by the bus, unless CUDA_DEVICE_ORDER says so."""
    wanted = env.get("CUDA_VISIBLE_DEVICES", "")
    return env.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID" and any(e.strip().isdigit() for e in wanted.split(","))


def _named(devices: Sequence[Device], entry: str) -> list[Device]:
    if entry.isascii() and entry.isdigit():
        return [d for d in devices if d.number == int(entry)] if len(entry) < 9 else []
    lower = entry.lower()
    if lower.startswith("mig-gpu-"):  # drivers before R470: MIG-GPU-<uuid>/<gpu instance>/<compute instance>
        uuid, _, instance = lower.removeprefix("mig-").partition("/")
        return [
            d
            for d in devices
            if d.gpu_uuid.lower() == uuid and d.instance and f"{d.instance[0]}/{d.instance[1]}" == instance
        ]
    if lower.startswith("mig-"):
        found = [d for d in devices if d.uuid.lower().startswith(lower)]
        return found if len(found) == 1 else []
    if lower.startswith("gpu-"):
        found = [d for d in devices if d.gpu_uuid.lower().startswith(lower)]
        return found if len({d.gpu_uuid for d in found}) == 1 else []
    return []
