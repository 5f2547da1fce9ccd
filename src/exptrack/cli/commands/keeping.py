"""`get`, `restore`, `recover`, `reindex`, `doctor`: the store's bytes and the records that are being made."""

from __future__ import annotations

import typer

from exptrack.actions.places import here
from exptrack.amounts import counted
from exptrack.cli.commands.annotating import RUN
from exptrack.cli.screen import Screen, Span


def get(
    run: str = RUN,
    names: list[str] = typer.Argument(None, metavar="[NAME…]", help="Kind, path, file name or glob; none: all."),
    output: str = typer.Option(".", "-o", "--output", metavar="DIR", help="Where to; made when it is not there."),
    as_json: bool = typer.Option(False, "--json", help="Plain data on stdout and nothing else."),
) -> None:
    """Get a run's artifacts out of the store, digests checked."""
    from exptrack.actions.fetch import get as fetch
    from exptrack.actions.find_attempt import resolve_attempt
    from exptrack.actions.present.runs import fetched_json
    from exptrack.cli.humane import size
    from exptrack.cli.plain import print_json

    place, screen = here(), Screen.of()
    found = fetch(place.store, resolve_attempt(*place, run), names or (), output)
    if as_json:
        print_json(
            screen,
            [fetched_json(f) for f in found],
        )
        return
    for f in found:
        screen.line(f"{f.artifact.kind}: {f.path} ({size(f.artifact.size)}, sha256 {f.artifact.digest[:12]})")
        for path in f.leading_out:
            screen.line(f"a link that leads out of the folder: {path}")


def restore(
    run: str = RUN,
    folder: str = typer.Argument(..., metavar="DIR", help="A new or empty folder."),
    force: bool = typer.Option(False, "--force", help="Also into a folder that is not empty."),
) -> None:
    """Write the code of a run as it was into a folder."""
    from exptrack.actions.find_attempt import resolve_attempt
    from exptrack.actions.restore import restore as write_code

    place, screen = here(), Screen.of()
    found = resolve_attempt(*place, run)
    done = write_code(place.store, found.manifest, folder, force=force)
    screen.line(f"{counted(done.files, 'file')} of {found.id} in {done.target}")
    for path in done.left_out:
        screen.line(f"not in the snapshot: {path}")
    for place_in_file in done.masked:
        screen.line(f"a secret is missing, put it back by hand: {place_in_file}")
    for path in done.leading_out:
        screen.line(f"a link that leads out of the folder: {path}")


def recover() -> int:
    """Seal the runs whose processes are gone. Exit 1 when one could not be."""
    from exptrack.actions.recover import recover as seal_the_dead

    place, screen = here(is_recovering=False), Screen.of()
    sealed, problems = seal_the_dead(place.project)
    for result in sealed:
        screen.line(f"{result['id']}: {result['status']}")
    for problem in problems:
        screen.line(f"not sealed: {problem}")
    if not sealed and not problems:
        screen.line("nothing to recover")
    return 1 if problems else 0


def reindex() -> None:
    """Rebuild index.db from the store."""
    from exptrack.actions.reindex import reindex as rebuild

    done, screen = rebuild(*here()), Screen.of()
    sums = ", ".join(counted(getattr(done, f"{noun}s"), noun) for noun in ("run", "event", "promotion"))
    screen.line(f"{done.path}: {sums}")
    for path, text in done.problems:
        screen.line(f"left out: {path}: {text}")


def doctor(
    as_json: bool = typer.Option(False, "--json", help="Plain data on stdout and nothing else."),
) -> int:
    """Say whether this place is fit to record runs. Exit 1 when something is wrong."""
    from exptrack.actions.doctor import examine
    from exptrack.cli.plain import print_json
    from exptrack.config import find_project

    project, screen = find_project(create=True), Screen.of()
    assert project is not None  # create=True always answers
    findings = examine(project)
    if as_json:
        print_json(screen, [f._asdict() for f in findings])
    else:
        signs = {True: Span("✓", "green"), False: Span("✗", "red"), None: Span("·", "dim")}
        screen.columns([[signs[f.is_well], f.subject, f.text, Span(f.hint, "dim")] for f in findings])
    return 1 if any(f.is_well is False for f in findings) else 0
