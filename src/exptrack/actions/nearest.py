"""The names nearest to one that nobody knows, as a question for a hint: most unknown names are typing errors."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(text: str, known: Iterable[str], most: int = 3) -> str:
    """ "did you mean `churn-prod`?", or "" when nothing is near."""
    import difflib  # on use: few questions are mistyped

    near = difflib.get_close_matches(text, list(dict.fromkeys(known)), most, 0.6)
    return "did you mean " + " or ".join(f"`{n}`" for n in near) + "?" if near else ""
