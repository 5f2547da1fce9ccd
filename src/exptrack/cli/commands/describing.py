"""`card`: what a run or model, a data set, or the making of an output is, for people and for machines outside."""

from __future__ import annotations

import sys

import typer

from exptrack.actions.places import Place, here
from exptrack.cli.screen import Screen
from exptrack.errors import ExptrackError
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.actions.cards.merge import Card


def card(
    asked: str | None = typer.Argument(None, metavar="RUN|MODEL", help="A run; a model: its current run; MODEL@3."),
    dataset: str | None = typer.Option(
        None, "--dataset", metavar="INPUT", help="A data set card: name or digest of an input."
    ),
    provenance: bool = typer.Option(False, "--provenance", help="An in-toto statement with SLSA provenance."),
    output: str | None = typer.Option(None, "-o", "--output", metavar="FILE", help="Made or updated; else stdout."),
    carbon: float | None = typer.Option(None, "--carbon", metavar="G", min=0, help="Grams of CO2e a kWh of its grid."),
    force: bool = typer.Option(False, "--force", help="Also over what was edited between the markers."),
) -> None:
    """Write a model card, a data set card or a provenance statement.

    With -o a card that is there keeps what people wrote outside its markers; a folder means its README.md."""
    if dataset is not None and provenance:
        raise ExptrackError("--dataset or --provenance", "one of them")
    if asked is None and dataset is None:
        raise ExptrackError("of which run or model?", "`exptrack card RUN`, or `exptrack card --dataset INPUT`")
    target = None if output in (None, "-") else output
    place = here()
    if provenance and asked is not None:
        _provenance(place, asked, target, is_forced=force)
    elif dataset is not None:
        from exptrack.actions.cards.dataset import dataset_facts
        from exptrack.cli.datasetcard import dataset_card

        _give(dataset_card(dataset_facts(*place, dataset, asked)), target, is_forced=force)
    elif asked is not None:
        from exptrack.actions.cards.card import model_facts
        from exptrack.cli.modelcard import model_card

        _give(model_card(model_facts(*place, asked), carbon), target, is_forced=force)


def _give(made: Card, target: str | None, *, is_forced: bool) -> None:
    from exptrack.actions.cards.file import write_card
    from exptrack.actions.cards.merge import new

    if target is None:
        Screen.of().write(new(made))
        return
    path, is_changed = write_card(target, made, is_forced=is_forced)
    _tell(path, made.run, is_changed=is_changed)


def _provenance(place: Place, asked: str, target: str | None, *, is_forced: bool) -> None:
    import json

    from exptrack.actions.cards.card import subject
    from exptrack.actions.cards.file import write_statement
    from exptrack.actions.cards.provenance import provenance
    from exptrack.cli.plain import print_json

    found = subject(*place, asked)
    model = f"{found.model}@{found.promotion.sequence}" if found.model and found.promotion else None
    made = provenance(place.store, found.run, model)
    for warning in made.warnings:
        Screen.of(sys.stderr).line(f"warning: {warning}")
    if target is None:
        print_json(Screen.of(), made.data)
        return
    path, is_changed = write_statement(target, json.dumps(made.data, indent=2) + "\n", is_forced=is_forced)
    _tell(path, found.run.id, is_changed=is_changed)


def _tell(path: str, run_id: str, *, is_changed: bool) -> None:
    Screen.of().line(f"{path}: {'written' if is_changed else 'is up to date'}, of run {run_id}")
