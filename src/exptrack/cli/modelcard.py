"""The text of a model card: what a run is known to be, section by section, and what people have to fill in."""

from __future__ import annotations

import shlex

from exptrack.actions.cards.card import ModelFacts
from exptrack.actions.cards.index import told_metrics
from exptrack.actions.cards.merge import Block, Card
from exptrack.cli import humane
from exptrack.cli.circumstances import environment, hardware, snapshot
from exptrack.cli.markdown import code, day, facts, fence, quote, table, text, to_fill
from exptrack.cli.modelfront import TO_FILL, front_matter
from exptrack.cli.table import ARROWS
from exptrack.model import MetricSummary, Run

# Longer lists belong into --provenance and `show --json`; a card is read by people.
MOST_ROWS = 60


def model_card(known: ModelFacts, carbon: float | None = None) -> Card:
    """`carbon`: grams of CO2 equivalent a kWh of the grid; without it the card tells energy only."""
    run = known.run
    title = known.subject.model or run.manifest.name or run.id
    parts: list[Block | str] = [
        f"# {text(title)}",
        Block("summary", _summary(known)),
        "## What it is",
        to_fill("what the model does, on what it was built, who made it."),
        "## Intended use and limits",
        to_fill("what it is good for; what it must not be used for; known biases and failures."),
        Block("results", _results(run)),
        Block("data", _data(known)),
        Block("training", _training(run)),
        Block("environment", environment(run)),
        Block("hardware", hardware(run, carbon)),
        Block("code", snapshot(known)),
        Block("outputs", _outputs(run)),
        Block("reproduce", _reproduce(known)),
        Block("promotion", _promotion(known)),
        "## Contact",
        to_fill("whom to ask; how to cite it."),
    ]
    return Card("model", run.id, front_matter(title, run, carbon), TO_FILL, parts)


def _summary(known: ModelFacts) -> str:
    run, m, promotion = known.run, known.run.manifest, known.subject.promotion
    rows = [
        ("Run", f"{code(run.id)}{', ' + text(m.name) if m.name else ''}"),
        ("Status", _status(run)),
        (
            "Promoted as",
            code(f"{promotion.model}@{promotion.sequence}") + f" on {day(promotion.at)}" if promotion else "",
        ),
        ("Project", text(m.project or "")),
        ("Trained", f"{day(m.started_at)}{_duration(m.seconds)} by {text(m.author)} on {text(m.host)}"),
        ("Recorded by", f"exptrack {text(m.version)}" if m.version else "exptrack"),
    ]
    note = f"\n\n{quote(run.note)}" if run.note else ""
    return facts(rows) + note + _standing(known)


def _duration(seconds: float | None) -> str:
    return "" if seconds is None else f", {humane.duration(seconds)}"


def _status(run: Run) -> str:
    m = run.manifest
    why = f", signal {text(m.signal)}" if m.signal else f", exit code {m.exit_code}" if m.exit_code else ""
    missing = f"; missing: {', '.join(text(w) for w in m.missing)}" if m.missing else ""
    return text(run.status) + why + missing


def _standing(known: ModelFacts) -> str:
    """What a reader must not overlook."""
    run, model, promotion = known.run, known.subject.model, known.subject.promotion
    said = []
    if run.status != "finished":
        said.append(
            f"This run is **{text(run.status)}**: its outputs and metrics may not be those of a whole training."
        )
    if run.expired:
        said.append(f"Bytes of its outputs were let go on {day(run.expired_at)}; their digests remain.")
    if promotion and model not in run.models:
        said.append("It is not the current run of this model any more.")
    return "".join(f"\n\n**Note.** {s}" for s in said)


def _results(run: Run) -> str:
    metrics = run.manifest.metrics
    if not metrics:
        return "## Results\n\nNo metric was recorded."
    first = told_metrics(run.manifest)
    ordered = [*first, *(n for n in sorted(metrics) if n not in first)]
    rows = [_metric(n, metrics[n]) for n in ordered[:MOST_ROWS]]
    titles = ("metric", "last", "best", "at step", "points", "from")
    # Whether a training went back to its best epoch is not known to the record.
    said = (
        "The last value is of the weights as the training ended, not of an earlier epoch whose weights it may have kept"
    )
    said += ". ↑ more, ↓ less is better."
    return f"## Results\n\n{said}\n\n{table(titles, rows)}{_rest(len(ordered), MOST_ROWS, run)}"


def _metric(name: str, s: MetricSummary) -> list[str]:
    goal = f" {ARROWS[s.goal]}" if s.goal in ARROWS else ""
    unit = f" {text(s.unit)}" if s.unit else ""
    best = (
        ["", ""]
        if s.best is None
        else [humane.number(s.best), "" if s.best_step is None else humane.number(s.best_step)]
    )
    return [code(name) + unit + goal, humane.number(s.last), *best, str(s.count), text(s.source or "")]


def _rest(count: int, most: int, run: Run) -> str:
    return f"\n\n… and {count - most} more: {code(f'exptrack show {run.id} --json')}" if count > most else ""


def _data(known: ModelFacts) -> str:
    run = known.run
    inputs = run.manifest.inputs
    if not inputs:
        return "## Data\n\nNo input was declared: on what it was trained is not known to the record."
    rows = []
    for i in inputs[:MOST_ROWS]:
        made = known.sources.get(i.digest or "")
        source = f"run {code(made.run)}: {code(made.path)}" if made else ""
        size = [humane.size(i.size), str(i.files)] if i.digest else ["", ""]
        rows.append([text(i.name), code(i.path), code(i.digest) if i.digest else "was not there", *size, source])
    titles = ("input", "path", "sha256", "size", "files", "output of")
    return f"## Data\n\n{table(titles, rows)}{_rest(len(inputs), MOST_ROWS, run)}"


def _training(run: Run) -> str:
    m = run.manifest
    out = ["## Training", fence(shlex.join(m.command), "sh")]
    params = sorted(m.params.items())
    if params:
        rows = [
            [code(k), code(humane.scalar(v)) if isinstance(v, str) else humane.scalar(v)] for k, v in params[:MOST_ROWS]
        ]
        out.append(table(("parameter", "value"), rows) + _rest(len(params), MOST_ROWS, run))
    else:
        out.append("No parameter was recorded.")
    tags = sorted(run.tags.items())
    if tags:
        out.append("Tags: " + ", ".join(code(f"{k}={v}") for k, v in tags[:MOST_ROWS]))
    return "\n\n".join(out)


def _outputs(run: Run) -> str:
    kept = run.manifest.artifacts
    if not kept:
        return "## Files\n\nNo output was kept."
    rows = [
        [text(a.kind), code(a.path), code(a.digest), humane.size(a.size), str(a.files), _fate(run, a.digest)]
        for a in kept[:MOST_ROWS]
    ]
    titles = ("kind", "path", "sha256", "size", "files", "note")
    said = "Any copy of these files finds its run with `exptrack which FILE`."
    return f"## Files\n\n{said}\n\n{table(titles, rows)}{_rest(len(kept), MOST_ROWS, run)}"


def _fate(run: Run, digest: str) -> str:
    return f"bytes let go {day(run.expired_at)}" if digest in run.expired else ""


def _reproduce(known: ModelFacts) -> str:
    run, m = known.run, known.run.manifest
    lines = [f"exptrack restore {run.id} DIR      # the code as it was"] if m.code.tree else []
    if any(a.digest not in run.expired for a in m.artifacts):
        lines.append(f"exptrack get {run.id} -o DIR       # its files, digests checked")
    if m.code.tree:
        lines.append(f"exptrack reproduce {run.id}        # run it again and compare")
    tried = [(day(r.at), text(r.verdict) + (f", run {code(r.run)}" if r.run else "")) for r in run.reproductions]
    lacking = [f"input {text(i.name)} was not there" for i in m.inputs if not i.digest]
    lacking += [f"{code(p)} is not in the snapshot" for p in m.code.left_out[:10]]
    if not m.code.tree:
        lacking.append("no snapshot of the code was taken")
    elif not known.has_code:
        lacking.append("the snapshot of the code is not in this store")
    if m.environment.python is None:
        lacking.append("the environment is not known")
    out = ["## How to reproduce"]
    if lines:
        out.append(fence("\n".join(lines), "sh"))
    if tried:
        out.append(facts(tried))
    if lacking:
        out.append("In the way: " + "; ".join(lacking) + ".")
    return "\n\n".join(out)


def _promotion(known: ModelFacts) -> str:
    out = ["## Promotion"]
    meant = known.subject.promotion
    shown = meant or next((p for h in known.histories for p in reversed(h.promotions) if p.run == known.run.id), None)
    if shown is None:
        return "## Promotion\n\nIt was never promoted."
    gates = [
        ["✓" if g.passed else "✗", text(g.gate), text(humane.scalar(g.value)), text(humane.scalar(g.wanted))]
        for g in shown.gates
    ]
    if gates:
        out.append(f"Gates of {code(f'{shown.model}@{shown.sequence}')}:")
        out.append(table(("", "gate", "found", "wanted"), gates))
    for history in known.histories:
        rows = [
            [str(p.sequence), code(p.run) if p.run else "none", day(p.at), text(p.author), text(p.reason or "")]
            for p in history.promotions[-MOST_ROWS:]
        ]
        out.append(f"History of {code(history.model)}:")
        out.append(table(("number", "run", "at", "by", "reason"), rows))
    return "\n\n".join(out)
