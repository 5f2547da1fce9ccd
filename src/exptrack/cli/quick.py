"""`run` without typer: well-formed options are read here, in microseconds instead of 50 ms.

typer stays the authority: anything unusual (an unknown option, a missing value, --help) gives None and typer reads the
same words again and complains. A test holds both readings equal.
"""

from __future__ import annotations

from collections.abc import Sequence

from exptrack.actions.request import Request
from exptrack.actions.run import run
from exptrack.cli.voice import VOICE

# Option -> field of Request. Fields whose default is a tuple may be given more than once.
VALUES = {
    "-t": "tags",
    "--tag": "tags",
    "-n": "name",
    "--name": "name",
    "-m": "note",
    "--note": "note",
    "-g": "group",
    "--group": "group",
    "-p": "params",
    "--param": "params",
    "-c": "configs",
    "--config": "configs",
    "-i": "inputs",
    "--in": "inputs",
    "-o": "outputs",
    "--out": "outputs",
    "--metrics": "metrics_files",
    "--metric": "patterns",
    "--resume": "resume",
    "--no-policy": "no_policy",
}
FLAGS = {
    "--child": "is_child",
    "--strict": "is_strict",
    "--no-auto": "is_declared_only",
    "--quiet": "is_quiet",
    "-q": "is_quiet",
}


def parse(words: Sequence[str]) -> Request | None:
    """The words behind `run` -> Request; None when typer has to look at them."""
    given: dict[str, list[str]] = {}
    flags: dict[str, bool] = {}
    i = 0
    while i < len(words):
        word = words[i]
        i += 1
        if word == "--":
            break
        if not word.startswith("-"):
            i -= 1
            break
        name, equals, value = word.partition("=")
        if word in FLAGS:
            flags[FLAGS[word]] = True
        elif word in VALUES:
            if i >= len(words):
                return None
            given.setdefault(VALUES[word], []).append(words[i])
            i += 1
        elif equals and name.startswith("--") and name in VALUES:
            given.setdefault(VALUES[name], []).append(value)
        else:
            return None
    if i >= len(words) and "resume" not in given:
        return None
    defaults = Request._field_defaults
    fields = {k: tuple(v) if isinstance(defaults[k], tuple) else v[-1] for k, v in given.items()}
    return Request(command=tuple(words[i:]), **fields, **flags)  # type: ignore[arg-type]  # keys are those of VALUES


def start(request: Request) -> int:
    """Run it; returns the exit code for the shell."""
    return run(request, VOICE)
