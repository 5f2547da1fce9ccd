from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from nvml_stub import build


@pytest.fixture(scope="session")
def nvml_stub(tmp_path_factory):
    """The folder of a libnvidia-ml.so.1 that answers as two H100 would."""
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def with_gpus(nvml_stub):
    """Run a piece of Python beside the stub, which STUB_... variables lead; its `answer` comes back from JSON."""

    def run(code, *, library=nvml_stub, timeout=60, **variables):
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("CUDA_", "NVIDIA_"))}
        env = {**keep, "LD_LIBRARY_PATH": str(library), **variables}
        program = f"import json, os\n{code}\nprint(json.dumps(answer))"
        done = subprocess.run(
            [sys.executable, "-c", program], env=env, capture_output=True, timeout=timeout, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return run
