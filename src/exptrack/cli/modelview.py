"""`models`, `why`, `promote`, `which`, `verify` on a screen: who is current, since when, every gate's verdict."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from exptrack.actions.promote import History, Verdict
from exptrack.actions.which import Answer, Match
from exptrack.amounts import counted
from exptrack.cli import humane
from exptrack.cli.screen import Column, Piece, Screen, Span
from exptrack.cli.show import DIGEST, INDENT
from exptrack.cli.table import STATUS_STYLE
from exptrack.model import Gate, Promotion, Run
from exptrack.record.rundir import utc
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.actions.approve import Approval
    from exptrack.actions.verify import Earlier, Problem


def print_models(screen: Screen, histories: Sequence[History], runs: Mapping[str, Run]) -> None:
    """Every model with its current run. `runs`: those whose names are to be shown, by id."""
    if not histories:
        screen.line("no models yet: `exptrack promote RUN MODEL` makes one")
        return
    columns = [Column("model", is_fixed=True), Column("run", is_fixed=True), Column("name"), Column("since")]
    rows: list[list[Piece]] = []
    for model, current, promotions in histories:
        last = promotions[-1]
        run: Piece = current if current else Span("none", "yellow")
        rows.append([Span(model, "bold"), run, _name(runs, current), humane.age(last.at, screen.now)])
        rows[-1] += [last.author, last.reason or ""]
    screen.table([*columns, Column("by"), Column("reason")], rows)


def print_history(screen: Screen, history: History, runs: Mapping[str, Run], untold: Sequence[str] = ()) -> None:
    """One model, newest promotion first. `untold`: the hooks that have not been told of that one."""
    screen.line(Span(history.model, "bold"), f"  {history.current or 'no current run'}")
    screen.line()
    columns = [
        Column("", is_fixed=True),
        Column("no.", is_right=True, is_fixed=True),
        Column("run", is_fixed=True),
        Column("name"),
        Column("when"),
        Column("by"),
        Column("gates"),
        Column("reason"),
    ]
    newest = history.promotions[-1].sequence if history.promotions else 0
    rows: list[list[Piece]] = []
    for p in reversed(history.promotions):
        mark = Span("*" if p.run and p.sequence == newest else "", "bold cyan")
        rows.append([mark, str(p.sequence), p.run or Span("demoted", "yellow"), _name(runs, p.run)])
        rows[-1] += [humane.age(p.at, screen.now), p.author, _passed(p), p.reason or ""]
    screen.table(columns, rows)
    how = f"`exptrack promote {history.current} {shlex.quote(history.model)}` again tells it" * bool(history.current)
    for command in untold:
        screen.line(Span(f"not told of {history.model}@{newest}: {command}", "yellow"), Span(f"  {how}", "dim"))


def _name(runs: Mapping[str, Run], run_id: str | None) -> str:
    run = runs.get(run_id or "")
    return (run.manifest.name or "") if run else ""


def _passed(promotion: Promotion) -> str:
    return f"{sum(g.passed for g in promotion.gates)}/{len(promotion.gates)}" if promotion.gates else ""


def print_verdict(screen: Screen, verdict: Verdict) -> None:
    """Every gate, then the answer in one line."""
    print_gates(screen, verdict.gates)
    screen.line()
    what = f"{_called(verdict.run)} may be promoted to {verdict.model}"
    unmet = sum(not g.passed for g in verdict.gates)
    if unmet:
        what = f"{_called(verdict.run)} may not be promoted to {verdict.model}: {unmet} of {len(verdict.gates)} unmet"
    screen.line(Span(what, "bold red" if unmet else "bold green"))


def print_promotion(screen: Screen, verdict: Verdict, promotion: Promotion) -> None:
    """What `promote` did."""
    print_gates(screen, verdict.gates)
    screen.line()
    was = f", was {promotion.previous}" if promotion.previous else ""
    done = f"{promotion.model}@{promotion.sequence}: {_called(verdict.run)} is current{was}"
    screen.line(Span(done, "bold green"))


def print_approval(screen: Screen, approval: Approval) -> None:
    """What `promote --approve` or `--withdraw` recorded, then the verdict with it."""
    event, verdict = approval.event, approval.verdict
    what = "approves" if event.action == "approve" else "no longer approves"
    again = "" if approval.is_new else " (as was recorded already)"
    print_verdict(screen, verdict)
    screen.line(f"{event.author} {what} {_called(verdict.run)} for {verdict.model}{again}")
    if verdict.is_allowed and verdict.current != verdict.run.id:
        screen.line(f"`exptrack promote {verdict.run.id} {verdict.model}` makes it current")


def _called(run: Run) -> str:
    return f"{run.id} ({run.manifest.name})" if run.manifest.name else run.id


def print_gates(screen: Screen, gates: Sequence[Gate]) -> None:
    """✓ or ✗, what was found, what was wanted, and for an unmet gate what would change it."""
    screen.columns(
        [
            [
                Span("✓", "green") if g.passed else Span("✗", "red"),
                g.gate,
                humane.scalar(g.value),
                "" if g.wanted == g.value else f"wanted {humane.scalar(g.wanted)}",
                Span("" if g.passed else g.hint, "yellow"),
            ]
            for g in gates
        ]
    )


def print_answer(screen: Screen, answer: Answer) -> None:
    """The runs behind a file or model, in the order of the answer."""
    if answer.digest:
        screen.line(answer.asked, Span(f"  sha256 {answer.digest[:DIGEST]}", "dim"))
    if answer.files:
        screen.line("no run kept this folder as a whole; its files:")
        print_answers(screen, answer.files)
        return
    if not answer.matches:
        screen.line(_used(answer) or "no run kept these bytes")
        return
    screen.columns(
        [
            [
                m.run.id,
                Span(m.run.manifest.name or "", "bold"),
                Span(m.run.status, STATUS_STYLE.get(m.run.status, "")),
                humane.age(m.run.manifest.started_at, screen.now),
                m.kind,
                m.path if m.path != answer.asked else "",
                Span(_marks(m), "bold cyan" if m.promotions else "yellow"),
            ]
            for m in answer.matches
        ],
        INDENT if answer.digest else "",
    )


def print_answers(screen: Screen, answers: Sequence[Answer]) -> None:
    """A line for each: the newest run that made it, and how many more did."""
    rows: list[list[Piece]] = []
    for answer in answers:
        if not answer.matches:
            used = _used(answer)
            rows.append([answer.asked, used or Span("no run kept these bytes", "yellow")])
            continue
        m, more = answer.matches[0], len({m.run.id for m in answer.matches}) - 1
        row: list[Piece] = [answer.asked, m.run.id, Span(m.run.manifest.name or "", "bold"), m.kind, m.path]
        row.append(Span(_marks(m), "bold cyan" if m.promotions else "yellow"))
        rows.append([*row, Span(f"and {counted(more, 'more run')}" if more else "", "dim")])
    screen.columns(rows)


def _used(answer: Answer) -> str:
    """``input `train` of RUN (and 26 more runs)``; empty when no run has read it either."""
    runs = list(dict.fromkeys(use.run_id for use in answer.uses))
    if not runs:
        return ""
    more = f" (and {counted(len(runs) - 1, 'more run')})" if len(runs) > 1 else ""
    return f"input `{answer.uses[0].name}` of {runs[0]}{more}"


def _marks(match: Match) -> str:
    """What else to know before this run is called the author: `churn-prod@1, current`."""
    said = [f"{m}@{n}" + ", current" * match.is_current(m, n) for m, n in match.promotions]
    said += ["not written by this run"] * match.is_older
    return "; ".join([*said, f"repeats {match.repeats}"] if match.repeats else said)


def print_verified(
    screen: Screen, count: int, size: int, problems: Sequence[Problem], earlier: Earlier | None = None
) -> None:
    """`count` objects of `size` bytes were read again. A line for each place that is hurt; the sum tells objects from
    those who name them."""
    if earlier:
        said = f"{counted(earlier.objects, 'object')}, {humane.size(earlier.size)} had been read"
        screen.line(Span(f"{said} when it was interrupted, since {humane.date(utc(earlier.since))}", "dim"))
    screen.columns([[Span("✗", "red"), p.run, p.what, Span(p.wrong, "red")] for p in problems])
    for file in dict.fromkeys(p.file for p in problems if p.file):
        screen.line(Span(f"altered: {file}", "yellow"))
    if any(p.file for p in problems):
        screen.line(
            "to repair: move it away; the next run or `exptrack reproduce` that has these bytes stores them again"
        )
    found = f"{counted(count, 'object')} read, {humane.size(size)}: "
    style = "bold red" if problems else "bold green"
    screen.line(found, Span(_hurt(problems) or "all as recorded", style))


def _hurt(problems: Sequence[Problem]) -> str:
    """`1 object missing or altered, which 2 runs name; 3 records wrong`."""
    bad = [p for p in problems if p.digest]
    said = []
    if bad:
        objects, runs = len({p.digest for p in bad}), len({p.run for p in bad})
        name = "names" if runs == 1 else "name"
        said.append(f"{counted(objects, 'object')} missing or altered, which {counted(runs, 'run')} {name}")
    if wrong := len(problems) - len(bad):
        said.append(f"{counted(wrong, 'record')} wrong")
    return "; ".join(said)
