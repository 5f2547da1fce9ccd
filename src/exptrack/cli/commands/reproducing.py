"""`reproduce`: can what was recorded be done again, and is the result the same?"""

from __future__ import annotations

import os
import signal
import sys

import typer

from exptrack.actions.places import here
from exptrack.cli.commands.annotating import RUN
from exptrack.cli.screen import Screen
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.actions.reproducing.reproduce import Wish

JSON = typer.Option(False, "--json", help="Plain data on stdout and nothing else.")


def reproduce(
    run: str = RUN,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what is missing today; change nothing."),
    same: bool = typer.Option(False, "--same-environment", help="Use the recorded interpreter, if it is unchanged."),
    installer: str = typer.Option(None, "--installer", metavar="uv|pip", help="What builds it; default uv if there."),
    tolerances: list[str] = typer.Option([], "--tolerance", metavar="METRIC=0.01|1%", help="Repeatable; globs too."),
    is_exact: bool = typer.Option(False, "--exact", help="No tolerance, of the policy neither, and no replicates."),
    output: str = typer.Option(None, "-o", "--output", metavar="DIR", help="Work in this new folder; it stays."),
    keep: bool = typer.Option(False, "--keep", help="Leave the temporary folder."),
    quiet: bool = typer.Option(False, "-q", "--quiet", help="No lines of our own on the way."),
    as_json: bool = JSON,
) -> int:
    """Restore a run, rebuild its environment, run it again, compare, and give a verdict.

    Exit 0: reproduced, also within tolerance; 1: it differs, or is not reproducible. docs/reproduce.md says how."""
    from exptrack.actions.reproducing.reproduce import Wish
    from exptrack.actions.reproducing.tolerance import parse_tolerances

    wish = Wish(output, keep, same, installer, parse_tolerances(tolerances), is_exact, quiet, as_json)
    return _ask(run, as_json=as_json) if dry_run else _do(run, wish)


def _ask(run: str, *, as_json: bool) -> int:
    from exptrack.actions.find import resolve
    from exptrack.actions.present.reproductions import readiness_json
    from exptrack.actions.reproducing.reproducible import readiness
    from exptrack.cli.plain import print_json
    from exptrack.cli.reproduceview import print_readiness

    place, screen = here(), Screen.of()
    found = resolve(*place, run)
    ready = readiness(*place, found, is_thorough=True)
    if as_json:
        print_json(screen, {"run": found.id, **readiness_json(ready)})
    else:
        print_readiness(screen, ready)
    return 0 if ready.is_possible else 1


def _do(run: str, wish: Wish) -> int:
    from exptrack.actions.find import resolve
    from exptrack.actions.present.reproductions import result_json
    from exptrack.actions.reproducing.again import Stopped
    from exptrack.actions.reproducing.reproduce import reproduce as repeat
    from exptrack.cli.plain import print_json
    from exptrack.cli.reproduceview import print_result
    from exptrack.reproduction import REPRODUCED, WITHIN

    place, screen, errors = here(), Screen.of(), Screen.of(sys.stderr)

    def say(text: str) -> None:
        if not wish.is_quiet:
            errors.line(f"exptrack: {text}")

    try:
        result = repeat(place, resolve(*place, run), wish, say)
    except Stopped as e:
        return _end_by(e.number)
    if wish.is_stdout_ours:
        print_json(screen, result_json(result))
    else:
        print_result(screen, result)
    return 0 if result.verdict in (REPRODUCED, WITHIN) else 1


def _end_by(number: int) -> int:
    """128+N. After Ctrl-C as `run` ends: a shell leaves its loop only when it sees that a program died of it."""
    if number == signal.SIGINT and os.getsid(0) != os.getpid():
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return 128 + number
