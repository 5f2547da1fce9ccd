"""`policy`, `gc`, `undo gc`, `lineage` on a screen."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import groupby

from exptrack.actions.explain_policy import Rule
from exptrack.actions.lineage import Lineage
from exptrack.actions.retain import RECENT, Fate, Plan
from exptrack.actions.trash import Moved, TrashBatch
from exptrack.actions.unnamed import NOTHING, Unnamed
from exptrack.amounts import counted
from exptrack.cli import humane
from exptrack.cli.screen import Column, Piece, Screen, Span
from exptrack.cli.show import INDENT
from exptrack.cli.table import STATUS_STYLE
from exptrack.record.rundir import utc


def print_rules(screen: Screen, path: str | None, rules: Sequence[Rule], *, is_check: bool) -> None:
    """What is asked, by the moment it is asked at, and which line says so."""
    if is_check:
        counts = [f"{len([r for r in rules if r.when == w])} {w}" for w in dict.fromkeys(r.when for r in rules)]
        screen.line(Span(f"{path}: right", "bold green"), f"  rules: {', '.join(counts)}")
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
    for line in _unnamed(plan.unnamed):
        screen.line(line)
    runs, amount = sum(bool(f.goes) for f in plan.fates), sum(plan.goes.values()) + plan.unnamed.size
    of_runs = f" of {counted(runs, 'run')}" if runs and not plan.unnamed.size else ""
    if not runs and plan.unnamed == NOTHING:
        screen.line(f"nothing goes; the store has {humane.size(plan.store_size)}")
    elif moved is None:
        screen.line(Span(f"{humane.size(amount)}{of_runs} would go", "bold"), ": `exptrack gc --apply` does it")
    else:
        screen.line(Span(f"{humane.size(moved.size)}{of_runs} went to the trash", "bold"))
    if any(RECENT in f.held for f in plan.fates):
        screen.line(
            Span("what was stored less than an hour ago stays: a run being sealed may be about to name it", "dim")
        )
    if trash:
        size = humane.size(sum(b.size for b in trash))
        until = humane.date(utc((humane.moment(trash[-1].at) or screen.now) + grace))
        screen.line(f"trash: {size}; `exptrack undo gc` brings the last batch back, surely until {until}")


def _unnamed(unnamed: Unnamed) -> Iterator[str]:
    if unnamed.objects:
        size, objects = humane.size(sum(unnamed.objects.values())), counted(len(unnamed.objects), "object")
        yield f"{size} in {objects} that no run names, of runs that died or were removed"
    if unnamed.leftovers:
        size = humane.size(sum(unnamed.leftovers.values()))
        yield f"{size} in {counted(len(unnamed.leftovers), 'unfinished file')} of writers that died"


def _fate(fate: Fate, now: float) -> list[Piece]:
    m = fate.run.manifest
    freed = sum(fate.goes.values())
    why = list(fate.rules)
    why += [f"{humane.size(size)} {_held(fate, reason)}" for reason, size in fate.held.items()]
    row: list[Piece] = [m.id, m.name or "", humane.age(m.ended_at or m.started_at, now), humane.size(fate.size)]
    return [*row, Span(humane.size(freed), "yellow") if fate.goes else Span("-", "dim"), ", ".join(why)]


def _held(fate: Fate, reason: str) -> str:
    """Why bytes stay that no rule of the run keeps; of runs that have them too, the newest by its id."""
    if reason == RECENT:
        return "were stored less than an hour ago"
    if not fate.sharers:
        return "are a code snapshot's or a record's that stays"
    more = f" and of {counted(len(fate.sharers) - 1, 'more run')}" if len(fate.sharers) > 1 else ""
    return f"are also outputs of {fate.sharers[0]}{more}, which {'stay' if more else 'stays'}"


def print_emptied(screen: Screen, count: int, size: int, grace: str) -> None:
    """What `gc --empty-trash` deleted."""
    if count:
        screen.line(f"{counted(count, 'object')}, {humane.size(size)} deleted for good")
    else:
        screen.line(f"nothing in the trash is older than the grace period of {grace}")


def print_lineage(screen: Screen, family: Lineage) -> None:
    """Two trees with the run in the middle. A run met again is named again, and its branch is not."""
    if family.up:
        screen.line("came from")
        _branch(screen, family, family.run.id, is_up=True)
        screen.line()
    screen.line(*_run(family, family.run.id, "bold cyan"))
    if family.down:
        screen.line()
        screen.line("led to")
        _branch(screen, family, family.run.id, is_up=False)
    if not family.up and not family.down:
        screen.line("none of its inputs is an output of another run, and no run has used an output of it")


def _branch(screen: Screen, family: Lineage, run_id: str, *, is_up: bool) -> None:
    """Depth first, without recursion: a run that goes on from the one before may be the thousandth of its kind."""
    told: set[str] = set()
    waiting = _next(family, run_id, "", is_up=is_up)
    while waiting:
        indent, is_last, other, via = waiting.pop()
        again = "  (see above)" if other in told else ""
        screen.line(
            indent + ("└─ " if is_last else "├─ "), *_run(family, other, "bold"), Span(f"  {via}{again}", "dim")
        )
        if other not in told:
            told.add(other)
            waiting += _next(family, other, indent + ("   " if is_last else "│  "), is_up=is_up)


def _next(family: Lineage, run_id: str, indent: str, *, is_up: bool) -> list[tuple[str, bool, str, str]]:
    """(indent, is it the last, run, by which files) of the runs one step away, the first one last."""
    via: dict[str, list[str]] = {}
    for made, used in family.links:
        here, there = (used.run, made.run) if is_up else (made.run, used.run)
        if here == run_id:
            via.setdefault(there, []).append(f"{made.path} as {used.name}")
    rows = [(indent, False, other, ", ".join(files)) for other, files in via.items()]
    return [(i, n == 0, other, files) for n, (i, _, other, files) in enumerate(reversed(rows))]


def _run(family: Lineage, run_id: str, style: str) -> list[Piece]:
    run = family.runs[run_id]
    pieces: list[Piece] = [Span(run_id, style), "  "]
    if run.manifest.name:
        pieces += [run.manifest.name, "  "]
    pieces.append(Span(run.status, STATUS_STYLE.get(run.status, "")))
    return [*pieces, *(Span(f"  {m}@", "bold cyan") for m in run.models)]
