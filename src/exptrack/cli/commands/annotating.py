"""`tag`, `note`, `pin`."""

from __future__ import annotations

import typer

from exptrack.actions import annotate
from exptrack.actions.places import here
from exptrack.cli.screen import Screen

RUN = typer.Argument(..., metavar="RUN", help="Id or prefix, name, @, @~1, MODEL@, best:METRIC.")


def tag(
    run: str = RUN,
    pairs: list[str] = typer.Argument(..., metavar="KEY=VALUE…", help="KEY=VALUE sets, KEY= removes."),
) -> None:
    """Set or remove tags of a run."""
    found = annotate.tag(*here(), run, pairs)
    Screen.of().line(f"{found.id}: " + (" ".join(f"{k}={v}" for k, v in found.tags.items()) or "no tags"))


def note(run: str = RUN, text: str = typer.Argument(..., metavar="TEXT", help="Empty: take the note away.")) -> None:
    """Write a note on a run."""
    found = annotate.note(*here(), run, text)
    Screen.of().line(f"{found.id}: {'noted' if found.note else 'note removed'}")


def pin(run: str = RUN, remove: bool = typer.Option(False, "--remove", help="Unpin.")) -> None:
    """Keep a run's bytes whatever retention says."""
    found = annotate.pin(*here(), run, is_pinned=not remove)
    Screen.of().line(f"{found.id}: {'pinned' if found.pinned else 'not pinned'}")
