"""The typer application: a table of commands, each built only when it is asked for.

Building all of them costs 40 ms of every start; `exptrack --help` needs their one-line summaries only, which stand here
(a test keeps them equal to the commands' own).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import typer
from typer._click.exceptions import ClickException, UsageError  # typer ships its own click, under this name
from typer.core import TyperGroup

from exptrack import __version__
from exptrack.cli.ending import INTERRUPTED, report
from exptrack.cli.table_of_commands import COMMANDS
from exptrack.errors import ExptrackError
from exptrack.typed import Any

# What other tools call it.
ELSEWHERE = {
    "compare": "diff",
    "delete": "gc",
    "download": "get",
    "history": "ls",
    "list": "ls",
    "remove": "gc",
    "rm": "gc",
}


class CommandTable(TyperGroup):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        return build(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """ExptrackError (exit 2) for a command that there is not: most are typing errors, or words of other tools."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from exptrack.actions.nearest import did_you_mean

            meant = ELSEWHERE.get(args[0])
            hint = f"did you mean `{meant}`?" if meant else did_you_mean(args[0], COMMANDS)
            raise ExptrackError(f"no such command: {args[0]}", hint or "`exptrack --help` lists them")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def build(name: str) -> Any:
    """One command as click knows it."""
    module, _ = COMMANDS[name]
    function = getattr(importlib.import_module(f"exptrack.cli.commands.{module}"), name.replace("-", "_"))
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    own_words = {"allow_interspersed_args": False} if name == "run" else {}
    single.command(name, context_settings={"help_option_names": ["-h", "--help"], **own_words})(function)
    return typer.main.get_command(single)


app = typer.Typer(
    cls=CommandTable,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"exptrack {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    """Put `exptrack run --` in front of a training command; list, compare, promote and get back what it made."""


def run_app(argv: Sequence[str]) -> int:
    """Read argv with typer and run the command; returns its exit code. Wrong use is exit 2, for `run` 125."""
    wrong_use = 125 if argv[:1] == ["run"] else 2
    command = typer.main.get_command(app)
    try:
        # Not command.main(): that makes exit code 1, which means "no", of a reader that went away (`| head`).
        with command.make_context("exptrack", list(argv)) as context:
            result = command.invoke(context)
    except typer.Exit as e:
        return int(e.exit_code)
    except typer.Abort:
        return INTERRUPTED
    except UsageError as e:
        if type(e).__name__ == "NoArgsIsHelpError":
            print(e.ctx.get_help() if e.ctx else "", file=sys.stderr)
            return wrong_use
        # The parser tells of an option without its argument before there is a context.
        where = e.ctx.command_path if e.ctx else " ".join(["exptrack", *(w for w in argv[:1] if w in COMMANDS)])
        report(e.format_message(), f"`{where} --help` shows what it takes")
        return wrong_use
    except ClickException as e:
        report(e.format_message(), "")
        return wrong_use
    return result if isinstance(result, int) else 0
