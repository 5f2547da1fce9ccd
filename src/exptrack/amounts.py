"""Counts, sizes and durations as messages of every floor say them: `1 run`, `1.5 MiB`, `3 min 20 s`. Pure, and light to
import."""

from __future__ import annotations

import math

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def counted(number: int, noun: str, plural: str = "") -> str:
    """1, 'run' -> '1 run'; 2, 'run' -> '2 runs'; 0, 'entry', 'entries' -> '0 entries'."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def size(number: float | None) -> str:
    """Bytes -> '1.5 MiB' (powers of 1024); '-' for None."""
    if number is None:
        return "-"
    value, unit = float(number), 0
    # 1023.95 KiB would be printed as 1024.0 KiB.
    while abs(value) >= (1024 if unit == 0 else 1023.95) and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    return f"{value:.0f} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def duration(seconds: float | None) -> str:
    """Seconds -> '0.42 s', '12.3 s', '3 min 20 s', '2 h 05 min', '4 d 3 h'; '-' for None."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if seconds < 0:
        return "-" + duration(-seconds)
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"
