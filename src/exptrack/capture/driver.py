"""Is there an NVIDIA driver? Asked in every run, so that what reads GPUs is imported only where there is one."""

from __future__ import annotations

import os
from collections.abc import Mapping

_SIGNS = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")
_LIBRARY = "libnvidia-ml.so.1"


def has_driver(env: Mapping[str, str]) -> bool:
    """Is there any sign of an NVIDIA driver? Cheap, never blocks; importing pynvml costs 30 to 60 ms."""
    folders = env.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    return any(map(os.path.exists, _SIGNS)) or any(os.path.exists(os.path.join(f, _LIBRARY)) for f in folders if f)
