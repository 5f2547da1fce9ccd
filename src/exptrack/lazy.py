"""Regular expressions compiled when they are first used.

A run's whole recording may cost some tens of milliseconds of CPU. Compiling every family's expressions would take
twenty, and the lines of most programs need a handful of them.
"""

from __future__ import annotations

import re

from exptrack.typed import Any, cast


class _Lazy:
    """Stands in for a compiled pattern: the first use of any method compiles it and keeps the method at hand."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(self._text, self._flags), name)
        setattr(self, name, value)
        return value


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Like re.compile, later. An expression with an error shows at its first use: tests use every one."""
    return cast("re.Pattern[str]", _Lazy(text, flags))


def bytes_pattern(text: bytes, flags: int = 0) -> re.Pattern[bytes]:
    """The same for bytes."""
    return cast("re.Pattern[bytes]", _Lazy(text, flags))
