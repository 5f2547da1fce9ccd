"""The text of a data set card: one digest, what has it, who made it and who used it as what."""

from __future__ import annotations

from exptrack.actions.cards.dataset import DataFacts
from exptrack.actions.cards.merge import Block, Card
from exptrack.amounts import counted
from exptrack.cli import humane
from exptrack.cli.humane import clean
from exptrack.cli.markdown import code, day, facts, table, text, to_fill
from exptrack.cli.modelcard import MOST_ROWS
from exptrack.typed import Any

TO_FILL = (
    ("license", "an identifier of the Hub, as cc-by-4.0"),
    ("language", "as en"),
    ("task_categories", "what it is for, as text-classification"),
    ("size_categories", "examples in it, as 10K<n<100K"),
)


def dataset_card(known: DataFacts) -> Card:
    """Only what the runs of the store know of the data."""
    front: dict[str, Any] = {"pretty_name": clean(known.name), "tags": ["exptrack"]}
    parts: list[Block | str] = [
        f"# {text(known.name)}",
        Block("summary", _summary(known)),
        "## What it is",
        to_fill("what one example is, how many there are, what was measured and how it is labelled."),
        "## Where it comes from",
        to_fill("source, collection, cleaning, consent, personal data."),
        Block("made", _made(known)),
        Block("used", _used(known)),
        Block("versions", _versions(known)),
        "## Intended use and limits",
        to_fill("what it is good for; what it does not cover; known biases."),
        "## Contact",
        to_fill("whom to ask; how to cite it."),
    ]
    return Card("dataset", known.uses[0].run.id, front, TO_FILL, parts)


def _summary(known: DataFacts) -> str:
    paths = list(dict.fromkeys(u.used.path for u in known.uses))
    names = [n for n in dict.fromkeys(u.used.name for u in known.uses) if n != known.name]
    one = (
        ", of the file (or of the list of the one file of a folder)"
        if known.files == 1
        else ", of the list of its files"
    )
    count = len({u.run.id for u in known.uses})
    rows = [
        ("sha256", code(known.digest) + one),
        ("Size", humane.size(known.size)),
        ("Files", str(known.files)),
        ("Where it lay", ", ".join(code(p) for p in paths[:10]) + (" …" if len(paths) > 10 else "")),
        ("Also called", ", ".join(text(n) for n in names[:10])),
        ("Used by", f"{counted(count, 'run')}, the last {day(known.uses[0].run.manifest.started_at)}"),
    ]
    return facts(rows)


def _made(known: DataFacts) -> str:
    if not known.makers:
        return "## Made by\n\nNo run of this store has made it."
    rows = [[code(m.run.id), text(m.run.manifest.name or ""), text(m.kind), code(m.path)] for m in known.makers]
    return "## Made by\n\n" + table(("run", "name", "kind", "path"), rows[:MOST_ROWS])


def _used(known: DataFacts) -> str:
    rows = []
    for u in known.uses[:MOST_ROWS]:
        m = u.run.manifest
        models = ", ".join(code(p) for p in u.promoted)
        rows.append([code(m.id), text(m.name or ""), text(u.run.status), day(m.started_at), text(u.used.name), models])
    more = f"\n\n… and {len(known.uses) - MOST_ROWS} more" if len(known.uses) > MOST_ROWS else ""
    titles = ("run", "name", "status", "started", "as", "promoted as")
    return "## Used by\n\n" + table(titles, rows) + more


def _versions(known: DataFacts) -> str:
    if not known.others:
        return f"## Other versions\n\nNo other bytes were used under the name {text(known.name)}."
    rows = [[code(v.digest), humane.size(v.size), str(v.files), str(v.runs), day(v.last_at)] for v in known.others]
    return "## Other versions\n\n" + table(("sha256", "size", "files", "runs", "last used"), rows[:MOST_ROWS])
