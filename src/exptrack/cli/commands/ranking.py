"""`best`, `importance`: which setting was best, and what made it so."""

from __future__ import annotations

import typer

from exptrack.actions.places import here
from exptrack.cli.screen import Screen

JSON = typer.Option(False, "--json", help="Plain data on stdout and nothing else.")
METRIC = typer.Argument(..., metavar="METRIC", help="As val/acc.")
FILTERS = typer.Argument(None, metavar="[FILTER…]", help="As for ls: group=sweep params.lr>1e-4 …")


def best(
    metric: str = METRIC,
    filters: list[str] = FILTERS,
    limit: int = typer.Option(1, "-n", "--limit", metavar="N", min=1, help="The best N runs."),
    as_json: bool = JSON,
) -> None:
    """Show the best finished run by a metric: its value and parameters.

    Best over the whole run, by the metric's goal. Exit 3 when no run has it."""
    from exptrack.actions.present.trust import ranking_json
    from exptrack.actions.rank import best as rank
    from exptrack.cli.plain import print_json
    from exptrack.cli.rankview import print_ranking

    found, screen = rank(*here(), metric, filters or (), limit), Screen.of()
    if as_json:
        print_json(screen, ranking_json(found))
    else:
        print_ranking(screen, found)


def importance(metric: str = METRIC, filters: list[str] = FILTERS, as_json: bool = JSON) -> None:
    """Say which parameters explain a metric over these runs, and how sure that is.

    METRIC.last, .min … choose a number of the run; by default the best, without a goal the last."""
    from exptrack.actions.importance import importance as weigh
    from exptrack.actions.present.trust import study_json
    from exptrack.cli.commands.reading import warn
    from exptrack.cli.plain import print_json
    from exptrack.cli.rankview import print_study

    found, screen = weigh(*here(), metric, filters or (), warn), Screen.of()
    if as_json:
        print_json(screen, study_json(found))
    else:
        print_study(screen, found)
