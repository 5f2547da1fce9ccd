"""`policy check` and `policy explain`: is the file right, and what does it ask of a run here, line by line?"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from exptrack.actions.goals import goal_for
from exptrack.actions.policy import disallowed, tags_of
from exptrack.amounts import size
from exptrack.config import GATE as GATE_TEXT
from exptrack.config import Config, Gates, Keep, read_config
from exptrack.errors import ExptrackError
from exptrack.policy_keys import FROM_GIT, PYPROJECT
from exptrack.policy_lines import line_of

START, END, GATE, KEPT = "before the start", "at the end", "to promote", "when bytes go"
AFTER = "after a promotion"
ALWAYS, DEFAULT = "always", "default"


class Rule(NamedTuple):
    """One thing that is asked. `when`: one of the five moments above; `model`: the glob of a promotion gate; `given`:
    what answers it here without a word; `source`: FILE:LINE, `always` or `default`."""

    when: str
    asked: str
    source: str
    model: str | None = None
    given: str | None = None


class Lines:
    """Where the keys of one policy file stand."""

    def __init__(self, path: str | None) -> None:
        self.path, self.text = path, ""
        if path is not None:
            with open(path, encoding="utf-8") as f:
                self.text = f.read()

    def has(self, table: str, key: str) -> bool:
        """Does the file say anything of this key itself?"""
        if self.path is None:
            return False
        raw = tomllib.loads(self.text)
        if os.path.basename(self.path) == PYPROJECT:
            raw = raw.get("tool", {}).get("exptrack", {})
        return key in raw.get(table, {})

    def of(self, *place: str) -> str:
        """FILE:LINE of a key."""
        if self.path is None:
            return DEFAULT
        full = ("tool", "exptrack", *place) if os.path.basename(self.path) == PYPROJECT else place
        return f"{self.path}:{line_of(full, self.text)}"


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
    for name in filter(GATE_TEXT.match, config.required_metrics):
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


def explain_policy(config: Config, environment: Mapping[str, str]) -> Iterator[Rule]:
    """Everything asked of a run that starts here now, in the order it meets it."""
    lines = Lines(config.path)
    yield from _start(config, lines, environment)
    yield from _end(config, lines)
    yield Rule(GATE, "the run is finished, and nothing mandatory is missing", ALWAYS, "*")
    yield Rule(GATE, "it has not passed the policy by", ALWAYS, "*")
    yield Rule(GATE, "its kept outputs are still in the store", ALWAYS, "*")
    for gates in config.gates:
        yield from _gates(gates, lines)
    yield from _hooks(config, lines)
    yield from _retention(config, lines)


def _start(config: Config, lines: Lines, environment: Mapping[str, str]) -> Iterator[Rule]:
    known = tags_of(config, {}, environment)
    for tag in config.required_tags:
        yield Rule(START, f"tag {tag}", lines.of("require", "tags"), given=_given(known, tag))
    for tag, rule in config.allowed_tags.items():
        asked = f"that matches {rule}" if isinstance(rule, str) else f"one of {', '.join(rule)}"
        if_given = "" if tag in config.required_tags else ", if given"
        source = lines.of("require", "allowed", tag)
        yield Rule(START, f"tag {tag}{if_given}: {asked}", source, given=_given(known, tag))
    if config.required_name is not None:
        yield Rule(START, f"a name that matches {config.required_name}", lines.of("require", "name"))
    if config.is_bypass_allowed:
        yield Rule(START, "or a reason why not: --no-policy REASON", lines.of("require", "bypass"))
    source = lines.of("snapshot", "max_size") if config.snapshot_max_bytes != Config().snapshot_max_bytes else DEFAULT
    yield Rule(START, f"the code is at most {size(config.snapshot_max_bytes)}", source)


def _given(known: Mapping[str, str], tag: str) -> str | None:
    return f"{tag}={known[tag]}" if known.get(tag, "").strip() else None


def _end(config: Config, lines: Lines) -> Iterator[Rule]:
    wanted = {
        "metrics": ("metric", config.required_metrics),
        "outputs": ("output", config.required_outputs),
        "tags": ("tag", config.required_end_tags),
    }
    for key, (word, names) in wanted.items():
        for name in names:
            yield Rule(END, f"{word} {name}", lines.of("require", "end", key))
    if config.is_written_required:
        yield Rule(END, "every kind of output written by the run itself", lines.of("require", "end", "written"))


def _gates(gates: Gates, lines: Lines) -> Iterator[Rule]:
    def source(key: str) -> str:
        return lines.of("promote", gates.pattern, key)

    for text in gates.metrics:
        yield Rule(GATE, text, source("metrics"), gates.pattern)
    if gates.better_than_current:
        by = f" by at least {gates.min_delta:g}" if gates.min_delta else ""
        over = f" over {gates.replicates} seeds of both, p <= {gates.p:g}" if gates.replicates else ""
        asked = f"{gates.better_than_current} better than the current run's{by}{over}"
        yield Rule(GATE, asked, source("better_than_current"), gates.pattern)
    if gates.clean:
        yield Rule(GATE, "committed code", source("clean"), gates.pattern)
    if gates.pushed:
        yield Rule(GATE, "a commit that is on a remote branch", source("pushed"), gates.pattern)
    yield from _more_gates(gates, source)


def _more_gates(gates: Gates, source: Callable[[str], str]) -> Iterator[Rule]:
    """What is asked beside numbers and code."""
    if gates.branches:
        yield Rule(GATE, f"a commit on {' or '.join(gates.branches)}", source("branch"), gates.pattern)
    if gates.same_inputs:
        named = gates.same_inputs
        which = "every input" if isinstance(named, bool) else "input " + " and ".join(named)
        yield Rule(GATE, f"{which} the same as the current run's, by digest", source("same_inputs"), gates.pattern)
    for kind in gates.outputs:
        yield Rule(GATE, f"output {kind}", source("outputs"), gates.pattern)
    if gates.reproduced:
        yield Rule(GATE, f"reproduced less than {gates.reproduced} ago", source("reproduced"), gates.pattern)
    if gates.approvals:
        people = "1 person" if gates.approvals == 1 else f"{gates.approvals} people"
        yield Rule(GATE, f"approved by {people} other than its owner", source("approvals"), gates.pattern)
    if gates.bypassed is not None:
        word = "may have" if gates.bypassed else "has not"
        yield Rule(GATE, f"it {word} passed the policy by", source("bypassed"), gates.pattern)
    for command in gates.on_promote:
        yield Rule(AFTER, f"`{command}` runs when a run was promoted", source("on_promote"), gates.pattern)
    for command in gates.on_demote:
        yield Rule(AFTER, f"`{command}` runs when it was demoted", source("on_demote"), gates.pattern)


def _hooks(config: Config, lines: Lines) -> Iterator[Rule]:
    for command in config.on_promote:
        yield Rule(AFTER, f"`{command}` runs when a run was promoted", lines.of("hooks", "on_promote"), "*")
    for command in config.on_demote:
        yield Rule(AFTER, f"`{command}` runs when it was demoted", lines.of("hooks", "on_demote"), "*")


def _retention(config: Config, lines: Lines) -> Iterator[Rule]:
    source = lines.of("retention", "window") if lines.has("retention", "window") else DEFAULT
    yield Rule(KEPT, f"outputs of runs that ended less than {config.retention_window} ago stay", source)
    yield Rule(KEPT, "those of current, pinned and live runs stay, and of the runs they were made from", ALWAYS)
    source = lines.of("retention", "keep") if lines.has("retention", "keep") else DEFAULT
    for rule in map(Keep.of, config.retention_keep):
        yield Rule(KEPT, _kept(rule), source)
    if config.retention_max_bytes is not None:
        asked = f"the rest goes, oldest first, until the store has {size(config.retention_max_bytes)}"
        yield Rule(KEPT, asked, lines.of("retention", "max_size"))
    source = lines.of("retention", "orphans") if lines.has("retention", "orphans") else DEFAULT
    yield Rule(KEPT, f"what no run names goes when nobody touched it for {config.retention_orphans}", source)


def _kept(rule: Keep) -> str:
    if rule.what == "best":
        return f"those of the best {rule.most} finished runs by {rule.metric} stay"
    if rule.what == "pinned":
        return "those of pinned runs stay"
    return f"those of the last {rule.most} promotions of a model stay" if rule.most else "those ever promoted stay"
