"""`plot`."""

from __future__ import annotations

import typer

from exptrack.actions.places import here
from exptrack.cli.commands.reading import JSON, warn
from exptrack.cli.screen import Screen
from exptrack.errors import ExptrackError
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.actions.series import Watch


def plot(
    metric: str = typer.Argument(..., metavar="METRIC", help="A name, several as A,B, or a glob as 'val/*'."),
    runs: list[str] = typer.Argument(None, metavar="[RUN…]", help="Default: the last run."),
    log: bool = typer.Option(False, "--log", help="Logarithmic y axis."),
    smooth: str = typer.Option(None, "--smooth", metavar="X", help="0.9: exponential mean; 20: mean of 20 points."),
    axis: str = typer.Option("step", "--x", metavar="step|time|epoch", help="What the x axis counts."),
    width: int = typer.Option(None, "--width", min=1, help="Columns; default: the terminal's, 80 in a pipe."),
    height: int = typer.Option(None, "--height", min=1, help="Lines; default: the terminal's, 24 in a pipe."),
    follow: bool = typer.Option(False, "-f", "--follow", help="Draw again until the runs have ended."),
    as_json: bool = JSON,
    as_csv: bool = typer.Option(False, "--csv", help="RFC 4180, one row a point."),
) -> None:
    """Draw curves of metrics in the terminal: several runs, several metrics.

    NaN and infinite values are gaps, named below the picture. --json and --csv give every point as it was recorded."""
    from exptrack.actions.curves import AXES, parse_smooth
    from exptrack.actions.find import resolve
    from exptrack.actions.series import Wanted, Watch, require_points
    from exptrack.cli.following import follow as draw_until_the_end
    from exptrack.cli.following import print_picture
    from exptrack.cli.plotting import Style, picture, style_of

    if axis not in AXES:
        raise ExptrackError(f"no axis {axis}", "--x step, --x time or --x epoch")
    if follow and (as_json or as_csv):
        raise ExptrackError("--follow draws a picture", "without it, --json and --csv give what there is now")
    amount = parse_smooth(smooth)
    place, screen = here(), Screen.of()
    watch = Watch(place, [resolve(*place, r) for r in runs or ["@"]], Wanted(metric))

    def style() -> Style:
        return style_of(screen, width=width, height=height, axis=axis, is_log=log, smooth=amount)

    if follow:
        draw_until_the_end(screen, watch, style)
        return
    watch.look()
    require_points(watch)
    for run, terms in watch.unmet():
        warn(f"{run} has no metric {', '.join(terms)}")
    if as_json or as_csv:
        _print_data(screen, watch, amount, as_json=as_json)
    else:
        print_picture(screen, picture(watch.curves(), style()))


def _print_data(screen: Screen, watch: Watch, amount: float, *, as_json: bool) -> None:
    from exptrack.actions.curves import curves_csv, curves_json
    from exptrack.cli.plain import print_csv, print_json

    if as_json:
        print_json(screen, curves_json(watch.curves(), amount))
    else:
        print_csv(screen, curves_csv(watch.curves(), amount))
