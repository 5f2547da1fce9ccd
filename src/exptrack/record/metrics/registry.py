"""The families in the order they are asked. The surest shapes come first; plain pairs, which read almost anything,
come last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from exptrack.record.metrics.families import bars, blocks, boxes, dicts, pairs, sentences, tables
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.state import Found, State


class Family(NamedTuple):
    """A family of formats: its cheap test and its reader (see families/__init__.py)."""

    name: str
    may_read: Callable[[str, State], bool]
    read: Callable[[Line, State], list[Found] | None]


FAMILIES: tuple[Family, ...] = tuple(
    Family(module.NAME, module.may_read, module.read)
    for module in (bars, sentences, dicts, blocks, boxes, tables, pairs)
)
