"""`reproduce` on a screen: the verdict, what differs and what covers it, the environment, what to know."""

from __future__ import annotations

from exptrack.actions.reproducing.compare_reproduction import Difference
from exptrack.actions.reproducing.reproduce import Result
from exptrack.actions.reproducing.reproducible import Readiness
from exptrack.cli import humane
from exptrack.cli.screen import Piece, Screen, Span
from exptrack.cli.show import DIGEST, INDENT
from exptrack.reproduction import DIFFERS, NOT_REPRODUCIBLE, REPRODUCED, WITHIN

STYLES = {REPRODUCED: "bold green", WITHIN: "green", DIFFERS: "bold red", NOT_REPRODUCIBLE: "bold red"}


def print_readiness(screen: Screen, ready: Readiness) -> None:
    """Every check of `--dry-run`, then the answer."""
    rows: list[list[Piece]] = []
    for c in ready.checks:
        sign = Span("✓", "green") if c.is_met else Span("✗", "red") if c.is_needed else Span("–", "yellow")
        rows.append([sign, c.name, c.text, Span("" if c.is_met else c.hint, "yellow")])
    screen.columns(rows)
    screen.line()
    answer = "it could be reproduced now" if ready.is_possible else "it could not be reproduced now"
    style = "bold green" if ready.is_possible else "bold red"
    screen.line(Span(answer, style), f": {ready.met} of {len(ready.checks)}")


def print_result(screen: Screen, result: Result) -> None:
    """The verdict first: it is what one looks for."""
    again: list[Piece] = [f"  {result.run.id} → {result.again.id}"] if result.again else [f"  {result.run.id}"]
    if result.environment == "different":
        again.append(Span("  different environment", "yellow"))
    screen.line(Span(result.verdict, STYLES[result.verdict]), *again)
    if (comparison := result.comparison) is not None:
        total = comparison.outputs + comparison.metrics
        screen.line(f"{INDENT}{comparison.equal} of {total} equal: ", _counted(comparison.outputs, "output"), " and ",
                    _counted(comparison.metrics, "metric"))  # fmt: skip
        if comparison.left_out:
            screen.line(
                f"{INDENT}not compared, since they measure time or the machine: {', '.join(comparison.left_out)}"
            )
        screen.columns([_difference(d) for d in comparison.differences], INDENT)
    if result.unlike:
        screen.line(f"{INDENT}environment: ", Span(", ".join(map(str, result.unlike)), "yellow"))
    for problem in result.problems:
        screen.line(INDENT, Span(problem, "yellow"))
    if result.folder:
        screen.line(f"{INDENT}it lies in {result.folder}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _difference(one: Difference) -> list[Piece]:
    name = f"{one.name} ({one.part})" if one.part not in (None, "last") else one.name
    values: tuple[str, str]
    if isinstance(one.before, (int, float)) and isinstance(one.after, (int, float)):
        values = humane.two_numbers(one.before, one.after)
    else:
        values = _short(one.before), _short(one.after)
    covered = Span(f"within {one.within}", "green") if one.within else Span(one.note, "yellow")
    return [
        Span("~", "yellow" if one.within or one.what == "output" else "red"),
        name,
        f"{values[0]} → {values[1]}",
        covered,
    ]


def _short(value: str | float | None) -> str:
    if isinstance(value, str):
        return value[:DIGEST] if len(value) == 64 else value
    return "nothing" if value is None else humane.number(value)
