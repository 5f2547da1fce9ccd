"""Counts and sizes as messages of every floor say them: `1 run`, `2 runs`, `1.5 MiB`. Pure, and light to import."""

from __future__ import annotations

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
