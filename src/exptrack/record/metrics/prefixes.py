"""What loggers and launchers print before the message: timestamps, levels, logger names, rank tags.

They are taken off so that a family sees the message alone; the rank is kept, because ranks are separate series.
"""

from __future__ import annotations

import re

from exptrack.lazy import pattern
from exptrack.typed import NamedTuple

_LEVEL = r"(?:DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL|TRACE|SUCCESS)"
_LEVELS = ("DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "CRITICAL", "FATAL", "TRACE", "SUCCESS")
_DATE = r"\d{4}[-/]\d\d[-/]\d\d(?:[T ]|\s-\s|:)\s*\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|\s?[+-]\d\d:?\d\d)?"
_CLOCK = r"(?:\d\d/\d\d(?:/\d{2,4})? )?\d\d:\d\d:\d\d(?:[.,]\d+)?"
_TAG = (
    r"\[(?!(?i:epoch|ep|step|iter|batch|train|val|test|eval|round|trial))[A-Za-z][\w.\-/]*(?::\d+(?:/\d+)?)?(?::\w+)?\]"
    r"(?!:?\s*(?:=|\d(?!\d{3}-)))"
)
_RANKS = (
    pattern(r"\[?(?:rank|RANK|Rank)\s?[:=]?\s?(?P<rank>\d+)\]?:?\s*"),
    pattern(r"\[\d+,(?P<rank>\d+)\]<std(?:out|err)>:\s?"),
    pattern(r"\[default(?P<rank>\d+)\]:\s?"),
    pattern(r"\((?:\w+ )?pid=(?P<pid>\d+)(?:, ip=[\d.]+)?\)\s?"),
)
_RANK_STARTS = "[rR("


def _any(*alternatives: str) -> re.Pattern[str]:
    return pattern("|".join(f"(?:{alternative})" for alternative in alternatives))


# By the character they begin with, so that a line is held against few of them.
_BRACKET = _any(
    rf"\[{_DATE}\]?",
    rf"\[{_CLOCK}(?: [\w.]+)?\]:?",
    r"\[[IWED] \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\]",
    rf"\[{_LEVEL}\]?(?=[\s:|-]|$)\s*:?",
    rf"\[(?i:{_LEVEL})[:|][^\]]*\]",
    r"\[(?:Info|Warning|Debug|Error)\]",
    r"\[[\w.]+: \d\d-\d\d \d\d:\d\d:\d\d\]",
    r"\[PID:\d+\]",
    rf"\[\d+\](?=\s*\[(?:\w*Thread\b|{_LEVEL}\]))",
    _TAG,
)
_DIGIT = _any(rf"{_DATE}\]?", rf"{_CLOCK}(?=[\s|-])")
_WORD = _any(
    rf"{_LEVEL}:(?:[\w.]+:)?",
    rf"{_LEVEL}\]?(?=[\s:|-]|$)\s*:?",
    r"[IWEFD]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [\w./-]+:\d+\]",
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d+ \d\d:\d\d:\d\d",
    r"(?:wandb|tensorflow|ray|jax):(?=\s)",
    r"[\w.]+:[\w<>]+:\d+(?=\s[-|]|\s*\|)",
    rf"[A-Za-z_][\w.-]*+\s++-?\s*+(?={_LEVEL}\b)",
    rf"[A-Za-z_][\w.$]*+:\s(?={_DATE})",
    r"\w+\.py line \d+(?: \d+)?\]",
    r"[A-Za-z_][\w.]*\.(?:py|cc|cpp):\d+[\])]?:?",
)
_SIGN = _any(r"\{\d+\}", r"\([\w.]+:\d+\)(?=\s)", rf"-\s*[A-Za-z_][\w.-]*+\s++-?\s*+(?={_LEVEL}\b)")
_SIGNS = ("{", "(", "-")
_DIVIDER = pattern(r"[-|](?=\s)")
_LOUD = pattern(r"\b(?:WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b|^[WEF]\d{4} |^\[[WE] |\[Warning\]")


class Prefix(NamedTuple):
    """`body_at` is where the message begins; `is_loud` marks a warning or an error, which speaks of no metric."""

    body_at: int
    rank: int | None = None
    is_loud: bool = False
    rank_at: tuple[int, int] | None = None


def read_prefix(text: str) -> Prefix:
    """Find where the message of a log line begins. A line without any prefix begins where its text does."""
    at, marks = 0, 0
    rank: int | None = None
    rank_at: tuple[int, int] | None = None
    end = len(text)
    while at < end and marks < 12:
        while at < end and text[at] in " \t":
            at += 1
        found = _next_rank(text, at)
        if found is None:
            found = _next_mark(text, at, marks)
        elif "rank" in found.re.groupindex:
            rank, rank_at = int(found["rank"]), found.span("rank")
        if found is None:
            break
        at, marks = found.end(), marks + 1
    if not marks:
        return Prefix(0)
    return Prefix(at, rank, bool(_LOUD.search(text[: at + 1])), rank_at)


def _next_rank(text: str, at: int) -> re.Match[str] | None:
    if at >= len(text) or text[at] not in _RANK_STARTS:
        return None
    return next((found for form in _RANKS if (found := form.match(text, at))), None)


def _next_mark(text: str, at: int, marks: int) -> re.Match[str] | None:
    first = text[at : at + 1]
    if first == "[":
        return _BRACKET.match(text, at)
    # What the long expressions cannot do without is looked for first: compiling them takes a millisecond.
    if first.isdigit():
        return _DIGIT.match(text, at) if ":" in text else None
    if first.isalpha() or first == "_":
        return _WORD.match(text, at) if ":" in text or any(level in text for level in _LEVELS) else None
    return (_SIGN.match(text, at) if first in _SIGNS else None) or (_DIVIDER.match(text, at) if marks else None)
