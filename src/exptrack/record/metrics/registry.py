"""The families in the order they are asked, each behind a cheap test; a family is imported when its test first passes.

The surest shapes come first. Plain pairs, which read almost anything, come last.
"""

from __future__ import annotations

from collections.abc import Callable

from exptrack.record.metrics.line import Line
from exptrack.record.metrics.state import Found, State

_UPRIGHT = "|\u2502\u2503\u2551"
_SENTENCES = (
    "finished with value",
    " avg",
    "verage ",
    "verall ",
    "per-word bound",
    "perplexity estimate",
    "P@",
    "R@",
    "[CV",
)
_RULE = "-=+|_ \t\u2500\u2501\u250c\u2510\u2514\u2518\u251c\u2524\u2534\u253c\u256d\u256e\u256f\u2570"
Test = Callable[[str, State], bool]
Read = Callable[[Line, State], list[Found] | None]


class Family:
    """One module of families/: `may_read` is its cheap test, `read` its reader (see families/__init__.py)."""

    __slots__ = ("_read", "may_read", "name")

    def __init__(self, name: str, may_read: Test) -> None:
        self.name = name
        self.may_read = may_read
        self._read: Read | None = None

    def read(self, line: Line, state: State) -> list[Found] | None:
        """Ask the family, importing it the first time."""
        if self._read is None:
            # As importlib.import_module, whose package takes longer to import than the family.
            self._read = __import__(f"exptrack.record.metrics.families.{self.name}", fromlist=["read"]).read
        return self._read(line, state)


def may_be_bar(text: str, state: State) -> bool:
    """`%|`, a counter beside brackets or drawing characters, or the indented rest of a rich bar."""
    return (
        "%|" in text
        or ("/" in text and (" [" in text or "\u2501" in text or "\u2500" in text or "- " in text))
        or (state.bar is not None and text.startswith("     "))
        or "it [" in text
    )


def may_be_box(text: str, state: State) -> bool:
    """An upright line at both ends; or a rule, which may close what is open."""
    bare = text.strip()
    if bare[:1] in _UPRIGHT and bare[-1:] in _UPRIGHT:
        return bool(bare)
    return state.box is not None and len(bare) > 2 and not bare.strip(_RULE)


def _may_be_sentence(text: str, _state: State) -> bool:
    return (
        any(hint in text for hint in _SENTENCES)
        or (" = " in text and text.lstrip()[:1] in "-.0123456789")
        or ("/" in text and text[-1:].isdigit() and "=" not in text)
    )


def _may_be_dict(text: str, _state: State) -> bool:
    return "{" in text and "}" in text and ("'" in text or '"' in text)


def _may_be_block(text: str, state: State) -> bool:
    return state.is_listing or "***" in text


def _may_be_table(text: str, state: State) -> bool:
    return (
        state.table is not None
        or "  " in text
        or "\t" in text
        or " | " in text
        or (text.count(",") > 1 and " " not in text.strip())
    )


def _may_be_pairs(text: str, _state: State) -> bool:
    """A number (nan and inf stand behind a sign, or beside other numbers), or a heading's colon."""
    return any(map(str.isdigit, text)) or "=" in text or ":" in text


FAMILIES = (
    Family("bars", may_be_bar),
    Family("sentences", _may_be_sentence),
    Family("dicts", _may_be_dict),
    Family("blocks", _may_be_block),
    Family("boxes", may_be_box),
    Family("tables", _may_be_table),
    Family("pairs", _may_be_pairs),
)
