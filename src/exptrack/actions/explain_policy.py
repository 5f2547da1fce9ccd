"""`policy explain`: what the whole policy means for a run here, line by line. A test holds that no key is left out."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping

from exptrack.actions.policy import tags_of
from exptrack.amounts import size
from exptrack.config import Config, Gates, Keep
from exptrack.policy_keys import BY_DIGEST, DEFINITIONS, PYPROJECT
from exptrack.policy_lines import line_of
from exptrack.typed import Any, NamedTuple

START, RECORD, END = "before the start", "in the record", "at the end"
AGAIN, GATE, AFTER, KEPT = "to count as reproduced", "to promote", "after a promotion", "when bytes go"
ALWAYS, DEFAULT = "always", "default"


class Rule(NamedTuple):
    """One thing that is asked. `when`: one of the moments above; `model`: the glob of a promotion gate; `given`:
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

    def has(self, *place: str) -> bool:
        """Does the file say anything of this key itself?"""
        return self.value(*place) is not None

    def value(self, *place: str) -> Any:
        """What the file says of this key itself; None for nothing."""
        if self.path is None:
            return None
        found: Any = tomllib.loads(self.text)
        full = ("tool", "exptrack", *place) if os.path.basename(self.path) == PYPROJECT else place
        for key in full[:-1]:
            found = found.get(key, {})
        return found.get(full[-1])

    def said(self, *place: str) -> str:
        """FILE:LINE of a key, `default` where the file does not have it."""
        return self.of(*place) if self.has(*place) else DEFAULT

    def of(self, *place: str) -> str:
        """FILE:LINE of a key."""
        if self.path is None:
            return DEFAULT
        full = ("tool", "exptrack", *place) if os.path.basename(self.path) == PYPROJECT else place
        return f"{self.path}:{line_of(full, self.text)}"


def explain_policy(config: Config, environment: Mapping[str, str]) -> Iterator[Rule]:
    """Everything the policy means for a run that starts here now, in the order it meets it."""
    lines = Lines(config.path)
    yield from _start(config, lines, environment)
    yield from _record(config, lines)
    yield from _metrics(config, lines)
    yield from _end(config, lines)
    yield from _again(config, lines)
    yield Rule(GATE, "the run is finished, and nothing mandatory is missing", ALWAYS, "*")
    yield Rule(GATE, "it has not passed the policy by", ALWAYS, "*")
    yield Rule(GATE, "its kept outputs are still in the store", ALWAYS, "*")
    for gates in config.gates:
        yield from _gates(gates, lines)
    if config.seeds:
        yield Rule(GATE, f"replicates may differ in {', '.join(config.seeds)}", lines.of("params", "seeds"), "*")
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
    yield Rule(START, f"the code is at most {size(config.snapshot_max_bytes)}", lines.said("snapshot", "max_size"))
    if config.snapshot_secrets == "refuse":
        yield Rule(START, "no secret in edited and new files", lines.of("snapshot", "secrets"))


def _given(known: Mapping[str, str], tag: str) -> str | None:
    return f"{tag}={known[tag]}" if known.get(tag, "").strip() else None


def _record(config: Config, lines: Lines) -> Iterator[Rule]:
    """Where it goes, with which words, and which bytes of the code stay out."""
    if config.project:
        yield Rule(RECORD, f"it is of the project {config.project}", lines.of("project"))
    if config.store:
        yield Rule(RECORD, f"it is kept in {config.store}", lines.of("store"))
    if config.is_store_shared:
        yield Rule(RECORD, "the store is open to the group of its folder", lines.of("shared"))
    for tag, value in config.tags.items():
        yield Rule(RECORD, f"tag {tag}={value}, where none is given", lines.of("tags", tag))
    for glob in config.snapshot_exclude:
        yield Rule(RECORD, f"the kept code is without {glob}", lines.of("snapshot", "exclude"))
    is_kept = config.snapshot_secrets == "keep"
    asked = f"secrets in the code are {'kept' if is_kept else 'masked in the kept copy'}"
    yield Rule(RECORD, asked, lines.said("snapshot", "secrets"))
    for allowed in config.secret_names_allowed:
        what = f"the value {allowed}" if allowed.startswith(BY_DIGEST) else f"what is called {allowed}"
        yield Rule(RECORD, f"{what} is no secret", lines.of("secrets", "allow"))
    for glob in config.secrets_allowed_in:
        yield Rule(RECORD, f"there are no secrets in {glob}", lines.of("secrets", "allow_in"))


def _metrics(config: Config, lines: Lines) -> Iterator[Rule]:
    """What is a metric, what it is called, and which way is better."""
    for name, goal in config.goals.items():
        yield Rule(
            RECORD, f"{'more' if goal == 'max' else 'less'} {name} is better", lines.of("metrics", "goals", name)
        )
    for name, pattern in config.patterns.items():
        key = next((k for k in DEFINITIONS if lines.has("metrics", k)), "")
        key = "patterns" if lines.has("metrics", "patterns", name) else key
        yield Rule(RECORD, f"metric {name} is also what {pattern} finds", lines.of("metrics", key, name))
    for glob in config.ignored_metrics:
        yield Rule(RECORD, f"{glob} is no metric", lines.of("metrics", "ignore"))
    for name, better in config.renamed_metrics.items():
        yield Rule(RECORD, f"metric {name} is called {better}", lines.of("metrics", "rename", name))
    for name, others in config.aliases.items():
        yield Rule(RECORD, f"metric {name} may be spelled {', '.join(others)}", lines.of("metrics", "aliases", name))
    if not config.is_searching:
        yield Rule(RECORD, "metric files are read where --metrics names them", lines.of("metrics", "auto"))


def _again(config: Config, lines: Lines) -> Iterator[Rule]:
    """What `reproduce` will compare."""
    yield Rule(AGAIN, "every output and metric as recorded, to the last bit", ALWAYS)
    yield Rule(AGAIN, "or every metric within the spread of at least three seeds", DEFAULT)
    for name, amount in config.reproduce_tolerance.items():
        source = lines.of("reproduce", "tolerance", name)
        yield Rule(AGAIN, f"or {name} within {amount}", source)
    yield Rule(AGAIN, "metrics that measure time or the machine are not compared", ALWAYS)
    for glob in config.reproduce_ignore:
        yield Rule(AGAIN, f"{glob} is not compared", lines.of("reproduce", "ignore"))


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
    for key, when in (("on_promote", "when a run was promoted"), ("on_demote", "when it was demoted")):
        # They may stand at the top of the file too.
        for place in ((key,), ("hooks", key)):
            for command in lines.value(*place) or ():
                yield Rule(AFTER, f"`{command}` runs {when}", lines.of(*place), "*")
    if lines.has("hooks", "timeout") or any(commands for commands in _all_hooks(config)):
        yield Rule(AFTER, f"a hook is ended after {config.hook_timeout}", lines.said("hooks", "timeout"), "*")


def _all_hooks(config: Config) -> Iterator[tuple[str, ...]]:
    yield from (config.on_promote, config.on_demote)
    for gates in config.gates:
        yield from (gates.on_promote, gates.on_demote)


def _retention(config: Config, lines: Lines) -> Iterator[Rule]:
    asked = f"outputs of runs that ended less than {config.retention_window} ago stay"
    yield Rule(KEPT, asked, lines.said("retention", "window"))
    yield Rule(KEPT, "those of current, pinned and live runs stay, and of the runs they were made from", ALWAYS)
    for rule in map(Keep.of, config.retention_keep):
        yield Rule(KEPT, _kept(rule), lines.said("retention", "keep"))
    if config.retention_max_bytes is not None:
        asked = f"the rest goes, oldest first, until the store has {size(config.retention_max_bytes)}"
        yield Rule(KEPT, asked, lines.of("retention", "max_size"))
    asked = f"what no run names goes when nobody touched it for {config.retention_orphans}"
    yield Rule(KEPT, asked, lines.said("retention", "orphans"))
    asked = f"for {config.retention_grace} `exptrack undo gc` brings back what went"
    yield Rule(KEPT, asked, lines.said("retention", "grace"))


def _kept(rule: Keep) -> str:
    if rule.what == "best":
        return f"those of the best {rule.most} finished runs by {rule.metric} stay"
    if rule.what == "pinned":
        return "those of pinned runs stay"
    return f"those of the last {rule.most} promotions of a model stay" if rule.most else "those ever promoted stay"
