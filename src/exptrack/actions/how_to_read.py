"""How the metrics of a run are to be read: options, policy -> `reading` in start.json, checked before the start.

The recorder and `recover` read by it, so it holds all they need.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence

from exptrack.actions.policy import parse_pairs
from exptrack.config import GATE, Config, are_definitions
from exptrack.errors import NotStarted
from exptrack.files import read_bytes
from exptrack.typed import Any

# Bytes; a list of definitions is some lines long.
LARGEST = 1 << 20


def reading_of(
    config: Config, *, patterns: Sequence[str], files: Sequence[str], outputs: Sequence[str], is_declared_only: bool
) -> dict[str, Any]:
    """`--metric`, `--metrics`, `-o` and `--no-auto` with the policy, as plain data. NotStarted (exit 125) for a pattern
    that cannot be used."""
    return {
        "patterns": patterns_of(config.patterns, patterns),
        "ignore": config.ignored_metrics,
        "rename": config.renamed_metrics,
        "aliases": config.aliases,
        "known": known_names(config),
        "files": list(files),
        "folders": [] if is_declared_only else _folders(outputs),
        "auto": config.is_searching and not is_declared_only,
    }


def patterns_of(policy: Mapping[str, str], words: Sequence[str]) -> dict[str, str]:
    """The policy's patterns and those of --metric, which win. NotStarted for one that cannot be used."""
    given: dict[str, str] = {}
    for word in words:
        given |= _definitions(word) if is_definitions(word) else parse_pairs([word], "metric pattern", "--metric")
    patterns = {**policy, **given}
    for name, pattern in patterns.items():
        _check(name, pattern)
    return patterns


def is_definitions(word: str) -> bool:
    """Is this --metric a file with SageMaker's list, and no NAME=REGEX?"""
    return word.endswith(".json") and "=" not in word


def known_names(config: Config) -> list[str]:
    """The names of metrics that the policy speaks of, without globs: a metric is recorded under its name there."""
    gates = [m["metric"] for gate in config.gates for text in gate.metrics if (m := GATE.match(text))]
    better = [gate.better_than_current for gate in config.gates if gate.better_than_current]
    names = [*config.required_metrics, *config.goals, *gates, *better]
    return [name for name in dict.fromkeys(names) if not set("*?[") & set(name)]


def _definitions(path: str) -> Mapping[str, str]:
    try:
        data = json.loads(read_bytes(path, LARGEST))
    except (OSError, ValueError, RecursionError) as e:
        raise NotStarted(f"--metric {path} cannot be read: {e}", "a JSON list of {Name, Regex}, or NAME=REGEX") from e
    if not are_definitions(data):
        raise NotStarted(
            f"--metric {path} is no list of metric definitions", '[{"Name": "loss", "Regex": "loss=(.*?);"}]'
        )
    return {d["Name"]: d["Regex"] for d in data}


def _check(name: str, pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as e:
        raise NotStarted(f"the pattern of metric {name} is no regular expression: {e}", f"pattern: {pattern}") from e
    if not groups:
        raise NotStarted(f"the pattern of metric {name} has no group for the value", f"as in {name}=loss: ([0-9.]+)")


def _folders(outputs: Sequence[str]) -> list[str]:
    """Folders outside the working folder that were declared as outputs: metric files may lie there as well."""
    out = []
    here = os.path.realpath(os.getcwd())
    for output in outputs:
        path = os.path.realpath(output if os.path.exists(output) else output.rpartition("=")[2])
        folder = path if os.path.isdir(path) else os.path.dirname(path)
        if not (folder + os.sep).startswith(here + os.sep) and not (here + os.sep).startswith(
            folder.rstrip(os.sep) + os.sep
        ):
            out.append(folder)
    return list(dict.fromkeys(out))
