"""Two ways to one sum: the interpreter's own for the first bytes of a process, OpenSSL's from then on."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import exptrack
from exptrack import sha256


@pytest.mark.parametrize("left", [0, 3, 1 << 18])
@pytest.mark.parametrize("data", [b"", b"abc", bytes(range(256)) * 9])
def test_the_sum_is_that_of_hashlib_whoever_makes_it(monkeypatch: pytest.MonkeyPatch, left: int, data: bytes) -> None:
    monkeypatch.setattr(sha256, "_left", left)
    assert sha256.sha256(data).hexdigest() == hashlib.sha256(data).hexdigest()
    summer = sha256.sha256(data[:2], size=len(data))
    summer.update(memoryview(data)[2:])
    assert summer.digest() == hashlib.sha256(data).digest()


def test_openssl_comes_when_there_is_much_to_hash() -> None:
    code = """
import sys; sys.path.insert(0, sys.argv[1])
from exptrack.sha256 import QUICK, sha256
sha256(bytes(QUICK // 2)); sha256(size=QUICK // 2)
print("_hashlib" in sys.modules); sha256(b"x"); print("_hashlib" in sys.modules)
"""
    src = str(Path(exptrack.__file__).parent.parent)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, src], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
