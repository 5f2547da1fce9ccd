"""`verify`, `policy`, `gc`, `undo`, `lineage`: can one trust what is there, and what goes."""

from __future__ import annotations

import sys

import typer

from exptrack.actions.places import here
from exptrack.cli.screen import Screen
from exptrack.errors import ExptrackError

JSON = typer.Option(False, "--json", help="Plain data on stdout and nothing else.")


def verify(
    runs: list[str] = typer.Argument(None, metavar="[RUN…]", help="These only; none: everything, models too."),
    sample: str = typer.Option("100%", "--sample", metavar="10%", help="Read only so much again, chosen by chance."),
    as_json: bool = JSON,
) -> int:
    """Read everything that is named again; say what is missing or altered.

    Exit 6 when something is, with the runs that are hurt."""
    from exptrack.actions.find import resolve
    from exptrack.actions.present_trust import verified_json
    from exptrack.actions.verify import parse_sample
    from exptrack.actions.verify import verify as check
    from exptrack.cli.modelview import print_verified
    from exptrack.cli.plain import print_json
    from exptrack.cli.progress import Bar

    share = parse_sample(sample)
    place, screen = here(), Screen.of()
    ids = [resolve(*place, text).id for text in runs] if runs else None
    with Bar.on(sys.stderr) as bar:
        done = check(place.store, ids, sample=share, progress=bar.show)
    if as_json:
        print_json(screen, verified_json(done))
    else:
        print_verified(screen, done.read, done.size, [p[:3] for p in done.problems])
    return 6 if done.problems else 0


def policy(
    action: str = typer.Argument(..., metavar="check|explain", help="Is the file right; what does it ask of a run."),
    file: str = typer.Argument(None, metavar="[FILE]", help="check: this file; else the one that counts here."),
    as_json: bool = JSON,
) -> None:
    """Check the policy file, or explain what it asks of a run here.

    Exit 2 when it is wrong, with the line."""
    import os

    from exptrack.actions.explain_policy import check_policy, explain_policy
    from exptrack.actions.present_trust import policy_json
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
