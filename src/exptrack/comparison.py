"""What a comparison of two runs is: its changes by section. Frozen records without I/O, as in model.py."""

from __future__ import annotations

from collections.abc import Mapping

from exptrack.frozen import frozen
from exptrack.typed import Any


@frozen
class Change:
    """One difference between two runs. `kind`: added, removed, changed; `verdict`: better, worse or None; `note`: what
    the other fields cannot say (a binary file, a snapshot that is not in the store)."""

    key: str
    kind: str
    before: Any = None
    after: Any = None
    delta: float | None = None
    verdict: str | None = None
    added_lines: int | None = None
    removed_lines: int | None = None
    note: str | None = None


@frozen
class RunDiff:
    """Two runs compared: section name -> changes, sections in order of likeliest cause, empty ones left out."""

    a: str
    b: str
    sections: Mapping[str, tuple[Change, ...]]
