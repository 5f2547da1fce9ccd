"""What a training uses of its GPUs, read again and again: memory, utilisation, energy.

The memory is that of the given processes. Where the driver cannot tell them apart (another process namespace, some
virtual GPUs) it is the devices' own, and the reading says so. May block in the driver: see GuardedMeter.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from exptrack.capture.gpus import NvmlError, open_nvml
from exptrack.capture.patience import Errand
from exptrack.typed import Any, NamedTuple

PATIENCE = 2.0
_NOISE = 64 << 20  # what drivers and contexts of nobody take and give back by themselves


class GpuReading(NamedTuple):
    """Bytes, percent (mean over the visible GPUs), joules since the meter was made; None where nobody can tell."""

    memory: int | None = None
    utilisation: float | None = None
    energy: float | None = None
    is_whole_device: bool = False


class GpuMeter:
    """Reads the GPUs that a child with these variables can see. Raises NvmlError when there is no usable driver."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._nvml = open_nvml()
        self._devices = self._nvml.visible(env)
        self._idle = [self._used(handle) for _, handle in self._devices]
        self._joules = self._energy()
        self._has_met_own = False

    def read(self, pids: set[int]) -> GpuReading:
        """The use of these processes now."""
        if not self._devices:
            return GpuReading()
        memory = [self._memory(place, pids) for place in range(len(self._devices))]
        known = [m for m, _ in memory if m is not None]
        rates = [self._nvml.ask("nvmlDeviceGetUtilizationRates", handle) for _, handle in self._devices]
        busy = [float(r.gpu) for r in rates if r is not None]
        energy = self._energy()
        return GpuReading(
            memory=sum(known) if known else None,
            utilisation=sum(busy) / len(busy) if busy else None,
            energy=max(0.0, energy - self._joules) if energy is not None and self._joules is not None else None,
            is_whole_device=any(is_whole for _, is_whole in memory),
        )

    def close(self) -> None:
        """Let the driver go; the meter cannot be read afterwards."""
        self._nvml.ask("nvmlShutdown")

    def _used(self, handle: Any) -> int | None:
        memory = self._nvml.ask("nvmlDeviceGetMemoryInfo", handle)
        return int(memory.used) if memory is not None else None

    def _memory(self, place: int, pids: set[int]) -> tuple[int | None, bool]:
        """(bytes, whether they are the whole device's)."""
        handle = self._devices[place][1]
        processes = self._nvml.ask("nvmlDeviceGetComputeRunningProcesses_v3", handle)
        if processes is None:  # drivers before R510
            processes = self._nvml.ask("nvmlDeviceGetComputeRunningProcesses_v2", handle)
        if processes is not None:
            own = [p.usedGpuMemory for p in processes if p.pid in pids]
            self._has_met_own = self._has_met_own or bool(own)
            if all(m is not None for m in own) and (own or not self._is_blind(place, processes)):
                return sum(own), False
        return self._used(handle), True

    def _is_blind(self, place: int, processes: list[Any]) -> bool:
        """None of the processes is ours: because we use nothing here, or because the driver numbers them otherwise?"""
        if self._has_met_own:
            return False
        if processes:
            return any(not os.path.exists(f"/proc/{p.pid}") for p in processes)
        used, idle = self._used(self._devices[place][1]), self._idle[place]
        return used is not None and idle is not None and used > idle + _NOISE

    def _energy(self) -> float | None:
        """Joules of the visible GPUs together; None with MIG, where a GPU's energy is not one instance's."""
        if any(device.instance for device, _ in self._devices):
            return None
        used = [self._nvml.ask("nvmlDeviceGetTotalEnergyConsumption", handle) for _, handle in self._devices]
        return sum(used) / 1000 if used and None not in used else None


class GuardedMeter:
    """A GpuMeter that cannot hang its caller: it is made and read in threads, and one that does not answer within
    PATIENCE seconds gives an empty reading. As long as it hangs nothing more is asked of it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._meter: GpuMeter | None = None
        self._env = dict(env)
        self._errand = Errand(self._make)
        self._is_late = False

    def __call__(self, pids: set[int]) -> GpuReading:
        if not self._errand.wait(0 if self._is_late else PATIENCE):
            self._is_late = True
            return GpuReading()
        self._is_late = False
        meter = self._meter
        if meter is None:
            return GpuReading()
        self._errand = Errand(lambda: meter.read(pids))
        if not self._errand.wait(PATIENCE):
            self._is_late = True
            return GpuReading()
        found = self._errand.result
        return found if isinstance(found, GpuReading) else GpuReading()

    def _make(self) -> None:
        try:
            self._meter = GpuMeter(self._env)
        except NvmlError:
            return  # said once already, where the machine is described
