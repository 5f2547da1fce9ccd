"""Is the line that the next one will stand on what its author wrote? Asked before every promotion, in a few file reads.

Only what says which run is current keeps one from promoting: a forged last line, newer ones that were taken away,
another manifest of the current run. An edit further back changes nothing that is decided now; it is told.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress

from exptrack.actions.ledger import Problem, check_chain, check_manifest, check_numbers, check_witness
from exptrack.errors import Damaged
from exptrack.model import Event, Promotion
from exptrack.record.rundir import new_id
from exptrack.store.place import Store
from exptrack.store.schema import unix_time
from exptrack.typed import NamedTuple

TIME = 9  # characters of an id that say when
ACTIONS = ("promote", "demote")


class Tip(NamedTuple):
    """`grave`: what is wrong with the last line of a history; `others`: with lines before it."""

    grave: tuple[Problem, ...]
    others: tuple[Problem, ...]

    def refuse(self, model: str) -> None:
        """Damaged (exit 6) when the last line is not to be trusted."""
        if self.grave:
            what = f"nobody can tell which run of {model} is current: {'; '.join(map(told, self.grave))}"
            how = f"`exptrack rollback {shlex.quote(model)} N` or `demote` writes a line to stand on"
            raise Damaged(what, f"`exptrack verify` lists all; {how}")


def told(problem: Problem) -> str:
    """A problem as a person reads it: m@3 promotion: altered since it was made."""
    return f"{problem[0]} {problem[1]}: {problem[2]}"


def check_tip(store: Store, model: str, line: Sequence[Promotion]) -> Tip:
    """What shows of the end of a model's history, without reading every word of the store again."""
    last = line[-1].sequence if line else 0
    grave: list[Problem] = []
    others: list[Problem] = []
    is_vouched = False
    # From the line before the last one on: when that was written is vouched for by the last one.
    for event in events_since(store, line[-2].at if len(line) > 1 else None, json.dumps(model)):
        if event.action not in ACTIONS or event.data.get("model") != model:
            continue
        problems, number = [*check_witness(store, event)], event.data.get("sequence")
        if number == last and not problems:
            # Whatever was wrong before it was there when somebody wrote this line all the same.
            is_vouched, grave, others = True, [], [*others, *grave]
        elif isinstance(number, int) and number >= last:
            grave += problems
        else:
            others += problems
    for problem in (*check_numbers(store, model), *check_chain(store, model, line)):
        (others if is_vouched or problem[0] != f"{model}@{last}" else grave).append(problem)
    grave += [problem for p in line[-1:] for problem in check_manifest(store, p)]
    return Tip(tuple(dict.fromkeys(grave)), tuple(dict.fromkeys(others)))


def events_since(store: Store, at: str | None, needle: str) -> Iterator[Event]:
    """Words that were said from `at` on (ISO 8601; None: ever) and hold `needle`, in order; those that cannot be read
    are `verify`'s business."""
    since = unix_time(at)
    first = new_id(since)[:TIME] if since is not None else ""
    for event_id in store.records.event_ids():
        if event_id[:TIME] < first:
            continue
        with suppress(Damaged, FileNotFoundError):
            if needle.encode() in store.records.event_bytes(event_id):
                yield store.records.event(event_id)
