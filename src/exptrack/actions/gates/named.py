"""The gate on a model's name: a mistyped one would pass every gate there is for the right one.

A name that is only new passes: gates for `churn-prod` say nothing of `churn-staging`. What looks like a slip of the
finger in a known name is refused until somebody says that it is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from exptrack.actions.gates.case import tables_for
from exptrack.config import Config
from exptrack.model import Gate
from exptrack.store.records import Records

NAME = "model"
_ALIKE = 0.75  # prod and pord, vison and vision; not stage and staging
_BETWEEN = re.compile(r"[-_/.:]|(?<=[a-z])(?=[A-Z])")


def named_gate(config: Config, records: Records, model: str, *, is_new: bool) -> Iterator[Gate]:
    """For a model that no [promote] table matches, that nobody has promoted yet, and that is almost one of those.
    `is_new`: somebody said that this is meant."""
    if not config.gates or tables_for(config, model) or records.promotion_numbers(model):
        return
    known = [*(g.pattern for g in config.gates), *records.models()]
    meant = next((name for name in known if is_slip(model, name)), None)
    if meant is not None:
        yield Gate(
            gate=NAME,
            passed=is_new,
            value="new, and no gates are for it",
            wanted="new, as --new says" if is_new else "one that has gates or a history",
            hint="" if is_new else f"did you mean `{meant}`? `promote --new` makes a new model without gates",
        )


def is_slip(name: str, known: str) -> bool:
    """Is it the known name (a glob matches word by word) but for one word with a slip, case, or a separator?"""
    if re.sub(r"[-_/.:]", "", name).casefold() == re.sub(r"[-_/.:]", "", known).casefold():
        return True
    ours, theirs = ([word.casefold() for word in _BETWEEN.split(text)] for text in (name, known))
    if theirs[-1] == "*":
        ours, theirs = ours[: len(theirs) - 1], theirs[:-1]
    if len(ours) != len(theirs):
        return False
    others = [(a, b) for a, b in zip(ours, theirs, strict=True) if not fnmatchcase(a, b)]
    return len(others) == 1 and _is_misspelt(*others[0])


def _is_misspelt(word: str, known: str) -> bool:
    import difflib  # on use: few names are new

    # Numbers and short words tell models apart (v1 and v2, us and eu); the first letter is seldom mistyped.
    if re.sub(r"\d", "", word) == re.sub(r"\d", "", known) or min(len(word), len(known)) < 3 or word[0] != known[0]:
        return False
    return max(len(word), len(known)) > 3 and difflib.SequenceMatcher(None, word, known).ratio() >= _ALIKE
