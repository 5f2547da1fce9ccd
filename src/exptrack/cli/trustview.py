"""`policy`, `gc`, `undo gc`, `lineage` on a screen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import groupby

from exptrack.actions.explain_policy import Rule
from exptrack.cli.screen import Piece, Screen, Span
from exptrack.cli.show import INDENT


def print_rules(screen: Screen, path: str | None, rules: Sequence[Rule], *, is_check: bool) -> None:
    """What is asked, by the moment it is asked at, and which line says so."""
    if is_check:
        counts = [f"{len([r for r in rules if r.when == w])} {w}" for w in dict.fromkeys(r.when for r in rules)]
        screen.line(Span(f"{path}: right", "bold green"), f"  asks {', '.join(counts)}")
    else:
        screen.line(Span(path or "no policy file: the defaults hold", "bold"))
    for when, group in groupby(rules, key=lambda r: (r.when, r.model)):
        title = when[0] if when[1] in (None, "*") else f"{when[0]} {when[1]}"
        screen.line()
        screen.line(Span(title, "bold"))
        screen.columns([_rule(r, path) for r in group], INDENT)


def _rule(rule: Rule, path: str | None) -> list[Piece]:
    source = rule.source.replace(path, os.path.basename(path)) if path else rule.source
    return [rule.asked, Span(f"given: {rule.given}" if rule.given else "", "green"), Span(source, "dim")]
