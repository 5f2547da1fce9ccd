"""`diff` on a screen: + added, - removed, ~ changed, section by section; metrics with delta and better or worse.

`--patch`: the lines of the code, coloured on a terminal; a pipe gets exactly what `git apply` takes.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping

from exptrack.cli import humane
from exptrack.cli.screen import Piece, Screen, Span
from exptrack.cli.show import DIGEST, INDENT
from exptrack.comparison import Change, RunDiff
from exptrack.model import Run
from exptrack.typed import Any

MARKS = {"added": Span("+", "green"), "removed": Span("-", "red"), "changed": Span("~", "yellow")}
TITLES = {"machine": "machine and GPU"}
_VERDICTS = {"better": "green", "worse": "red"}
_SIZES = ("memory", "gpu memory")


def print_diff(screen: Screen, diff: RunDiff, a: Run, b: Run) -> None:
    """Two runs compared, sections in the order of the comparison."""
    is_one_run = a.id == b.id and bool(a.manifest.attempts or b.manifest.attempts)
    heads = (("-", "red", a), ("+", "green", b))
    screen.columns([[Span(sign, colour), *_named(run, screen.now, is_one_run)] for sign, colour, run in heads])
    if not diff.sections:
        screen.line()
        screen.line("no difference" if diff.a != diff.b else "the same run")
    for name, changes in diff.sections.items():
        screen.line()
        screen.line(Span(TITLES.get(name, name), "bold"))
        if name == "command":
            _print_commands(screen, changes)
        else:
            say = _SECTIONS.get(name, _fact)
            screen.columns([[MARKS[c.kind], *say(c)] for c in changes], INDENT)


def _named(run: Run, now: float, is_one_run: bool) -> list[Piece]:
    """`is_one_run`: the two are attempts of one run, told apart by the number that RUN.N takes."""
    number = f".{len(run.manifest.attempts) or 1}" if is_one_run else ""
    return [
        run.id + number,
        Span(run.manifest.name or "", "bold"),
        run.status,
        humane.age(run.manifest.started_at, now),
    ]


def _print_commands(screen: Screen, changes: Iterable[Change]) -> None:
    for change in changes:
        if change.key != "command":
            screen.line(INDENT, MARKS[change.kind], f" {change.key}  {change.before} → {change.after}")
            continue
        removed, added = _words(change.before, change.after)
        screen.line(INDENT, Span("-", "red"), *removed)
        screen.line(INDENT, Span("+", "green"), *added)


def _words(before: list[str], after: list[str]) -> tuple[list[Piece], list[Piece]]:
    """Two command lines, the words that only one of them has in colour."""
    from difflib import SequenceMatcher

    old: list[Piece] = []
    new: list[Piece] = []
    for tag, a0, a1, b0, b1 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        is_same = tag == "equal"
        old += [Span(" " + shlex.quote(w), "" if is_same else "red") for w in before[a0:a1]]
        new += [Span(" " + shlex.quote(w), "" if is_same else "green") for w in after[b0:b1]]
    return old, new


def _fact(change: Change) -> list[Piece]:
    """A param, package or other single fact."""
    say: Callable[[Any], str] = humane.size if change.key in _SIZES else _value
    note: list[Piece] = [Span(change.note, "dim")] if change.note else []
    if change.kind != "changed":
        return [change.key, say(change.before if change.kind == "removed" else change.after), *note]
    if _is_number(change.before) and _is_number(change.after) and say is _value:
        before, after = humane.two_numbers(change.before, change.after)
    else:
        before, after = say(change.before), say(change.after)
        if before == after:
            before, after = repr(change.before), repr(change.after)
    return [change.key, f"{before} → {after}", *note]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else humane.scalar(value)


def _file(change: Change) -> list[Piece]:
    if change.key == "commit":
        return [change.key, " → ".join((c or "none")[:DIGEST] for c in (change.before, change.after))]
    if change.key == "snapshot" and change.note and change.added_lines is None:
        return [Span(change.note, "yellow")]
    added = Span(f"+{change.added_lines}" if change.added_lines else "", "green")
    removed = Span(f"-{change.removed_lines}" if change.removed_lines else "", "red")
    return [change.key, added, removed, Span(change.note or "", "dim")]


def _bytes(change: Change) -> list[Piece]:
    """An input or output: sizes and digests."""
    before, after = _stored(change.before), _stored(change.after)
    if before and after:
        return [change.key, f"{before[0]} → {after[0]}", Span(f"{before[1]} → {after[1]}", "dim")]
    size, digest = before or after or ("", "")
    return [change.key, size, Span(digest, "dim")]


def _stored(fact: Mapping[str, Any] | None) -> tuple[str, str] | None:
    if fact is None:
        return None
    digest = fact["digest"]
    return (humane.size(fact["size"]), digest[:DIGEST]) if digest else ("was not there", "none")


def _metric(change: Change) -> list[Piece]:
    if change.kind != "changed":
        return [change.key, humane.number(change.before if change.kind == "removed" else change.after)]
    before, after = humane.two_numbers(change.before, change.after)
    delta = "" if change.delta is None else signed(change.delta)
    colour = _VERDICTS.get(change.verdict or "", "")
    return [change.key, f"{before} → {after}", Span(delta, colour), Span(change.verdict or "", colour)]


def signed(delta: float) -> str:
    """A difference with its sign, rounded to what a person compares."""
    return f"{'-' if math.copysign(1, delta) < 0 else '+'}{humane.number(abs(delta), 4)}"


def _took(change: Change) -> list[Piece]:
    delta = change.delta or 0.0
    sign = "+" if delta > 0 else "-"
    times = f"{humane.duration(change.before)} → {humane.duration(change.after)}"
    return [times, Span(f"{sign}{humane.duration(abs(delta))}", "dim")]


_SECTIONS: Mapping[str, Callable[[Change], list[Piece]]] = {
    "code": _file,
    "inputs": _bytes,
    "outputs": _bytes,
    "metrics": _metric,
    "duration": _took,
}


def print_patch(screen: Screen, pieces: Iterable[str]) -> None:
    """A unified diff. `pieces` end with newlines and carry undecodable bytes as surrogates."""
    is_head = True
    for piece in pieces:
        if not screen.is_terminal:
            screen.write_exact(piece)
            continue
        for line in piece.removesuffix("\n").split("\n"):
            # A removed line may itself begin with "-- ": only before the first hunk is `---` a head.
            is_head = line.startswith("diff --git ") or (is_head and not line.startswith("@@"))
            style = "bold" if is_head else {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
            screen.line(Span(line, style))
