"""`rollback`: back to an earlier promotion, also at night in an outage.

Only bytes decide: what is not whole in the store cannot be deployed, and is refused. Every other gate of today is asked
and told, and keeps nobody from going back.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from exptrack.actions.find import load_run
from exptrack.actions.gates.data import STORED, stored_gate
from exptrack.actions.gates.judge import judge, unmet
from exptrack.actions.ledger import append
from exptrack.actions.ledger_tip import check_tip, told
from exptrack.actions.promote import History, case_of, hooks_for, models
from exptrack.config import Project
from exptrack.errors import Damaged, ExptrackError, NoSuchRun
from exptrack.model import Gate, Promotion, Run
from exptrack.store.place import Store
from exptrack.typed import NamedTuple


class RolledBack(NamedTuple):
    """The new line of history. `unmet`: the gates of today that its run does not meet; `unasked`: why they could not be
    asked, or ""; `altered`: lines of the history that changed since they were written."""

    promotion: Promotion
    unmet: tuple[Gate, ...]
    unasked: str
    altered: tuple[str, ...] = ()


def rollback(project: Project, store: Store, model: str, sequence: int | None, reason: str | None) -> RolledBack:
    """Back to an earlier promotion, as a new line of history; without `sequence` to the run that `runs_in_force` has
    before the current one. ExptrackError (exit 1) when there is none, or it is current already; Damaged (exit 6) when
    bytes of its outputs are not there or altered, all of them read again."""
    history = models(store, model)[0]
    target, sequence = _target(history, sequence)
    run = load_run(project, store, target)
    gates, unasked = _today(project, store, run, model)
    for gate in gates:
        if gate.gate == STORED and not gate.passed:
            hint = f"{gate.hint}; or another line of history: `exptrack rollback {shlex.quote(model)} N`"
            raise Damaged(f"{target} cannot be deployed, nothing was changed: {gate.value}", hint)
    why = reason or f"rolled back to {sequence}"
    tip = check_tip(store, model, history.promotions)
    hooks = hooks_for(project.config, model, is_demotion=False)
    made = append(store, model, target, after=history.promotions, reason=why, hooks=hooks)
    return RolledBack(made, tuple(unmet(gates)), unasked, tuple(map(told, (*tip.grave, *tip.others))))


def _today(project: Project, store: Store, run: Run, model: str) -> tuple[tuple[Gate, ...], str]:
    """Every gate, and why they could not be asked: a damaged word of somebody keeps nobody from going back."""
    try:
        # As if the model had no run: better than the one that is left, or measured as it was, is beside the point.
        return judge(case_of(project, store, run, model, None)), ""
    except (ExptrackError, OSError) as e:
        return tuple(stored_gate(store, run)), str(e)


def _target(history: History, sequence: int | None) -> tuple[str, int]:
    """(run, its number in the history) to go back to."""
    current, hint = history.current, f"`exptrack models {shlex.quote(history.model)}` shows its history"
    if sequence is None:
        earlier = [run for run in runs_in_force(history.promotions) if run != current]
        if not earlier:
            raise ExptrackError(f"{history.model} has no earlier run to go back to", hint, 1)
        target = earlier[-1]
        sequence = max(p.sequence for p in history.promotions if p.run == target)
    else:
        target = _promoted_then(history, sequence, hint)
    if target == current:
        raise ExptrackError(f"{target} is current already: nothing to roll back", hint, 1)
    return target, sequence


def _promoted_then(history: History, sequence: int, hint: str) -> str:
    line = next((p for p in history.promotions if p.sequence == sequence), None)
    if line is None:
        raise NoSuchRun(f"{history.model} has no promotion {sequence}", hint)
    if line.run is None:
        what = f"promotion {sequence} of {history.model} was a demotion: `exptrack demote` makes another"
        raise ExptrackError(what, hint, 1)
    return line.run


def runs_in_force(promotions: Sequence[Promotion]) -> list[str]:
    """Runs that were promoted and not rolled back from, oldest first, as a stack: `promote` puts one on top, `rollback`
    takes off what lies above the run it goes to, so that the next one goes further back and not to what was left.
    `demote` takes nothing off: a rollback undoes it."""
    stack: list[str] = []
    for p in promotions:
        if p.run is None:
            continue
        # `promote` writes at least the gate `status` down; only a rollback asks for none.
        if not p.gates and p.run in stack:
            while stack[-1] != p.run:
                stack.pop()
        elif stack[-1:] != [p.run]:
            stack.append(p.run)
    return stack
