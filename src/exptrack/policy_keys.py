"""What may stand in exptrack.toml: every key with its type, what sizes, durations, gates and rules look like.

A wrong key or value is an error that names the line and the nearest right key. tomllib tells no positions, so lines are
looked up in the text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from exptrack.errors import ExptrackError
from exptrack.lazy import pattern
from exptrack.typed import Any

PYPROJECT = "pyproject.toml"

# As the value of a default tag: who git says is at work here (actions/authors.py).
FROM_GIT = "$git"
# How an entry of [secrets] allow begins that is a value's digest and no name.
BY_DIGEST = "sha256:"

# SageMaker's list of patterns: our name for it, and its own.
DEFINITIONS = ("definitions", "metric_definitions")

# type names: str, bool, number, size, secrets, list (of str), table (str -> str), goals, patterns, definitions,
# aliases, regex, gates, tolerances
SCHEMA: Mapping[str, Any] = {
    "project": "str",
    "store": "str",
    "shared": "bool",
    "tags": "defaults",
    "require": {
        "tags": "list",
        "name": "regex",
        "allowed": {"*": "values"},
        "bypass": "bool",
        "end": {"metrics": "list", "outputs": "list", "tags": "list", "written": "bool"},
    },
    "metrics": {
        "goals": "goals",
        "patterns": "patterns",
        "definitions": "definitions",
        "metric_definitions": "definitions",
        "ignore": "list",
        "rename": "table",
        "aliases": "aliases",
        "auto": "bool",
    },
    "promote": {
        "*": {
            "metrics": "gates",
            "better_than_current": "str",
            "min_delta": "number",
            "clean": "bool",
            "pushed": "bool",
            "outputs": "list",
            "replicates": "replicates",
            "p": "share",
            "branch": "names",
            "same_inputs": "inputs",
            "reproduced": "duration",
            "approvals": "count",
            "bypassed": "bool",
            "on_promote": "commands",
            "on_demote": "commands",
        }
    },
    "params": {"seeds": "list"},
    "on_promote": "commands",
    "on_demote": "commands",
    "hooks": {"on_promote": "commands", "on_demote": "commands", "timeout": "time"},
    "retention": {"window": "duration", "keep": "keep", "max_size": "size", "grace": "duration", "orphans": "duration"},
    "reproduce": {"tolerance": "tolerances", "ignore": "list"},
    "snapshot": {"exclude": "list", "max_size": "size", "secrets": "secrets"},
    "secrets": {"allow": "innocents", "allow_in": "list"},
}

_SIZE = pattern(r"^\s*(\d{1,18}(?:\.\d+)?)\s*([KMGT]?)i?B?\s*$", re.I)
_DURATION = pattern(r"^\s*(\d+(?:\.\d+)?)\s*([smhdwy])\s*$")
_NUMBER = r"[-+]?(?:\d(?:_?\d)*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
GATE = pattern(rf"^\s*(?P<metric>[^\s<>=!](?:.*?[^\s<>=!])?)\s*(?P<op>>=|<=|==|>|<)\s*(?P<bound>{_NUMBER})\s*$")
# A text and not compiled: every `run` would pay for it, and few policy files have it.
KEEP = (
    r"(?P<what>promoted|pinned)\Z|promoted:(?P<last>[1-9]\d{0,5})\Z"
    r"|best:(?!.*:0*\Z)(?P<metric>.*?[^:])(?::(?P<best>[1-9]\d{0,5}))?\Z"
)
KEEPS = '"promoted", "promoted:N", "pinned" and "best:METRIC:N"'
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}


def parse_size(text: str) -> int | None:
    """'200 MB', '1.5G', '4096' -> bytes (powers of 1024); None for anything else."""
    m = _SIZE.match(text)
    return int(float(m[1]) * 1024 ** " KMGT".index(m[2].upper() or " ")) if m else None


def parse_duration(text: str) -> float | None:
    """'90d', '12h', '30m' -> seconds; None for anything else."""
    m = _DURATION.match(text)
    return float(m[1]) * SECONDS[m[2]] if m else None


def check(raw: Mapping[str, Any], path: str, text: str) -> None:
    """Every key and value of a policy file; ExptrackError names the line of the first that is wrong."""
    _check(raw, SCHEMA, (), path, text)


def _check(raw: Mapping[str, Any], schema: Mapping[str, Any], where: tuple[str, ...], path: str, text: str) -> None:
    for key, value in raw.items():
        kind = schema.get(key, schema.get("*"))
        place = (*where, key)
        if kind is None:
            raise _problem(f"unknown key `{'.'.join(place)}`", place, path, text, _nearest(key, schema, where))
        if isinstance(kind, Mapping):
            if not isinstance(value, dict):
                name = ".".join(place)
                hint = f"write [{name}]" if key not in kind else f"gates are of a model: write [{'.'.join(where)}.NAME]"
                raise _problem(f"`{name}` is a table, not {value!r}", place, path, text, hint)
            _check(value, kind, place, path, text)
        elif wrong := _wrong(kind, value):
            said = f"`{'.'.join(place)}` {wrong}, not {value!r}"
            raise _problem(said, (*place, *_wrong_entry(kind, value)), path, text, "")


def _wrong_entry(kind: str, value: Any) -> tuple[str, ...]:
    """The key of a table of free names that makes it wrong: its line is the one to look at."""
    entries = value.items() if isinstance(value, dict) else ()
    return next(((name,) for name, entry in entries if _wrong(kind, {name: entry})), ())


def _wrong(kind: str, value: Any) -> str | None:
    """What the value should have been; None when it is that."""
    is_table = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    checks = {
        "str": (isinstance(value, str), "is a string"),
        "bool": (isinstance(value, bool), "is true or false"),
        "number": (isinstance(value, (int, float)) and not isinstance(value, bool), "is a number"),
        "table": (is_table, "is a table of strings"),
        "defaults": (
            is_table and all(v == FROM_GIT or not v.startswith("$") for v in value.values()),
            f'has "{FROM_GIT}" and no other value with a $' if is_table else "is a table of strings",
        ),
        "goals": (is_table and all(v in ("max", "min") for v in value.values()), 'is a table of "max" or "min"'),
        "patterns": (is_table and all(_is_regex(v) for v in value.values()), "is a table of regular expressions"),
        "definitions": (are_definitions(value), 'is a list of tables { Name = "loss", Regex = "loss=([0-9.]+)" }'),
        "aliases": (
            isinstance(value, dict) and all(_is_list(v) for v in value.values()),
            'is a table like { "val/acc" = ["validation accuracy"] }',
        ),
        "regex": (isinstance(value, str) and _is_regex(value), "is a regular expression"),
        "duration": (isinstance(value, str) and parse_duration(value) is not None, 'is a duration like "90d" or "12h"'),
        "time": (isinstance(value, str) and bool(parse_duration(value)), 'is a duration like "5m" or "30s"'),
        "tolerances": (_are_tolerances(value), 'is a table like { "val/acc" = 0.005, "*loss*" = "1%" }'),
        "secrets": (value in ("mask", "refuse", "keep"), 'is "mask", "refuse" or "keep"'),
        "size": (size_of(value) is not None, 'is a size like "200 MB" or a number of bytes'),
        "replicates": (_is_whole(value, 2), "is a number of seeds, 2 or more"),
        "count": (_is_whole(value, 1), "is a whole number, 1 or more"),
        "share": (isinstance(value, float) and 0 < value < 1, "is a number between 0 and 1"),
        **_lists(kind, value),
    }
    is_right, text = checks[kind]
    return None if is_right else text


def _lists(kind: str, value: Any) -> dict[str, tuple[bool, str]]:
    """Of every kind that may be a list of texts: is it right, and what should it have been?"""
    are_texts = _is_list(value)
    # An empty name is met by no run, or by every one.
    is_list = are_texts and all(v.strip() for v in value)
    return {
        "values": (
            are_texts or (isinstance(value, str) and _is_regex(value)),
            "is a list of values or a regular expression",
        ),
        "keep": (is_list and all(re.match(KEEP, v) for v in value), f"is a list of {KEEPS}"),
        "gates": (is_list and all(GATE.match(v) for v in value), 'is a list like ["val/acc >= 0.9"]'),
        "list": (is_list, "is a list of strings" + ", none of them empty" * are_texts),
        "innocents": (
            is_list and all(_is_digest(v) for v in value if v.startswith(BY_DIGEST)),
            f'is a list of names, and of digests of values as "{BY_DIGEST}" and 64 small hex digits',
        ),
        # An empty list would be a gate that is written down and never asked.
        "names": (
            bool(value) and (is_list or (isinstance(value, str) and bool(value.strip()))),
            'is a name or a list of names, as "main"',
        ),
        "inputs": (
            isinstance(value, bool) or (is_list and bool(value)),
            'is true or a list of names of inputs, as ["test"]',
        ),
        # Not for every list: shlex is one more import before the child starts.
        "commands": (
            is_list and kind == "commands" and all(map(_is_command, value)),
            'is a list of commands, as ["./deploy.sh prod"]',
        ),
    }


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def are_definitions(value: Any) -> bool:
    """SageMaker's `metric_definitions`: a list of {"Name", "Regex"}, the regex with a group that holds the value."""
    return isinstance(value, list) and all(
        isinstance(d, dict)
        and set(d) == {"Name", "Regex"}
        and isinstance(d["Name"], str)
        and isinstance(d["Regex"], str)
        and _is_regex(d["Regex"])
        for d in value
    )


def _are_tolerances(value: Any) -> bool:
    """Name or glob -> a number, or a share of the recorded value as a text (actions/reproducing/tolerance.py)."""
    return isinstance(value, dict) and all(
        (isinstance(v, (int, float)) and not isinstance(v, bool) and 0 <= v < float("inf"))
        or (isinstance(v, str) and re.fullmatch(r"\s*(\d+(\.\d*)?|\.\d+)\s*%?\s*", v))
        for v in value.values()
    )


def _is_regex(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def _is_digest(text: str) -> bool:
    return bool(re.fullmatch(BY_DIGEST + "[0-9a-f]{64}", text))


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_command(command: str) -> bool:
    """Does it split into words as a shell would, the first of them a program?"""
    import shlex

    try:
        return bool(shlex.split(command))
    except ValueError:
        return False


def size_of(value: Any) -> int | None:
    """Bytes of a size as it stands in the file, a number or a text; None for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value >= 0 else None
    return parse_size(value) if isinstance(value, str) else None


def _nearest(key: str, schema: Mapping[str, Any], where: tuple[str, ...]) -> str:
    import difflib

    near = difflib.get_close_matches(key, [k for k in schema if k != "*"], 1, 0.6)
    place = f"[{'.'.join(where)}]" if where else "the top level"
    known = ", ".join(k for k in schema if k != "*")
    return f"did you mean `{near[0]}`?" if near else f"keys of {place}: {known}"


def _problem(what: str, place: tuple[str, ...], path: str, text: str, hint: str) -> ExptrackError:
    from exptrack.policy_lines import line_of

    full = ("tool", "exptrack", *place) if os.path.basename(path) == PYPROJECT else place
    return ExptrackError(f"{path}:{line_of(full, text)}: {what}", hint or "see docs/policy.md for every key")
