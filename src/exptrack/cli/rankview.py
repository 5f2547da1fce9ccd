"""`best` and `importance` on a screen."""

from __future__ import annotations

from exptrack.actions.columns import Key, differing
from exptrack.actions.importance import ENOUGH, Factor, Study
from exptrack.actions.rank import Ranking
from exptrack.amounts import counted
from exptrack.cli import humane
from exptrack.cli.screen import Column, Piece, Screen, Span
from exptrack.cli.show import INDENT
from exptrack.cli.table import ARROWS, print_runs

# Below, the forest guesses hardly better than the mean of all runs.
WEAK = 0.1


def print_ranking(screen: Screen, ranking: Ranking) -> None:
    """One run with its parameters; several as a table with what differs."""
    first = ranking.runs[0]
    if len(ranking.runs) > 1:
        runs = [r.run for r in ranking.runs]
        keys = [Key("field", "id"), Key("field", "name"), Key("metric", ranking.metric, ranking.goal)]
        print_runs(screen, runs, [*keys, *(k for k in differing(runs) if k.kind == "param")])
        return
    at = f" at step {humane.number(first.step)}" if first.step is not None else ""
    m = first.run.manifest
    value = Span(humane.number(first.value), "bold green")
    screen.line(f"{ranking.metric} {ARROWS[ranking.goal]} ", value, f"{at}  {m.id}  ", Span(m.name or "", "bold"))
    screen.columns([[k, humane.scalar(v)] for k, v in sorted(m.params.items())], INDENT)


def print_study(screen: Screen, study: Study) -> None:
    """Strongest first, with what it rests on."""
    said = f"{study.metric} ({study.part}) over {counted(study.runs, 'run')}"
    if study.explained is not None:
        said += f"; a forest of the parameters explains {max(0.0, study.explained):.0%} of it on runs it has not seen"
    screen.line(said)
    if not study.is_enough:
        few = f"too few runs to tell: {ENOUGH} at least; correlations of so few are mostly chance"
        screen.line(Span(few, "yellow"))
    elif study.explained is not None and study.explained < WEAK:
        screen.line(Span("the parameters explain hardly anything: what follows is noise", "yellow"))
    if study.factors:
        columns = [Column("parameter", is_fixed=True), *(Column(t, is_right=True) for t in TITLES)]
        screen.table(columns, [_factor(f) for f in study.factors])
    elif not study.left_out:
        screen.line("no parameter differs among them")
    for name, why in study.left_out.items():
        screen.line(Span(f"left out: {name}: {why}", "dim"))


TITLES = ("importance", "spearman", "pearson", "eta²", "values")


def _factor(factor: Factor) -> list[Piece]:
    worth = factor.importance
    weight: Piece = Span("-", "dim") if worth is None else f"{worth.mean:.2f} ± {worth.spread:.2f}"
    if worth is not None and worth.mean > 2 * worth.spread and worth.mean > WEAK:
        weight = Span(f"{worth.mean:.2f} ± {worth.spread:.2f}", "bold")
    figures = [Span("-", "dim") if v is None else f"{v:+.2f}" for v in (factor.spearman, factor.pearson)]
    eta: Piece = Span("-", "dim") if factor.eta2 is None else f"{factor.eta2:.2f}"
    return [factor.name, weight, *figures, eta, str(factor.distinct)]
