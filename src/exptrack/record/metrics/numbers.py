"""How numbers are printed: the one grammar every family reads values with.

`TOKENS` walks a text and tells numbers (group `num`) from what only looks like one: clock times, dates, versions,
addresses and numbers with a unit (group `junk`), and counters `3/20` (group `count`).
"""

from __future__ import annotations

from exptrack.lazy import pattern

# Possessive: a number is read whole or not at all, and four thousand digits in a row cost no more than they should.
# Fortran prints a D before the exponent.
PLAIN = r"(?:\d{1,3}(?:,\d{3})++(?:\.\d++)?|\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++|D[-+]\d\d++)?+"
NUMBER = rf"[-+]?{PLAIN}"
NOT_FINITE = r"[-+]?(?:nan|NaN|NAN|inf|Inf|INF|infinity|Infinity)\b"

_JUNK = (
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?)?|\d\d?/\d\d?/\d{2,4}\b"
    r"|\d+:\d\d(?::\d\d)?(?:[.,]\d+)?s?(?![\w:])"
    r"|v?\d+\.\d+\.\d+[\w.+-]*|0x[0-9a-fA-F]+"
    rf"|{NUMBER}\s?(?:[a-zA-Zµμ]{{0,9}}/(?:s|sec|second|step|it|iter|epoch|batch|sample|example|image|img|min|h)\w*)"
    rf"|{NUMBER}(?!nan|inf|[eE][-+]?\d)[a-zA-Zµμ]{{1,4}}(?![\w@])"
    r"|(?i:nan|inf)(?:s|ms)\b"
)
TOKENS = pattern(
    rf"(?<![\w.@#^-])(?:(?P<junk>{_JUNK})"
    rf"|(?P<count>\d[\d,]*\s*/\s*\d[\d,]*(?![\w.])|\d+\.0/\d+\.0(?==))"
    rf"|(?P<num>{NUMBER}|{NOT_FINITE})(?!\w|[-:]\d|\.\d))"
    rf"|(?<=[=:\s(\[,|])(?P<neg>[-+](?:{PLAIN}|(?i:nan|inf(?:inity)?)\b))(?!\w|[-:]\d|\.\d)"
)
_WHOLE = pattern(rf"(?:{NUMBER}|{NOT_FINITE})\Z")
_ODD_NAN = pattern(r"[-+]?(?:nan|NaN|NAN)\Z")


_VECTOR = pattern(r"\[\s*([-+]?\d[\d.eE+-]*)(?:[,\s][^\]]*)?\]\Z")


def to_float(text: str) -> float:
    """The printed number as float64: `1,234.5`, `1e-5`, `nan`, `-nan`, `inf` included. ValueError for anything else."""
    if text[-1:] in "nN" and _ODD_NAN.match(text):
        return float("nan")
    return float(text.replace(",", "").replace("D", "e"))


def to_count(text: str) -> int | float:
    """A printed step or epoch: an int when it has no fraction, so that 3 stays 3."""
    value = to_float(text)
    return int(value) if value == value and abs(value) < 1e18 and value == int(value) else value


def cell_value(text: str) -> float | None:
    """A table cell or quoted value that is a number and nothing else, `%` allowed; None otherwise."""
    bare = text.strip().removesuffix("%").rstrip()
    return to_float(bare) if _WHOLE.match(bare) else None


def first_of(cell: str) -> str:
    """Of a vector in a cell the first number counts; other cells as they are."""
    return _VECTOR.sub(r"\1", cell) if cell[:1] == "[" else cell
