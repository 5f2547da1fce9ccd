"""A scene for every test here; whatever a test leaves running is killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crash.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "work")
    yield made
    made.clear()
