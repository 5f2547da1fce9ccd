"""One command, from argv to exit code: the quick way for `run` and completion, typer for the rest, one end for all."""

from __future__ import annotations

from collections.abc import Sequence

from exptrack.cli.ending import INTERNAL, guard
from exptrack.files import hold_closed_streams


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit code."""
    hold_closed_streams()
    return guard(lambda: _choose(argv), internal=125 if argv[:1] == ["run"] else INTERNAL)


def _choose(argv: Sequence[str]) -> int:
    if argv[:1] == ["run"]:
        from exptrack.cli import quick

        request = quick.parse(argv[1:])
        if request is not None:
            return quick.start(request)
    if argv[:1] == ["__complete"]:
        from exptrack.cli.complete import answer

        return answer(argv[1:])
    if argv[:1] == ["__again"]:
        from exptrack.actions.reproducing.again import run_again
        from exptrack.cli.voice import VOICE

        return run_again(argv[1:], VOICE)
    from exptrack.cli.app import run_app

    return run_app(argv)
