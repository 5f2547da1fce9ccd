"""Texts that are kept in golden/ and compared whole; EXPTRACK_UPDATE_GOLDEN=1 writes them anew.

The escape character is written as ␛, so that a diff of the files can be read.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def assert_golden(name: str, text: str) -> None:
    """`text` is what golden/NAME.txt says."""
    path = FOLDER / f"{name}.txt"
    got = "\n".join(line.rstrip() for line in text.replace("\x1b", "␛").split("\n"))
    if os.environ.get("EXPTRACK_UPDATE_GOLDEN") == "1":
        path.write_text(got, encoding="utf-8")
    assert got == path.read_text(encoding="utf-8"), f"EXPTRACK_UPDATE_GOLDEN=1 writes {path.name} anew, if it is right"
