"""GPUs through NVML: what the child can see, each property on its own, nothing invented where there is none.

Any call into NVML may block for ever in a sick driver, nvmlInit first of all: everything here is to be run where a hang
does no harm (see patience.py). Only this module knows pynvml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from exptrack.capture.driver import has_driver
from exptrack.capture.visible_gpus import Device, uses_indexes, visible_devices
from exptrack.model import Gpu
from exptrack.typed import Any, NamedTuple


class GpuFacts(NamedTuple):
    """`cuda`: the newest CUDA the driver can run, as 13.0."""

    gpus: tuple[Gpu, ...] = ()
    cuda: str | None = None
    warnings: tuple[str, ...] = ()


class NvmlError(Exception):
    """NVML is there and cannot be used; the text is its own."""


def capture_gpus(env: Mapping[str, str]) -> GpuFacts:
    """The GPUs and MIG instances that a child with these variables can see. May block in the driver."""
    if not has_driver(env):
        return GpuFacts()
    try:
        with session() as nvml:
            found = nvml.visible(env)
            driver, cuda = nvml.ask("nvmlSystemGetDriverVersion"), nvml.ask("nvmlSystemGetCudaDriverVersion_v2")
            gpus = tuple(_describe(nvml, device, handle, driver) for device, handle in found)
    except NvmlError as e:
        return GpuFacts(warnings=(f"GPUs not recorded: {e}",))
    warnings: tuple[str, ...] = ()
    if uses_indexes(env) and len({g.name for g in gpus}) > 1:
        warnings = ("different GPUs are chosen by number without CUDA_DEVICE_ORDER=PCI_BUS_ID: they may be swapped",)
    return GpuFacts(gpus, _version(cuda), warnings)


def _describe(nvml: Nvml, device: Device, handle: Any, driver: str | None) -> Gpu:
    memory = nvml.ask("nvmlDeviceGetMemoryInfo", handle)
    name = nvml.ask("nvmlDeviceGetName", handle) or ""
    physical = nvml.ask("nvmlDeviceGetHandleByIndex", device.number)
    capability = nvml.ask("nvmlDeviceGetCudaComputeCapability", physical)
    mig = None
    if device.instance:
        # The profile is in the name: NVIDIA H100 80GB HBM3 MIG 1g.10gb
        mig = name.partition(" MIG ")[2] or "instance {}/{}".format(*device.instance)
    return Gpu(
        index=device.number,
        name=name,
        uuid=device.uuid,
        memory=int(memory.total) if memory is not None else None,
        driver=driver,
        mig=mig,
        capability="{}.{}".format(*capability) if capability else None,
    )


def _version(number: int | None) -> str | None:
    return f"{number // 1000}.{number % 1000 // 10}" if number else None


class Nvml:
    """An open NVML. `ask` gives None for what this driver, device or permission cannot tell."""

    def __init__(self, binding: Any) -> None:
        self.binding = binding

    def ask(self, function: str, *arguments: Any) -> Any:
        """One question. Drivers answer NOT_SUPPORTED, lack whole functions, and lose GPUs at any time."""
        errors = (self.binding.NVMLError, self.binding.NVMLLibraryMismatchError, UnicodeDecodeError)
        if any(a is None for a in arguments):
            return None
        try:
            return getattr(self.binding, function)(*arguments)
        except errors:
            return None

    def visible(self, env: Mapping[str, str]) -> list[tuple[Device, Any]]:
        """Devices a child with these variables can see, with their handles."""
        handles = dict(self._devices())
        return [(device, handles[device]) for device in visible_devices(list(handles), env)]

    def _devices(self) -> Iterator[tuple[Device, Any]]:
        for index in range(self.ask("nvmlDeviceGetCount") or 0):
            handle = self.ask("nvmlDeviceGetHandleByIndex", index)
            if handle is None:
                continue  # fallen off the bus
            uuid = self.ask("nvmlDeviceGetUUID", handle) or ""
            mode = self.ask("nvmlDeviceGetMigMode", handle)
            if mode and mode[0]:
                yield from self._instances(index, handle, uuid)
            else:
                yield Device(index, uuid, uuid), handle

    def _instances(self, index: int, gpu: Any, gpu_uuid: str) -> Iterator[tuple[Device, Any]]:
        """MIG instances; the places of NVML's list that hold none are errors and left out."""
        for place in range(self.ask("nvmlDeviceGetMaxMigDeviceCount", gpu) or 0):
            handle = self.ask("nvmlDeviceGetMigDeviceHandleByIndex", gpu, place)
            if handle is not None:
                uuid = self.ask("nvmlDeviceGetUUID", handle) or ""
                ids = [self.ask(f"nvmlDeviceGet{what}InstanceId", handle) or 0 for what in ("Gpu", "Compute")]
                yield Device(index, gpu_uuid, uuid, (ids[0], ids[1])), handle


@contextmanager
def session() -> Iterator[Nvml]:
    """NVML opened for a block. Raises NvmlError when there is none or it refuses."""
    nvml = open_nvml()
    try:
        yield nvml
    finally:
        nvml.ask("nvmlShutdown")


def open_nvml() -> Nvml:
    """For longer than a block: whoever calls this asks `nvmlShutdown` at the end. Raises NvmlError."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as e:
        raise NvmlError(f"NVML: {e}") from e
    return Nvml(pynvml)
