"""The door: `exptrack ...` and `python -m exptrack ...`. `run` and completion requests go past typer (50 ms)."""

from __future__ import annotations

import sys


def main() -> None:
    from exptrack.cli.main import main as open_door

    sys.exit(open_door(sys.argv[1:]))


if __name__ == "__main__":
    main()
