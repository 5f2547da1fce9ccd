"""`promote`, `why`, `models`, `which`, `rollback`, `demote`."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase

import typer

from exptrack.actions import present
from exptrack.actions import promote as promotion
from exptrack.actions.find import load_run
from exptrack.actions.places import here
from exptrack.actions.which import which as find
from exptrack.cli.commands.annotating import RUN
from exptrack.cli.modelview import print_answer, print_history, print_models, print_promotion, print_verdict
from exptrack.cli.plain import print_json
from exptrack.cli.screen import Screen
from exptrack.config import Config

MODEL = typer.Argument(..., metavar="MODEL", help="Name of the model, as churn-prod.")
JSON = typer.Option(False, "--json", help="Plain data on stdout and nothing else.")
REASON = typer.Option(None, "--reason", metavar="TEXT", help="Why; kept in the history.")


def promote(run: str = RUN, model: str = MODEL, reason: str = REASON, as_json: bool = JSON) -> int:
    """Make a run the current run of a model, if it may be.

    Exit 4 when a gate is not met (every unmet one is listed), 5 when somebody else promoted meanwhile."""
    place, screen = here(), Screen.of()
    verdict = promotion.why(*place, run, model)
    if not verdict.is_allowed:
        if as_json:
            print_json(screen, present.verdict_json(verdict))
        raise promotion.refusal(verdict)
    verdict, made = promotion.promote(*place, run, model, reason)
    _tell_if_ungated(place.project.config, model)
    if as_json:
        print_json(screen, present.verdict_json(verdict, made))
    else:
        print_promotion(screen, verdict, made)
    return 0


def why(run: str = RUN, model: str = MODEL, as_json: bool = JSON) -> int:
    """Say whether a run may be promoted: every gate with its verdict. Exit 1 when it may not."""
    place, screen = here(), Screen.of()
    verdict = promotion.why(*place, run, model)
    _tell_if_ungated(place.project.config, model)
    if as_json:
        print_json(screen, present.verdict_json(verdict))
    else:
        print_verdict(screen, verdict)
    return 0 if verdict.is_allowed else 1


def _tell_if_ungated(config: Config, model: str) -> None:
    """A mistyped model would pass every gate there is for the right one."""
    if config.gates and not any(fnmatchcase(model, g.pattern) for g in config.gates):
        named = ", ".join(g.pattern for g in config.gates)
        Screen.of(sys.stderr).line(f"warning: no [promote] table matches {model}; there are gates for: {named}")


def models(
    model: str = typer.Argument(None, metavar="[MODEL]", help="One model: its history."), as_json: bool = JSON
) -> None:
    """List the current run of every model, or one model's history."""
    place, screen = here(), Screen.of()
    found = promotion.models(place.store, model)
    if as_json:
        print_json(screen, present.model_json(found[0]) if model else present.models_json(found))
        return
    named = {p.run for history in found for p in history.promotions if p.run}
    runs = {run_id: load_run(*place, run_id) for run_id in named if place.store.records.has_run(run_id)}
    if model:
        print_history(screen, found[0], runs)
    else:
        print_models(screen, found, runs)


def rollback(
    model: str = MODEL,
    sequence: int = typer.Argument(None, metavar="[N]", help="Number in the model's history; default: the run before."),
    reason: str = REASON,
) -> None:
    """Go back to an earlier promotion of a model."""
    made = promotion.rollback(*here(), model, sequence, reason)
    Screen.of().line(f"{model} {made.sequence}: {made.run} (was {made.previous or 'none'})")


def demote(model: str = MODEL, reason: str = REASON) -> None:
    """Leave a model without a current run; its history stays."""
    made = promotion.demote(here().store, model, reason)
    Screen.of().line(f"{model} {made.sequence}: no current run (was {made.previous})")


def which(
    asked: str = typer.Argument(..., metavar="FILE|MODEL", help="A file or folder (found by content), or a model."),
    as_json: bool = JSON,
) -> int:
    """Find the run that made a file (by content) or holds a model. Exit 1 when no run kept these bytes."""
    answer, screen = find(*here(), asked), Screen.of()
    if as_json:
        print_json(screen, present.which_json(answer))
    else:
        print_answer(screen, answer)
    return 0 if answer.matches else 1
