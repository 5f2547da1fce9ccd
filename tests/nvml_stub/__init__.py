"""A driver for machines without one: the real binding (pynvml) talks to a small C library that answers as NVML does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def build(folder: Path, *options: str) -> Path:
    """Compile the stub into `folder`, which then belongs first on LD_LIBRARY_PATH. Skips the test without gcc."""
    if not shutil.which("gcc"):
        pytest.skip("no gcc to build the stub of NVML with")
    folder.mkdir(parents=True, exist_ok=True)
    source, target = Path(__file__).parent / "nvml.c", folder / "libnvidia-ml.so.1"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", *options, "-o", target, source], check=True)
    return folder
