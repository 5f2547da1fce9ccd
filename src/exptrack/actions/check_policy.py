"""`policy check`: is the file right? Beside what reading it refuses, what is well-formed and still cannot work."""

from __future__ import annotations

from collections.abc import Iterator

from exptrack.actions.explain_policy import Lines, Rule, explain_policy
from exptrack.actions.goals import goal_for
from exptrack.actions.policy import disallowed
from exptrack.config import GATE, Config, Gates, Keep, read_config
from exptrack.errors import ExptrackError
from exptrack.policy_keys import FROM_GIT


def check_policy(config: Config, path: str | None = None) -> tuple[Config, list[Rule]]:
    """The file at `path`, else the one `config` was read from: what it says. ExptrackError (exit 2) with every line
    that is wrong, and when there is no file."""
    named = path or config.path
    if named is None:
        raise ExptrackError("no exptrack.toml here or above it", "`exptrack init` writes a commented one")
    found = read_config(named)
    problems = list(_problems(found, Lines(named)))
    if problems:
        raise ExptrackError("\n".join(text for text, _ in problems), problems[0][1])
    return found, list(explain_policy(found, {}))


def _problems(config: Config, lines: Lines) -> Iterator[tuple[str, str]]:
    """(message, hint) of what is well-formed and still cannot work."""
    asked: list[tuple[str | None, tuple[str, ...]]]
    asked = [(g.better_than_current, ("promote", g.pattern, "better_than_current")) for g in config.gates]
    asked += [(k.metric, ("retention", "keep")) for k in map(Keep.of, config.retention_keep) if k.what == "best"]
    for gates in config.gates:
        yield from _gate_problems(gates, lines)
    for name in filter(GATE.match, config.required_metrics):
        where = lines.of("require", "end", "metrics")
        yield f"{where}: `{name}` is no name of a metric", "a bound is asked in [promote.NAME] metrics"
    yield from _tag_problems(config, lines)
    for metric, place in asked:
        if metric and goal_for(metric, config.goals) is None:
            hint = f'say it: [metrics] goals = {{ "{metric}" = "max" }}'
            yield f"{lines.of(*place)}: nothing says whether more or less `{metric}` is better", hint


def _gate_problems(gates: Gates, lines: Lines) -> Iterator[tuple[str, str]]:
    """Keys that say more of a comparison which the table does not ask for."""
    told = {"replicates": gates.replicates, "min_delta": gates.min_delta}
    for key in told if not gates.better_than_current else ():
        if told[key]:
            where = lines.of("promote", gates.pattern, key)
            yield f"{where}: `{key}` of what?", 'say which metric: better_than_current = "val/acc"'
    if gates.p != Gates("").p and not gates.replicates:
        where = lines.of("promote", gates.pattern, "p")
        yield f"{where}: `p` of what test?", "say over how many seeds: replicates = 3"


def _tag_problems(config: Config, lines: Lines) -> Iterator[tuple[str, str]]:
    """Tags that no run could have: a default that is not allowed, a list of no values."""
    defaults = {tag: value for tag, value in config.tags.items() if value != FROM_GIT}
    for tag, (problem, nearest) in disallowed(config.allowed_tags, defaults).items():
        yield f"{lines.of('tags', tag)}: {problem}", f'say {tag} = "{nearest}"' if nearest else "change one of the two"
    for tag, rule in config.allowed_tags.items():
        if not rule and isinstance(rule, tuple):
            place = lines.of("require", "allowed", tag)
            yield f"{place}: no value of the tag {tag} is allowed", "list the values, or leave the line out"
