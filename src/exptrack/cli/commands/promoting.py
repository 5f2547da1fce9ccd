"""`promote`, `why`, `models`, `which`, `rollback`, `demote`."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import typer

from exptrack.actions import promote as promotion
from exptrack.actions.announce import announce, announce_late, untold
from exptrack.actions.find import load_run
from exptrack.actions.gates.case import tables_for
from exptrack.actions.gates.named import NAME
from exptrack.actions.nearest import did_you_mean
from exptrack.actions.places import here
from exptrack.actions.present import models as present
from exptrack.actions.present.runs import which_json
from exptrack.actions.which import which as find
from exptrack.actions.which import which_listed
from exptrack.cli.commands.annotating import RUN
from exptrack.cli.modelview import (
    print_answer,
    print_answers,
    print_approval,
    print_history,
    print_models,
    print_promotion,
    print_verdict,
)
from exptrack.cli.plain import print_json
from exptrack.cli.screen import Screen
from exptrack.config import Config
from exptrack.errors import ExptrackError
from exptrack.model import Promotion
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.actions.approve import Approval
    from exptrack.actions.hooks import HookResult
    from exptrack.actions.rollback import RolledBack

MODEL = typer.Argument(..., metavar="MODEL", help="Name of the model, as churn-prod.")
JSON = typer.Option(False, "--json", help="Plain data on stdout and nothing else.")
REASON = typer.Option(None, "--reason", metavar="TEXT", help="Why; kept in the history.")


def promote(
    run: str = RUN,
    model: str = MODEL,
    reason: str = REASON,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would happen, with its exit code."),
    approve: bool = typer.Option(
        False, "--approve", help="Record your approval of somebody else's run; promotes nothing."
    ),
    withdraw: bool = typer.Option(False, "--withdraw", help="Take your approval back."),
    new: bool = typer.Option(False, "--new", help="A new model is meant, though its name is almost a known one."),
    as_json: bool = JSON,
) -> int:
    """Make a run the current run of a model, if it may be.

    Exit 4 when a gate is not met (every unmet one is listed), 5 when somebody else promoted meanwhile."""
    if sum((dry_run, approve, withdraw)) > 1:
        raise ExptrackError("one of --dry-run, --approve and --withdraw", "without any of them the run is promoted")
    place, screen = here(), Screen.of()
    if approve or withdraw:
        from exptrack.actions import approve as approving

        act = approving.approve if approve else approving.withdraw
        return _tell_of_approval(place.project.config, act(*place, run, model, reason), as_json=as_json)
    verdict = promotion.why(*place, run, model, is_new=new)
    _tell_of_history(verdict.altered)
    if not verdict.is_allowed:
        if as_json:
            print_json(screen, present.verdict_json(verdict))
        raise promotion.refusal(verdict)
    _tell_if_ungated(place.project.config, model)
    if dry_run:
        if as_json:
            print_json(screen, present.verdict_json(verdict))
        else:
            print_verdict(screen, verdict)
        return 0
    made = promotion.carry_out(place.project.config, place.store, verdict, reason)
    is_new = verdict.current != made.run
    if not as_json:
        print_promotion(screen, verdict, made)
    hooks = announce(*place, "promote", made) if is_new else announce_late(*place, made)
    _tell_of_hooks(hooks)
    if as_json:
        print_json(screen, present.verdict_json(verdict, made, hooks))
    return 0


def _tell_of_approval(config: Config, done: Approval, *, as_json: bool) -> int:
    screen = Screen.of()
    _tell_if_ungated(config, done.verdict.model)
    if as_json:
        print_json(screen, present.approval_json(done))
    else:
        print_approval(screen, done)
    return 0


def _tell_of_hooks(hooks: Sequence[HookResult]) -> None:
    """A hook that failed takes nothing back, and is not passed over either."""
    for hook in hooks:
        if hook.problem:
            Screen.of(sys.stderr).line(f"warning: the hook `{hook.command}` {hook.problem}; what was done stands")


def why(run: str = RUN, model: str = MODEL, as_json: bool = JSON) -> int:
    """Say whether a run may be promoted: every gate with its verdict. Exit 1 when it may not."""
    place, screen = here(), Screen.of()
    verdict = promotion.why(*place, run, model)
    _tell_of_history(verdict.altered)
    if all(g.gate != NAME for g in verdict.gates):
        _tell_if_ungated(place.project.config, model)
    if as_json:
        print_json(screen, present.verdict_json(verdict))
    else:
        print_verdict(screen, verdict)
    return 0 if verdict.is_allowed else 1


def _tell_of_history(altered: Sequence[str]) -> None:
    for problem in altered:
        Screen.of(sys.stderr).line(f"warning: {problem}; `exptrack verify` lists all of it")


def _tell_if_ungated(config: Config, model: str) -> None:
    """That there is nothing to pass must be known; a new name is a gate of its own (gates/named.py)."""
    if config.gates and not tables_for(config, model):
        patterns = [g.pattern for g in config.gates]
        near = did_you_mean(model, patterns, 1) or f"there are gates for: {', '.join(patterns)}"
        Screen.of(sys.stderr).line(f"warning: no [promote] table matches {model}; {near}")


def models(
    model: str = typer.Argument(None, metavar="[MODEL]", help="One model: its history."), as_json: bool = JSON
) -> None:
    """List the current run of every model, or one model's history."""
    place, screen = here(), Screen.of()
    found = promotion.models(place.store, model)
    left = untold(place.store, found[0].promotions[-1]) if model else []
    if as_json:
        print_json(screen, present.model_json(found[0], left) if model else present.models_json(found))
        return
    named = {p.run for history in found for p in history.promotions if p.run}
    runs = {run_id: load_run(*place, run_id) for run_id in named if place.store.records.has_run(run_id)}
    if model:
        print_history(screen, found[0], runs, left)
    else:
        print_models(screen, found, runs)


def rollback(
    model: str = MODEL,
    sequence: int = typer.Argument(None, metavar="[N]", help="Number in the model's history; default: the run before."),
    reason: str = REASON,
    as_json: bool = JSON,
) -> None:
    """Go back to an earlier promotion of a model.

    Exit 6 when bytes of its outputs are missing or altered. What it does not meet of today's gates is told."""
    from exptrack.actions.rollback import rollback as go_back

    place = here()
    done = go_back(*place, model, sequence, reason)
    _tell_of_change(done.promotion, as_json=as_json)
    _tell_of_gates(done)
    _tell_of_history(done.altered)
    hooks = announce(*place, "rollback", done.promotion)
    _tell_of_hooks(hooks)
    if as_json:
        print_json(Screen.of(), present.rolled_json(done, hooks))


def demote(model: str = MODEL, reason: str = REASON, as_json: bool = JSON) -> None:
    """Leave a model without a current run; its history stays."""
    place = here()
    told = promotion.hooks_for(place.project.config, model, is_demotion=True)
    made = promotion.demote(place.store, model, reason, told)
    _tell_of_change(made, as_json=as_json)
    hooks = announce(*place, "demote", made)
    _tell_of_hooks(hooks)
    if as_json:
        print_json(Screen.of(), present.changed_json(made, hooks))


def _tell_of_change(made: Promotion, *, as_json: bool) -> None:
    if not as_json:
        was = f"(was {made.previous or 'none'})"
        Screen.of().line(f"{made.model} {made.sequence}: {made.run or 'no current run'} {was}")


def _tell_of_gates(done: RolledBack) -> None:
    """A gate keeps nobody from going back; that what is current now would not be promoted must be said all the same."""
    made, screen = done.promotion, Screen.of(sys.stderr)
    if done.unasked:
        screen.line(f"warning: whether {made.run} meets today's gates is not known: {done.unasked}")
    for gate in done.unmet:
        found = f"it has {gate.value}, " * (gate.value is not None)
        screen.line(f"warning: {made.run} does not meet today's gate {gate.gate}: {found}wanted {gate.wanted}")


def which(
    asked: str = typer.Argument(..., metavar="FILE|MODEL|-", help="File, folder, model; -: digests, as of sha256sum."),
    as_json: bool = JSON,
) -> int:
    """Find the run that made a file (by content) or holds a model. Exit 1 when no run kept or read these
    bytes."""
    place, screen = here(), Screen.of()
    if asked == "-":
        answers = which_listed(*place, io.TextIOWrapper(sys.stdin.buffer, "utf-8", "surrogateescape"))
        if as_json:
            print_json(screen, [which_json(a) for a in answers])
        else:
            print_answers(screen, answers)
        return 0 if all(a.is_known for a in answers) else 1
    answer = find(*place, asked)
    if as_json:
        print_json(screen, which_json(answer))
    else:
        print_answer(screen, answer)
    return 0 if answer.is_known else 1
