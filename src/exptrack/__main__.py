"""The door: `exptrack ...` and `python -m exptrack ...`. `run` and completion requests go past typer (50 ms)."""

from __future__ import annotations

import os
import sys


def main() -> None:
    from exptrack.cli.main import main as open_door

    code = open_door(sys.argv[1:])
    if sys.argv[1:2] == ["run"]:
        _leave(code)
    sys.exit(code)


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
