"""What loggers and launchers print before the message: timestamps, levels, logger names, rank tags.

They are taken off so that a family sees the message alone; the rank is kept, because ranks are separate series.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LEVEL = r"(?:DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL|TRACE|SUCCESS)"
_DATE = r"\d{4}[-/]\d\d[-/]\d\d(?:[T ]|\s-\s|:)\s*\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|\s?[+-]\d\d:?\d\d)?"
_CLOCK = r"(?:\d\d/\d\d(?:/\d{2,4})? )?\d\d:\d\d:\d\d(?:[.,]\d+)?"
_RANKS = (
    re.compile(r"\[?(?:rank|RANK|Rank)\s?[:=]?\s?(?P<rank>\d+)\]?:?\s*"),
    re.compile(r"\[\d+,(?P<rank>\d+)\]<std(?:out|err)>:\s?"),
    re.compile(r"\[default(?P<rank>\d+)\]:\s?"),
    re.compile(r"\((?:\w+ )?pid=\d+(?:, ip=[\d.]+)?\)\s?"),
)
_MARKS = (
    re.compile(rf"\[?{_DATE}\]?"),
    re.compile(rf"\[{_CLOCK}(?: [\w.]+)?\]:?"),
    re.compile(rf"{_CLOCK}(?=[\s|-])"),
    re.compile(r"[IWEFD]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [\w./-]+:\d+\]"),
    re.compile(r"\[[IWED] \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\]"),
    re.compile(rf"\[{_DATE}[ ,|]+{_LEVEL}\]"),
    re.compile(r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d+ \d\d:\d\d:\d\d"),
    re.compile(rf"{_LEVEL}:(?:[\w.]+:)?"),
    re.compile(rf"\[?{_LEVEL}\]?(?=[\s:|-]|$)\s*:?"),
    re.compile(rf"\[{_LEVEL}[:|][^\]]*\]", re.IGNORECASE),
    re.compile(r"\[(?:Info|Warning|Debug|Error)\]"),
    re.compile(r"\[[\w.]+: \d\d-\d\d \d\d:\d\d:\d\d\]"),
    re.compile(r"\{\d+\}"),
    re.compile(r"\([\w.]+:\d+\)(?=\s)"),
    re.compile(r"\[PID:\d+\]"),
    re.compile(r"(?:wandb|tensorflow|ray|jax):(?=\s)"),
    re.compile(r"[\w.]+:[\w<>]+:\d+(?=\s[-|]|\s*\|)"),
    re.compile(rf"-?\s*[A-Za-z_][\w.-]*+\s++-?\s*+(?={_LEVEL}\b)"),
    re.compile(
        r"\[(?!(?i:epoch|ep|step|iter|batch|train|val|test|eval|round|trial))[A-Za-z][\w.\-/]*(?::\d+)?(?::\w+)?\](?!:?\s*(?:=|\d(?!\d{3}-)))"
    ),
    re.compile(r"[A-Za-z_][\w.]*\.(?:py|cc|cpp):\d+[\])]?:?"),
    re.compile(r"[-|](?=\s)"),
)
_LOUD = re.compile(r"\b(?:WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b|^[WEF]\d{4} |^\[[WE] |\[Warning\]")
_MAYBE = re.compile(r"[\[\d({<A-Za-z-]")


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
        for pattern in _RANKS:
            found = pattern.match(text, at)
            if found and found.end() > at:
                if "rank" in pattern.groupindex:
                    rank, rank_at = int(found["rank"]), found.span("rank")
                break
        else:
            found = _next_mark(text, at, marks)
        if found is None:
            break
        at, marks = found.end(), marks + 1
    if not marks:
        return Prefix(0)
    return Prefix(at, rank, bool(_LOUD.search(text[: at + 1])), rank_at)


def _next_mark(text: str, at: int, marks: int) -> re.Match[str] | None:
    for number, pattern in enumerate(_MARKS):
        if number == len(_MARKS) - 1 and not marks:
            return None
        found = pattern.match(text, at)
        if found and found.end() > at:
            return found
    return None
