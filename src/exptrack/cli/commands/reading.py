"""`ls`, `show`, `diff`, `logs`, `parse`."""

from __future__ import annotations

import select
import sys
import time

import typer

from exptrack.actions.places import Place, here
from exptrack.amounts import counted
from exptrack.cli.commands.annotating import RUN
from exptrack.cli.screen import Screen
from exptrack.errors import ExptrackError

# What a person looks at; a pipe and a file get every run.
SCREENFUL = 50
JSON = typer.Option(False, "--json", help="Plain data on stdout and nothing else.")


def warn(text: str) -> None:
    """What a listing had to leave out, on stderr: the list itself stays clean."""
    Screen.of(sys.stderr).line(f"warning: {text}")


def ls(
    filters: list[str] = typer.Argument(None, metavar="[FILTER…]", help="status=failed params.lr>1e-4 name~resnet …"),
    sort: list[str] = typer.Option([], "--sort", metavar="KEY", help="As metrics.val/acc; -KEY reverses; repeatable."),
    limit: int | None = typer.Option(None, "-n", "--limit", metavar="N", min=0, help="0: all. On a terminal 50."),
    columns: str = typer.Option(None, "--columns", metavar="A,B", help="id,name,params.lr,metrics.val/acc.best,…"),
    group: str = typer.Option(None, "-g", "--group", help="Only runs of this group."),
    group_by: str = typer.Option(None, "--group-by", metavar="KEY", help="One row a value, with --agg."),
    aggregates: str = typer.Option(None, "--agg", metavar="A,B", help="mean,std,min,max,median,count."),
    as_json: bool = JSON,
    as_csv: bool = typer.Option(False, "--csv", help="RFC 4180, every field or those of --columns."),
) -> None:
    """List runs: filter, sort, group, choose columns.

    Filters are KEY OP VALUE with = != > >= < <= ~ !~ on status, tag.K, params.K, metrics.K, started>2d, name, ...;
    bare words look in name, note and tags. By default only columns that differ are shown."""
    from exptrack.actions import columns as choose
    from exptrack.actions.find import count_runs, find_runs
    from exptrack.actions.how_to_read import known_names
    from exptrack.actions.present.runs import ls_csv, run_json
    from exptrack.cli.plain import print_csv, print_json
    from exptrack.cli.table import print_runs

    place, screen = here(), Screen.of()
    wanted = [*(filters or []), *([f"group={group}"] if group else [])]
    _check_together(group_by, aggregates, is_list=bool(sort or limit is not None), both=as_json and as_csv)
    if group_by:
        _groups(place, screen, wanted, group_by, aggregates, columns, as_json=as_json, as_csv=as_csv)
        return
    is_table = not as_json and not as_csv
    most = SCREENFUL if limit is None and is_table and screen.is_terminal else limit or None
    asked = columns.split(",") if columns else []
    found = find_runs(*place, wanted, sort=sort, columns=asked, limit=most, warn=warn)
    keys = choose.parse_keys(asked, found) if columns else None
    if as_json:
        print_json(screen, [run_json(r) for r in found])
    elif as_csv:
        print_csv(screen, ls_csv(found, keys))
    else:
        empty = "no run matches" if wanted else "no runs yet: exptrack run -- COMMAND"
        named = () if keys else known_names(place.project.config)
        print_runs(screen, found, keys, empty=empty, named=named)
        if most == SCREENFUL == len(found) and limit is None:
            count = count_runs(*place, wanted)
            if count > len(found):
                Screen.of(sys.stderr).line(f"{len(found)} of {counted(count, 'run')}: -n 0 shows all")


def _check_together(group_by: str | None, aggregates: str | None, *, is_list: bool, both: bool) -> None:
    """What would be passed over without a word. `is_list`: options of a list of runs were given; `both`: of formats."""
    if both:
        raise ExptrackError("--json or --csv", "one of them")
    if group_by and is_list:
        raise ExptrackError("--group-by goes without --sort and --limit", "every group is shown, in order")
    if aggregates and not group_by:
        raise ExptrackError("--agg of which groups?", "say them: --group-by params.lr")


def _groups(
    place: Place,
    screen: Screen,
    wanted: list[str],
    key: str,
    aggregates: str | None,
    columns: str | None,
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    from exptrack.actions.group_rows import group_csv, group_json, group_row
    from exptrack.actions.groups import group_runs, metrics_of
    from exptrack.cli.plain import print_csv, print_json
    from exptrack.cli.table import print_groups

    keys, wanted_aggregates = key.split(","), (aggregates or "mean,std,count").split(",")
    metrics = metrics_of(columns.split(",")) if columns else None
    groups = group_runs(*place, wanted, keys, aggregates=wanted_aggregates, metrics=metrics, warn=warn)
    if as_json:
        print_json(screen, [group_json(g, keys) for g in groups])
    elif as_csv:
        print_csv(screen, group_csv(groups, keys, wanted_aggregates))
    else:
        print_groups(screen, [group_row(g, keys, wanted_aggregates) for g in groups])


def show(run: str = RUN, as_json: bool = JSON) -> None:
    """Show one run: what, with what, on what, how it went, what it left."""
    from exptrack.actions.find_attempt import resolve_attempt
    from exptrack.actions.present.reproductions import readiness_json
    from exptrack.actions.present.runs import run_json
    from exptrack.actions.reproducing.reproducible import readiness, score_line
    from exptrack.cli.plain import print_json
    from exptrack.cli.show import print_run

    place, screen = here(), Screen.of()
    found = resolve_attempt(*place, run)
    # A run that goes on has no end that another one could be compared with.
    ready = None if found.status == "running" else readiness(*place, found, is_thorough=False)
    if as_json:
        print_json(screen, run_json(found) | {"reproducible": readiness_json(ready) if ready else None})
    else:
        print_run(screen, found, score_line(ready) if ready else None)


def diff(
    a: str = typer.Argument(..., metavar="A", help="The run before."),
    b: str = typer.Argument("@", metavar="B", help="The run after; default: the last one."),
    patch: bool = typer.Option(False, "--patch", help="The lines of the code, for `git apply`."),
    exit_code: bool = typer.Option(False, "--exit-code", help="Exit 1 when anything differs."),
    as_json: bool = JSON,
) -> int:
    """Show what changed between two runs, likeliest cause first."""
    from exptrack.actions.diff import diff_runs, is_different
    from exptrack.actions.find_attempt import resolve_attempt
    from exptrack.actions.patch import patch as code_patch
    from exptrack.actions.present.runs import diff_json
    from exptrack.cli.diffview import print_diff, print_patch
    from exptrack.cli.plain import print_json

    place, screen = here(), Screen.of()
    before, after = resolve_attempt(*place, a), resolve_attempt(*place, b)
    found = diff_runs(place.store, before, after)
    if as_json:
        print_json(screen, diff_json(found, is_different(found)))
    elif patch:
        print_patch(screen, code_patch(place.store, before.manifest.code.tree, after.manifest.code.tree))
    else:
        print_diff(screen, found, before, after)
    return 1 if exit_code and is_different(found) else 0


def logs(
    run: str = RUN,
    follow: bool = typer.Option(False, "-f", "--follow", help="Go on until a live run has ended."),
    stream: str = typer.Option(None, "--stream", metavar="stdout|stderr", help="Only one of the two."),
    attempt: int = typer.Option(None, "--attempt", metavar="N", min=1, help="Only attempt N of a continued run."),
) -> None:
    """Print the recorded output of a run, raw."""
    from exptrack.actions.find import resolve
    from exptrack.actions.logs import follow_logs, read_logs

    if stream not in (None, "stdout", "stderr"):
        raise ExptrackError(f"no stream {stream}", "--stream stdout or --stream stderr")
    place = here()
    found = resolve(*place, run)
    blocks = follow_logs if follow else read_logs
    for block in blocks(*place, found, stream, attempt, *([_pause] if follow else [])):
        sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()


def _pause(seconds: float) -> None:
    """Wait, but not for a program that prints nothing while `| head` has long gone."""
    poll = select.poll()
    poll.register(1, 0)  # errors and hang-ups come unasked
    found = poll.poll(seconds * 1000)
    if any(events & (select.POLLERR | select.POLLHUP) for _, events in found):
        raise BrokenPipeError
    if found:
        time.sleep(seconds)  # macOS polls no devices and says so at once


def parse(
    file: str = typer.Argument(..., metavar="FILE|-", help="What a program printed, or a metrics file; -: stdin."),
    patterns: list[str] = typer.Option([], "--metric", metavar="NAME=REGEX", help="Extra pattern, as for `run`."),
    as_json: bool = typer.Option(False, "--json", help="One line of JSON a point."),
) -> None:
    """Show what would be recorded from a program's output, line by line, and why."""
    from exptrack.cli.parsing import print_parsed

    print_parsed(Screen.of(), file, patterns, as_json=as_json)
