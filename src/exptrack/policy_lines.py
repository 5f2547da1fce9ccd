"""Where a key stands in a policy file: tomllib tells no positions, and an error without a line is a search."""

from __future__ import annotations

import re

_WORD = r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'"""
_DOTTED = rf"((?:{_WORD})(?:\s*\.\s*(?:{_WORD}))*)"


def line_of(place: tuple[str, ...], text: str) -> int:
    """The line (from 1) of a key of a TOML text, or of the inline table it stands in."""
    table: tuple[str, ...] = ()
    best, best_depth = 0, 0
    for i, line in enumerate(text.split("\n")):
        if m := re.match(rf"\s*\[{{1,2}}\s*{_DOTTED}\s*\]", line):
            here = table = _parts(m[1])
        elif m := re.match(rf"\s*{_DOTTED}\s*=", line):
            here = (*table, *_parts(m[1]))
        else:
            continue
        if here[: len(place)] == place:
            return i + 1
        if place[: len(here)] == here and len(here) > best_depth:
            best, best_depth = i, len(here)
    return best + 1


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in re.findall(_WORD, dotted))
