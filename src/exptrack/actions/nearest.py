"""The names nearest to one that nobody knows, as a question for a hint: most unknown names are typing errors."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(text: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The likeliest first. A name whose last part it is comes before others: `acc` is most likely `val/acc`; then those
    that begin with it: `sweep-lr1` is `sweep-lr1-s3` rather than `sweep-lr4-s1`."""
    import difflib  # on use: few questions are mistyped

    names = list(dict.fromkeys(known))
    ends = [n for n in names if n.endswith(("/" + text, "." + text))]
    longer = [n for n in names if text and n.startswith(text)]
    return list(dict.fromkeys([*ends, *longer, *difflib.get_close_matches(text, names, most, 0.6)]))[:most]


def did_you_mean(text: str, known: Iterable[str], most: int = 3) -> str:
    """A question that names what is near, or ""."""
    near = nearest(text, known, most)
    return "did you mean " + " or ".join(f"`{n}`" for n in near) + "?" if near else ""
