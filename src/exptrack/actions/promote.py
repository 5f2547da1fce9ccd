"""`promote`, `why`, `models`: a model's history is a numbered list of promotions; the last one says what is current."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence

from exptrack.actions.find import load_run, resolve
from exptrack.actions.gates.case import Case, tables_for
from exptrack.actions.gates.judge import judge, unmet
from exptrack.actions.gates.named import named_gate
from exptrack.actions.gates.trust import evidence
from exptrack.actions.ledger import append
from exptrack.actions.ledger_tip import check_tip, told
from exptrack.actions.nearest import did_you_mean
from exptrack.config import Config, Project
from exptrack.errors import ExptrackError, NoSuchRun, Refused
from exptrack.model import Gate, Promotion, Run
from exptrack.store.place import Store
from exptrack.typed import NamedTuple


class Verdict(NamedTuple):
    """May `run` be the current run of `model`? `current` is the one that is now; `evidence`: ids of the events that the
    gates rest on; `past`: the history this was decided on; `altered`: lines of it that changed, further back."""

    run: Run
    model: str
    current: str | None
    gates: tuple[Gate, ...]
    evidence: tuple[str, ...] = ()
    past: tuple[Promotion, ...] = ()
    altered: tuple[str, ...] = ()

    @property
    def is_allowed(self) -> bool:
        return not unmet(self.gates)


class History(NamedTuple):
    """A model with its promotions, oldest first; `current` None after a demotion."""

    model: str
    current: str | None
    promotions: tuple[Promotion, ...]


def why(project: Project, store: Store, text: str, model: str, *, is_new: bool = False) -> Verdict:
    """Every gate for promoting the run `text` names; NoSuchRun when there is none, Damaged when the last line of the
    model's history is not as it was written. `is_new`: see gates/named.py."""
    run = resolve(project, store, text)
    past = tuple(store.records.promotions(model))
    tip = check_tip(store, model, past)
    tip.refuse(model)
    current = past[-1].run if past else None
    before = load_run(project, store, current) if current else None
    case = case_of(project, store, run, model, before)
    gates = (*named_gate(project.config, store.records, model, is_new=is_new), *judge(case))
    return Verdict(run, model, current, gates, tuple(evidence(case)), past, tuple(map(told, tip.others)))


def case_of(project: Project, store: Store, run: Run, model: str, current: Run | None) -> Case:
    """What the gates look at, now."""
    case = Case(project, store, run, model, current, time.time())
    if any(t.approvals or t.reproduced for t in tables_for(project.config, model)):
        case = case._replace(said=tuple(store.records.events_about(run.id)))
    return case


def promote(project: Project, store: Store, text: str, model: str, reason: str | None) -> tuple[Verdict, Promotion]:
    """Make a run current. Refused lists every unmet gate; Overtaken when somebody took the number meanwhile."""
    verdict = why(project, store, text, model)
    return verdict, carry_out(project.config, store, verdict, reason)


def carry_out(config: Config, store: Store, verdict: Verdict, reason: str | None) -> Promotion:
    """What `promote` does when the gates have been asked: they may have hashed gigabytes, and are not asked twice.

    Promoting what is current already adds nothing and answers with the promotion that made it so."""
    if not verdict.is_allowed:
        raise refusal(verdict)
    if verdict.current == verdict.run.id:
        return verdict.past[-1]
    return append(
        store,
        verdict.model,
        verdict.run.id,
        after=verdict.past,
        reason=reason,
        gates=verdict.gates,
        evidence=verdict.evidence,
        hooks=hooks_for(config, verdict.model, is_demotion=False),
    )


def hooks_for(config: Config, model: str, *, is_demotion: bool) -> list[str]:
    """The commands that are told of a change: those of [hooks], then those of every [promote.NAME] for the model."""
    tables = tables_for(config, model)
    if is_demotion:
        return [*config.on_demote, *(command for t in tables for command in t.on_demote)]
    return [*config.on_promote, *(command for t in tables for command in t.on_promote)]


def refusal(verdict: Verdict) -> Refused:
    """Exit 4 with every unmet gate."""
    lines = [f"  ✗ {g.gate}: {_found(g)}" + (f" - {g.hint}" if g.hint else "") for g in unmet(verdict.gates)]
    count = len(lines)
    gates = "gate is" if count == 1 else "gates are"
    return Refused(
        f"{verdict.run.id} may not be promoted to {verdict.model}: {count} {gates} not met\n" + "\n".join(lines),
        f"`exptrack why {verdict.run.id} {shlex.quote(verdict.model)}` shows every gate",
    )


def _found(gate: Gate) -> str:
    value = f"{gate.value:.6g}" if isinstance(gate.value, float) else gate.value
    return f"wanted {gate.wanted}" if value is None else f"{value}, wanted {gate.wanted}"


def demote(store: Store, model: str, reason: str | None, hooks: Sequence[str] = ()) -> Promotion:
    """A model without a current run from now on; its history stays. `hooks`: who is to be told."""
    history = models(store, model)[0]
    if history.current is None:
        hint = f"`exptrack models {shlex.quote(model)}` shows its history"
        raise ExptrackError(f"{model} has no current run", hint, 1)
    return append(store, model, None, after=history.promotions, reason=reason or "demoted", hooks=hooks)


def models(store: Store, model: str | None = None) -> list[History]:
    """Every model, or one; NoSuchRun for a model nobody promoted. An empty name is one that nobody promoted: a script's
    unset variable must not mean all of them, or the first."""
    names = store.records.models() if model is None else [model]
    found = [(name, store.records.promotions(name)) for name in names]
    if model is not None and not found[0][1]:
        known = ", ".join(store.records.models()) or "none yet"
        near = did_you_mean(model, store.records.models())
        raise NoSuchRun(f"no model {model}", near or f"models: {known}")
    return [History(name, past[-1].run, tuple(past)) for name, past in found if past]
