"""Numbers, sizes and times as people say them, and text that cannot reach past its place on a terminal. Pure."""

from __future__ import annotations

import math
import re
import time
import unicodedata

from exptrack.amounts import duration as duration
from exptrack.amounts import size as size
from exptrack.typed import Any

MINUTE, HOUR, DAY = 60, 3600, 86400
# Older than this, a date says more than a count of days.
DAYS_COUNTED = 60
# Floats are exact integers up to here; beyond, the exponent is the honest form.
_EXACT = 1e15

# C0 and C1 controls, line and paragraph separators, lone surrogates, and the marks that reorder text (CVE-2021-42574).
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def energy(joules: float | None) -> str:
    """Joules -> '12.3 J', '1.25 Wh', '0.42 kWh' as an electricity bill counts; '-' for None."""
    if joules is None or not math.isfinite(joules):
        return "-"
    hours = joules / HOUR
    if hours < 1:
        return f"{joules:.3g} J"
    return f"{hours:.3g} Wh" if hours < 1000 else f"{hours / 1000:.3g} kWh"


def moment(iso: str | None) -> float | None:
    """'2026-11-22T21:54:03.120Z' -> seconds since the epoch; None for what is no such time."""
    from datetime import UTC, datetime

    try:
        then = datetime.fromisoformat(iso or "")
    except ValueError:
        return None
    return (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp()


def age(iso: str | None, now: float) -> str:
    """A UTC time and the present one (seconds since the epoch) -> '3 min ago'; a date when long past or ahead."""
    then = moment(iso)
    if then is None:
        return iso or "-"
    past = now - then
    if past < -MINUTE or past >= DAYS_COUNTED * DAY:
        return time.strftime("%Y-%m-%d" if past > 0 else "%Y-%m-%d %H:%M", time.gmtime(then))
    if past < 1:
        return "just now"
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if past >= unit:
            return f"{int(past // unit)} {name} ago"
    return f"{int(past)} s ago"


def date(iso: str | None) -> str:
    """A stored UTC time as one reads it: '2026-11-22 21:54:03 UTC'."""
    then = moment(iso)
    return (iso or "-") if then is None else time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(then))


def number(value: float | None, digits: int = 6) -> str:
    """Six significant digits ('0.912346', '1e-05'); whole numbers in full; '-' for None."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return str(value)
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return f"{value:.{digits}g}"


def two_numbers(before: float, after: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart."""
    for digits in range(6, 18):
        pair = number(before, digits), number(after, digits)
        if pair[0] != pair[1]:
            break
    return pair


def scalar(value: Any) -> str:
    """A param or tag as text: true, 0.001, adam; '-' for None."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, (int, float)):
        return number(value)
    return str(value)


def clean(text: str, keep: str = "") -> str:
    """Text with everything a terminal would obey made visible: `\\x1b[31m` and not red. `keep`: characters left as they
    are, as the tab in source code."""
    if text.isprintable() and text.isascii():
        return text
    return UNSAFE.sub(lambda m: m[0] if m[0] in keep else _visible(m[0]), text)


def _visible(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"  # PEP 383: a byte of a file name that is no UTF-8
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def cells(text: str) -> int:
    """Columns a text takes on a terminal: wide characters (UAX #11) two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_cell(c) for c in text)


def _cell(character: str) -> int:
    if unicodedata.combining(character) or character in "\u200b\u200c\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
