"""`policy`, `gc`, `undo gc`, `lineage` on a screen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import groupby

from exptrack.actions.explain_policy import Rule
from exptrack.actions.retain import RECENT, SHARED, Fate, Plan
from exptrack.actions.trash import Moved, TrashBatch
from exptrack.cli import humane
from exptrack.cli.screen import Column, Piece, Screen, Span
from exptrack.cli.show import INDENT
from exptrack.record.rundir import utc

HELD = {SHARED: "are a run's or a code snapshot's that stays", RECENT: "were stored less than an hour ago"}


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


def print_gc(screen: Screen, plan: Plan, moved: Moved | None, trash: Sequence[TrashBatch], *, grace: float) -> None:
    """Run by run: what goes, what stays and which rule says so; then the sum. `grace`: seconds in the trash."""
    columns = [Column("run", is_fixed=True), Column("name"), Column("ended"), Column("outputs", is_right=True)]
    columns += [Column("goes", is_right=True), Column("stays because")]
    if plan.fates:
        screen.table(columns, [_fate(f, screen.now) for f in plan.fates])
        screen.line()
    for warning in plan.warnings:
        screen.line(Span(f"warning: {warning}", "yellow"))
    runs = sum(bool(f.goes) for f in plan.fates)
    if not runs:
        screen.line(f"nothing goes; the store has {humane.size(plan.store_size)}")
    elif moved is None:
        amount = humane.size(sum(plan.goes.values()))
        screen.line(Span(f"{amount} of {runs} runs would go", "bold"), ": `exptrack gc --apply` does it")
    else:
        screen.line(Span(f"{humane.size(moved.size)} of {runs} runs went to the trash", "bold"))
    if trash:
        size = humane.size(sum(b.size for b in trash))
        until = humane.date(utc((humane.moment(trash[-1].at) or screen.now) + grace))
        screen.line(f"trash: {size}; `exptrack undo gc` brings the last batch back, surely until {until}")


def _fate(fate: Fate, now: float) -> list[Piece]:
    m = fate.run.manifest
    freed = sum(fate.goes.values())
    why = list(fate.rules)
    why += [f"{humane.size(size)} {HELD[reason]}" for reason, size in fate.held.items()]
    row: list[Piece] = [m.id, m.name or "", humane.age(m.ended_at or m.started_at, now), humane.size(fate.size)]
    return [*row, Span(humane.size(freed), "yellow") if fate.goes else Span("-", "dim"), ", ".join(why)]


def print_emptied(screen: Screen, count: int, size: int, grace: str) -> None:
    """What `gc --empty-trash` deleted."""
    if count:
        screen.line(f"{count} objects, {humane.size(size)} deleted for good")
    else:
        screen.line(f"nothing in the trash is older than the grace period of {grace}")
