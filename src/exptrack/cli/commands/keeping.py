"""`get`, `restore`, `recover`, `reindex`: the store's bytes and the records that are being made."""

from __future__ import annotations

import typer

from exptrack.actions.places import here
from exptrack.cli.commands.annotating import RUN


def get(
    run: str = RUN,
    names: list[str] = typer.Argument(None, metavar="[NAME…]", help="Kind, path, file name or glob; none: all."),
    output: str = typer.Option(".", "-o", "--output", metavar="DIR", help="Where to; made when it is not there."),
    as_json: bool = typer.Option(False, "--json", help="Plain data."),
) -> None:
    """Get a run's artifacts out of the store, digests checked."""
    from exptrack.actions.fetch import get as fetch
    from exptrack.actions.find import resolve
    from exptrack.cli.results import print_fetched

    place = here()
    print_fetched(fetch(place.store, resolve(*place, run), names or (), output), as_json)


def restore(
    run: str = RUN,
    folder: str = typer.Argument(..., metavar="DIR", help="A new or empty folder."),
    force: bool = typer.Option(False, "--force", help="Also into a folder that is not empty."),
) -> None:
    """Write the code of a run as it was into a folder."""
    from exptrack.actions.find import resolve
    from exptrack.actions.restore import restore as write_code
    from exptrack.cli.results import print_restored

    place = here()
    found = resolve(*place, run)
    print_restored(write_code(place.store, found.manifest, folder, force=force), folder)


def recover() -> int:
    """Seal the runs whose processes are gone."""
    from exptrack.actions.recover import recover as seal_the_dead
    from exptrack.cli.results import print_recovered

    place = here(is_recovering=False)
    sealed, problems = seal_the_dead(place.project)
    print_recovered(sealed, problems)
    return 1 if problems else 0


def reindex() -> None:
    """Rebuild index.db from the store."""
    from exptrack.actions.reindex import reindex as rebuild
    from exptrack.cli.results import print_reindexed

    print_reindexed(rebuild(*here()))
