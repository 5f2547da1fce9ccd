"""The user's own patterns: NAME=REGEX. The group named `value`, else the one named like the metric, else the first,
is the value.

A pattern that backtracks for ever must not stop the recorder: matching runs against a CPU timer (ITIMER_VIRTUAL,
which Python's regex engine looks at every few thousand steps), and the pattern that is running when the timer fires
is dropped with a warning. Signals reach the main thread only: patterns are used when `feed` is called there, and
left alone, with a warning, elsewhere.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from types import FrameType

from exptrack.errors import ExptrackError
from exptrack.record.metrics.numbers import cell_value, to_count
from exptrack.record.metrics.progress import find_progress
from exptrack.record.metrics.state import Found, State

BUDGET = 0.5
_LONGEST = 20_000


class TooSlowError(Exception):
    """Raised inside a match by the CPU timer."""


def _fire(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlowError


class Patterns:
    """The patterns of one recogniser. ExptrackError (exit 2) for one that is no regular expression or has no group."""

    def __init__(self, patterns: Mapping[str, str], warnings: list[str]) -> None:
        self._warnings = warnings
        self._running = ""
        self._compiled: dict[str, tuple[re.Pattern[str], str | int]] = {}
        for name, text in patterns.items():
            self._compiled[name] = _compile(name, text)

    def __bool__(self) -> bool:
        return bool(self._compiled)

    def read(self, lines: list[str], state: State) -> list[list[Found]]:
        """What the patterns find in each of `lines`, within BUDGET seconds of CPU time altogether."""
        found: list[list[Found]] = [[] for _ in lines]
        if not self._compiled:
            return found
        try:
            before = signal.signal(signal.SIGVTALRM, _fire)
        except ValueError:  # what Python says outside the main thread
            self._drop_all()
            return found
        try:
            done = 0
            while self._compiled and done < len(lines):
                done = self._read_some(lines, done, found, state)
        finally:
            signal.signal(signal.SIGVTALRM, before)
        return found

    def _read_some(self, lines: list[str], first: int, found: list[list[Found]], state: State) -> int:
        """Read from line `first` on until all is read, or a pattern is dropped; the line to go on with."""
        number = first
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, BUDGET, BUDGET)
            for number in range(first, len(lines)):
                self._read_one(lines[number], found[number], state)
        except TooSlowError:
            # The others read this line again.
            self._drop(self._running)
            found[number].clear()
            return number
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return len(lines)

    def _read_one(self, line: str, out: list[Found], state: State) -> None:
        for name, (pattern, group) in list(self._compiled.items()):
            self._running = name
            match = pattern.search(line[:_LONGEST])
            if match is None:
                continue
            value = cell_value(match[group] or "")
            if value is None:
                continue
            out.append(Found(name, value, *_place(match, line, state), (match[group] or "").rstrip().endswith("%")))

    def _drop(self, name: str) -> None:
        if self._compiled.pop(name, None) is not None:
            self._warnings.append(f"pattern {name!r} took too long on this output and was dropped")

    def _drop_all(self) -> None:
        self._warnings.append("patterns are read in the main thread only; they were left out")
        self._compiled.clear()


def _compile(name: str, text: str) -> tuple[re.Pattern[str], str | int]:
    try:
        pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ExptrackError(f"metric pattern {name!r} is no regular expression: {error}", f"pattern: {text}") from error
    if not pattern.groups:
        raise ExptrackError(
            f"metric pattern {name!r} has no group for the value",
            f"put brackets around the number, as in {name}: ([0-9.]+)",
        )
    for group in ("value", name):
        if group in pattern.groupindex:
            return pattern, group
    others = [
        i
        for i in range(1, pattern.groups + 1)
        if i not in {pattern.groupindex.get("step"), pattern.groupindex.get("epoch")}
    ]
    return pattern, others[0] if others else 1


def _place(match: re.Match[str], line: str, state: State) -> tuple[int | float | None, int | float | None]:
    told: dict[str, int | float | None] = {"step": None, "epoch": None}
    for key in told:
        text = match[key] if key in match.re.groupindex else None
        if text and cell_value(text) is not None:
            told[key] = to_count(text.strip())
    if told["step"] is None and told["epoch"] is None:
        where = find_progress(line)
        return state.place(where.step, where.epoch)
    return state.place(told["step"], told["epoch"])
