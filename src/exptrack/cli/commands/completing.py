"""`completion`."""

from __future__ import annotations

import typer

from exptrack.cli.complete import script


def completion(shell: str = typer.Argument(..., metavar="bash|zsh|fish", help="The shell to complete for.")) -> None:
    """Print the completion script for bash, zsh or fish."""
    typer.echo(script(shell), nl=False)
