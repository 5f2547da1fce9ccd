"""Markdown (CommonMark with GitHub's tables) in which a recorded text is only ever text.

Invariant: whatever a name, note or path holds, it opens no HTML, ends no cell, fence or comment, and sends a terminal
nothing: each piece passes `clean` and is escaped here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from exptrack.cli.humane import clean, date

# `|` would end a cell even behind a backslash that is itself escaped; as an entity it never does.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
# What starts emphasis, code, a link, a strike, mathematics or a mention anywhere, and a list or heading at the start.
_SPECIAL = re.compile(r"[\\`*\[\]~$@^]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|\A[-+=#]")
_NUMBERED = re.compile(r"\A([0-9]{1,9})([.)])(?=\s|\Z)")  # CommonMark 0.31, 5.2: an empty item is an item


def text(words: str) -> str:
    """One line of plain text."""
    escaped = _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(lambda m: "\\" + m[0], clean(words).strip()))
    return "".join(_ENTITIES.get(c, c) for c in escaped)


def quote(words: str) -> str:
    """A text of several lines, as a quotation."""
    lines = [text(line) for line in words.strip().splitlines()]
    return "\n".join(f"> {line}".rstrip() + ("  " if line else "") for line in lines).rstrip()


def code(words: str) -> str:
    """A name, path or digest in letters of one width; nothing for nothing."""
    shown = clean(words)
    if not shown.strip():
        return ""
    if "|" in shown or "`" in shown or shown != shown.strip():
        return f"<code>{text(shown)}</code>"
    return f"`{shown}`"


def day(iso: str | None) -> str:
    """A stored time; what is none stands as it is, escaped."""
    return text(date(iso))


def fence(words: str, language: str = "") -> str:
    """Lines as they are, in a block that nothing in them can end; none of them passes for a comment of ours."""
    shown = re.sub(r"(?m)^(\s*<)!", r"\1\\!", clean(words, "\n"))
    longest = max((len(m) for m in re.findall(r"`+", shown)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{shown}\n{ticks}"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells come escaped. Columns in which every row is empty are left out."""
    kept = [i for i, _ in enumerate(titles) if any(row[i] for row in rows)]
    lines = [[titles[i] for i in kept], ["---"] * len(kept), *([row[i] for i in kept] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """A list of `what: it` for what is known; values come escaped."""
    return "\n".join(f"- {what}: {it}" for what, it in rows if it)


def to_fill(what: str) -> str:
    """The mark of what nobody recorded."""
    return f"*To be filled in: {what}*"
