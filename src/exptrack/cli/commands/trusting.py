"""`verify`, `policy`, `gc`, `undo`, `lineage`: can one trust what is there, and what goes."""

from __future__ import annotations

import sys

import typer

from exptrack.actions.places import here
from exptrack.amounts import counted
from exptrack.cli.commands.annotating import RUN
from exptrack.cli.screen import Screen
from exptrack.errors import ExptrackError

JSON = typer.Option(False, "--json", help="Plain data on stdout and nothing else.")


def verify(
    runs: list[str] = typer.Argument(None, metavar="[RUN…]", help="These only; none: everything, models too."),
    sample: str = typer.Option("100%", "--sample", metavar="10%", help="Read only so much again, chosen by chance."),
    again: bool = typer.Option(False, "--again", help="Read also what an interrupted verify has read."),
    as_json: bool = JSON,
) -> int:
    """Read everything that is named again; say what is missing or altered.

    Exit 6 when something is, with the runs that are hurt. After Ctrl-C the next one goes on where it was."""
    from exptrack.actions.find import resolve
    from exptrack.actions.present.trust import verified_json
    from exptrack.actions.unfinished import Unfinished
    from exptrack.actions.verify import parse_sample
    from exptrack.actions.verify import verify as check
    from exptrack.cli.modelview import print_verified
    from exptrack.cli.plain import print_json
    from exptrack.cli.progress import Bar

    share = parse_sample(sample)
    place, screen = here(), Screen.of()
    ids = [resolve(*place, text).id for text in runs] if runs else None
    for run_id in ids or ():
        if not place.store.records.has_run(run_id):
            raise ExptrackError(
                f"run {run_id} is not sealed yet: it names nothing to verify", "wait until it has ended"
            )
    unfinished = Unfinished(place.project.cache, place.store.root)
    if again:
        unfinished.forget()
    with Bar.on(sys.stderr) as bar:
        done = check(place.store, ids, sample=share, progress=bar.show, unfinished=unfinished)
    if as_json:
        print_json(screen, verified_json(done))
    else:
        print_verified(screen, done.read, done.size, done.problems, done.earlier)
    return 6 if done.problems else 0


def policy(
    action: str = typer.Argument(..., metavar="check|explain", help="Is the file right; what does it ask of a run."),
    file: str = typer.Argument(None, metavar="[FILE]", help="check: this file; else the one that counts here."),
    as_json: bool = JSON,
) -> None:
    """Check the policy file, or explain what it asks of a run here.

    Exit 2 when it is wrong, with the line."""
    import os

    from exptrack.actions.check_policy import check_policy
    from exptrack.actions.explain_policy import explain_policy
    from exptrack.actions.present.trust import policy_json
    from exptrack.cli.plain import print_json
    from exptrack.cli.trustview import print_rules
    from exptrack.config import Config, find_project, read_config

    if action not in ("check", "explain"):
        raise ExptrackError(f"policy has no {action!r}", "`exptrack policy check` or `exptrack policy explain`")
    screen = Screen.of()
    if file:
        config = read_config(file)
    else:
        project = find_project(create=True)
        config = project.config if project else Config()
    rules = list(explain_policy(config, os.environ))
    if action == "check":
        config, rules = check_policy(config)
    if as_json:
        print_json(screen, policy_json(config.path, rules))
    else:
        print_rules(screen, config.path, rules, is_check=action == "check")


def gc(
    apply: bool = typer.Option(False, "--apply", help="Do it; without, only say what would go and why."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say; the default."),
    undo: bool = typer.Option(False, "--undo", help="Bring the last batch back, as `exptrack undo gc`."),
    empty: bool = typer.Option(False, "--empty-trash", help="Delete for good what is past the grace period."),
    as_json: bool = JSON,
) -> None:
    """Free the bytes of outputs that policy lets go.

    Without --apply nothing changes. What goes lies in the trash until the grace period of [retention] ends. What a run
    that goes on, or one of another project, may have stored within the last hour stays."""
    import time

    from exptrack.actions.present.trust import gc_json
    from exptrack.actions.retain import collect, plan_gc
    from exptrack.actions.trash import batches, empty_trash
    from exptrack.cli.plain import print_json
    from exptrack.cli.trustview import print_emptied, print_gc
    from exptrack.config import parse_duration

    if sum((apply, dry_run, undo, empty)) > 1:
        raise ExptrackError(
            "one of --apply, --dry-run, --undo and --empty-trash", "`exptrack gc` alone changes nothing"
        )
    if undo:
        _undo_gc(as_json=as_json)
        return
    place, screen, now = here(), Screen.of(), time.time()
    grace = parse_duration(place.project.config.retention_grace) or 0.0
    emptied = empty_trash(place.store, grace, now) if apply or empty else (0, 0)
    if empty:
        if as_json:
            print_json(screen, {"objects": emptied[0], "size": emptied[1]})
        else:
            print_emptied(screen, *emptied, place.project.config.retention_grace)
        return
    plan, moved = collect(*place) if apply else (plan_gc(*place, now), None)
    if as_json:
        print_json(screen, gc_json(plan, moved, batches(place.store)))
    else:
        print_gc(screen, plan, moved, batches(place.store), grace=grace)


def undo(
    what: str = typer.Argument(..., metavar="gc", help="What to take back."),
    as_json: bool = JSON,
) -> None:
    """Take back the last `gc --apply`: the bytes come out of the trash."""
    if what != "gc":
        raise ExptrackError(f"{what} cannot be undone", "`exptrack undo gc` brings back what the last gc let go")
    _undo_gc(as_json=as_json)


def _undo_gc(*, as_json: bool) -> None:
    from exptrack.actions.present.trust import undone_json
    from exptrack.actions.trash import undo_gc
    from exptrack.cli.humane import size
    from exptrack.cli.plain import print_json

    done, screen = undo_gc(here().store), Screen.of()
    if as_json:
        print_json(screen, undone_json(done))
    else:
        screen.line(f"{counted(done.objects, 'object')}, {size(done.size)} of {counted(done.runs, 'run')} back")


def lineage(
    run: str = RUN,
    as_dot: bool = typer.Option(False, "--dot", help="The graph for graphviz."),
    as_json: bool = JSON,
) -> None:
    """Show the runs a run came from and the runs that came from it.

    Found by the digests of inputs and outputs: nothing has to be declared as the other's."""
    from exptrack.actions.lineage import dot
    from exptrack.actions.lineage import lineage as find_family
    from exptrack.actions.present.trust import lineage_json
    from exptrack.cli.plain import print_json
    from exptrack.cli.trustview import print_lineage

    if as_dot and as_json:
        raise ExptrackError("--dot or --json", "one of them")
    family, screen = find_family(*here(), run), Screen.of()
    if as_json:
        print_json(screen, lineage_json(family))
    elif as_dot:
        screen.write(dot(family))
    else:
        print_lineage(screen, family)
