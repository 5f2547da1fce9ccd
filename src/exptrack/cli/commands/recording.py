"""`init` and `run`."""

from __future__ import annotations

import typer

from exptrack.actions.init import init as make
from exptrack.actions.request import Request
from exptrack.actions.run import run as run_and_record
from exptrack.actions.run import say_on_stderr


def init() -> None:
    """Make .exptrack/ and a commented exptrack.toml."""
    made = make()
    typer.echo(f"{'made' if made.is_new_folder else 'found'} {made.project.folder}")
    typer.echo(f"{'wrote' if made.is_new_policy else 'kept'} {made.policy}")


def run(
    command: list[str] = typer.Argument(..., metavar="-- COMMAND…", help="The training command with its arguments."),
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
    is_child: bool = typer.Option(False, "--child", help="Inside another run: record as a child run of it."),
    is_strict: bool = typer.Option(False, "--strict", help="Exit 4 when something mandatory is missing at the end."),
    is_quiet: bool = typer.Option(False, "-q", "--quiet", help="Print nothing of our own."),
) -> int:
    """Run and record a training command.

    The exit code is the command's: 128+N after signal N, 125 if exptrack would not start it, 126 not executable,
    127 not found."""
    request = Request(
        command=tuple(command),
        tags=tuple(tags),
        name=name,
        note=note,
        group=group,
        params=tuple(params),
        configs=tuple(configs),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        metrics_files=tuple(metrics_files),
        patterns=tuple(patterns),
        is_child=is_child,
        is_strict=is_strict,
        is_quiet=is_quiet,
        is_declared_only=is_declared_only,
    )
    return run_and_record(request, say_on_stderr)
