"""End to end: the real command in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tool import Tool


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    folder = tmp_path / "work"
    folder.mkdir()
    return Tool(folder)
