"""`promote`, `why`, `models`, `which`, `rollback`, `demote`."""

from __future__ import annotations

import typer

from exptrack.actions import promote as promotion
from exptrack.actions.places import here
from exptrack.cli.commands.annotating import RUN

MODEL = typer.Argument(..., metavar="MODEL", help="Name of the model, as churn-prod.")
JSON = typer.Option(False, "--json", help="Plain data on stdout and nothing else.")
REASON = typer.Option(None, "--reason", metavar="TEXT", help="Why; kept in the history.")


def promote(run: str = RUN, model: str = MODEL, reason: str = REASON, as_json: bool = JSON) -> int:
    """Make a run the current run of a model, if it may be.

    Exit 4 when a gate is not met (every unmet one is listed), 5 when somebody else promoted meanwhile."""
    from exptrack.cli.results import print_promotion

    place = here()
    if as_json:
        verdict = promotion.why(*place, run, model)
        if not verdict.is_allowed:
            print_promotion(verdict, None, as_json=True)
            raise promotion.refusal(verdict)
    verdict, made = promotion.promote(*place, run, model, reason)
    print_promotion(verdict, made, as_json=as_json)
    return 0


def why(run: str = RUN, model: str = MODEL, as_json: bool = JSON) -> int:
    """Say whether a run may be promoted: every gate with its verdict. Exit 1 when it may not."""
    from exptrack.cli.results import print_verdict

    verdict = promotion.why(*here(), run, model)
    print_verdict(verdict, as_json=as_json)
    return 0 if verdict.is_allowed else 1


def models(
    model: str = typer.Argument(None, metavar="[MODEL]", help="One model: its history."), as_json: bool = JSON
) -> None:
    """List the current run of every model, or one model's history."""
    from exptrack.cli.results import print_history, print_models

    place = here()
    found = promotion.models(place.store, model)
    if model:
        print_history(found[0], as_json=as_json)
    else:
        print_models(place, found, as_json=as_json)


def rollback(
    model: str = MODEL,
    sequence: int = typer.Argument(None, metavar="[N]", help="Number in the model's history; default: the run before."),
    reason: str = REASON,
) -> None:
    """Go back to an earlier promotion of a model."""
    from exptrack.cli.results import print_step

    print_step(promotion.rollback(*here(), model, sequence, reason))


def demote(model: str = MODEL, reason: str = REASON) -> None:
    """Leave a model without a current run; its history stays."""
    from exptrack.cli.results import print_step

    print_step(promotion.demote(here().store, model, reason))


def which(
    asked: str = typer.Argument(..., metavar="FILE|MODEL", help="A file or folder (found by content), or a model."),
    as_json: bool = JSON,
) -> int:
    """Find the run that made a file (by content) or holds a model. Exit 1 when no run kept these bytes."""
    from exptrack.actions.which import which as find
    from exptrack.cli.results import print_answer

    answer = find(*here(), asked)
    print_answer(answer, as_json=as_json)
    return 0 if answer.matches else 1
