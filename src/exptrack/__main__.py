"""The door: `exptrack ...` and `python -m exptrack ...`. `run` and completion requests go past typer (50 ms)."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    is_run = sys.argv[1:2] == ["run"]
    if is_run:
        gc.disable()  # as actions/run.py says; the imports until there are as many again
    from exptrack.cli.main import main as open_door

    if sys.stdout is None or sys.stderr is None:
        _stand_in_for_closed_streams()
    code = open_door(sys.argv[1:])
    if is_run:
        _leave(code)
    sys.exit(code)


def _stand_in_for_closed_streams() -> None:
    """What was closed (`2>&-`) is None in Python, and print to that goes to stdout: into the training's output."""
    from exptrack.files import hold_closed_streams

    hold_closed_streams()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - as long as the process


def _leave(code: int) -> None:
    """End without taking the interpreter apart: 4 ms after every run, and nothing is open any more but our output."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return  # a stream that is closed or broken: the usual way out says what is to be said of it
    os._exit(code)


if __name__ == "__main__":
    main()
