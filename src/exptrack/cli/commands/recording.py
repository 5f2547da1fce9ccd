"""`init` and `run`."""

from __future__ import annotations

import typer

from exptrack.actions.init import init as make
from exptrack.actions.request import Request
from exptrack.actions.run import run as run_and_record
from exptrack.cli.voice import VOICE
from exptrack.typed import Any


def init() -> None:
    """Make .exptrack/ and a commented exptrack.toml."""
    made = make()
    typer.echo(f"{'made' if made.is_new_folder else 'found'} {made.project.folder}")
    typer.echo(f"{'wrote' if made.is_new_policy else 'kept'} {made.policy}")


def run(
    command: list[str] = typer.Argument(None, metavar="-- COMMAND…", help="The training command with its arguments."),
    tags: list[str] = typer.Option([], "-t", "--tag", metavar="KEY=VALUE", help="Tag; repeatable."),
    name: str = typer.Option(None, "-n", "--name", help="Name of the run."),
    note: str = typer.Option(None, "-m", "--note", metavar="TEXT", help="Why this run."),
    group: str = typer.Option(None, "-g", "--group", help="Group: a sweep, a job array."),
    params: list[str] = typer.Option([], "-p", "--param", metavar="KEY=VALUE", help="Parameter; repeatable."),
    configs: list[str] = typer.Option([], "-c", "--config", metavar="FILE", help="Parameters from YAML, JSON, TOML."),
    inputs: list[str] = typer.Option([], "-i", "--in", metavar="[NAME=]PATH", help="Input: digest and size recorded."),
    outputs: list[str] = typer.Option([], "-o", "--out", metavar="[KIND=]PATH", help="Output: bytes kept at the end."),
    metrics_files: list[str] = typer.Option(
        [], "--metrics", metavar="PATH", help="File or folder with metrics, read live."
    ),
    patterns: list[str] = typer.Option(
        [], "--metric", metavar="NAME=REGEX", help="Extra pattern; or FILE.json of them."
    ),
    is_declared_only: bool = typer.Option(
        False, "--no-auto", help="Search for no metric files; read those of --metrics."
    ),
    resume: str = typer.Option(None, "--resume", metavar="RUN", help="Continue this run; without a command, its own."),
    no_policy: str = typer.Option(None, "--no-policy", metavar="REASON", help="Pass the policy by, where it lets you."),
    is_child: bool = typer.Option(False, "--child", help="Inside another run: record as a child run of it."),
    is_strict: bool = typer.Option(False, "--strict", help="Exit 4 when something mandatory is missing at the end."),
    is_quiet: bool = typer.Option(False, "-q", "--quiet", help="Print nothing of our own."),
) -> int:
    """Run and record a training command.

    The exit code is the command's: 128+N after signal N, 125 if exptrack would not start it, 126 not executable,
    127 not found."""
    # The parameters are called as the fields are.
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in locals().items() if v is not None}
    return run_and_record(Request(**given), VOICE)
