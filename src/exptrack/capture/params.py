"""Parameters as the command line gives them: flags, Hydra overrides, absl and argparse forms; typed, secrets redacted.

Rules where the forms leave a choice:
- Names are as argparse keeps them: no leading dashes, `-` inside as `_`. `--no-x` is `x` false, `--x` is `x` true.
- A launcher's own options (torchrun, srun, accelerate launch ...) are left out; positional words too.
- Words behind a flag belong to it while they are of one kind: `--layers 64 64 x` is layers "64 64".
- A flag given several times with different values is a JSON list in text; `~a` (Hydra's deletion) is `~a` true.
- `null` and `None` are null; numbers are JSON numbers; inf, nan, 007 and lists stay text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence

from exptrack.capture.commands import find_program, shell_text, training_command
from exptrack.capture.configs import config_files_named, from_config
from exptrack.capture.redact import redact_scalar
from exptrack.lazy import pattern
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.model import Scalar

__all__ = ["config_files_named", "from_command", "from_config", "parse_scalar"]

_INTEGER = pattern(r"[-+]?(?:0|[1-9]\d{0,17})", re.A)
_FLOAT = pattern(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.A)
_ASSIGNMENT = pattern(r"(\+{0,2})(?!\w+://)([A-Za-z_][\w./@:-]*)=(?!=)(.*)", re.A | re.S)
_DELETION = pattern(r"~[A-Za-z_][\w./@-]*(=.*)?", re.A | re.S)
_ATTACHED = pattern(r"-([A-Za-z])(\d+(?:\.\d+)?)", re.A)
_CONSTANTS: dict[str, Scalar] = dict.fromkeys(("true", "True", "TRUE"), True)
_CONSTANTS |= dict.fromkeys(("false", "False", "FALSE"), False)
_CONSTANTS |= dict.fromkeys(("null", "None"))
_PRINTERS = ("echo", "printf", "print")
_DEEPEST = 3  # a bash -c within a bash -c within a bash -c


def parse_scalar(text: str) -> Scalar:
    """`1e-4` -> 0.0001, `10` -> 10, `true` -> True, `null` -> None; everything else, 007 and nan included, is text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    has_leading_zero = len(text) > 1 and text[0] == "0" and text[1].isdigit()
    if _FLOAT.fullmatch(text) and not has_leading_zero and not text.lstrip("+-").isdigit():
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text


def from_command(argv: Sequence[str], allowed: Collection[str] = ()) -> dict[str, Scalar]:
    """Parameters on a command line, in order. Never raises. `allowed`: names that look secret and may be kept."""
    found: dict[str, list[Scalar]] = {}
    for arguments in (_arguments_of(argv), _behind_shell_text(argv)):
        for name, value in _pairs(arguments):
            found.setdefault(name, []).append(value)
    return {name: redact_scalar(name, _one(values), allowed) for name, values in found.items()}


def _arguments_of(argv: Sequence[str], depth: int = 0) -> Sequence[str]:
    program = find_program(argv)
    text = shell_text(program.words) if program.kind == "shell" else None
    if text is None:
        return program.arguments
    command = training_command(text)
    if command and os.path.basename(command[0]) in _PRINTERS:
        return ()  # `echo loss=0.5`: what it prints, and no setting of anything
    # What a variable would hold is not known here, and `--lr $LR` is better left out than recorded as "$LR".
    return _without_expansions(_arguments_of(command, depth + 1)) if command and depth < _DEEPEST else ()


def _behind_shell_text(argv: Sequence[str]) -> Sequence[str]:
    """`sh -c 'python train.py "$@"' NAME --lr 0.1`: what the text finds as $1 and further."""
    program = find_program(argv)
    text = shell_text(program.words) if program.kind == "shell" else None
    return () if text is None else program.words[program.words.index(text) + 2 :]


def _without_expansions(arguments: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for word in arguments:
        if "$" not in word and "`" not in word:
            kept.append(word)
        elif kept and kept[-1].startswith("-") and "=" not in kept[-1]:
            kept.pop()
    return kept


def _pairs(arguments: Sequence[str]) -> list[tuple[str, Scalar]]:
    pairs: list[tuple[str, Scalar]] = []
    at = 0
    while at < len(arguments):
        word = arguments[at]
        at += 1
        if word == "--":
            break
        if _is_flag(word):
            values = []
            if "=" not in word and not _ATTACHED.fullmatch(word):
                values = _values(arguments, at)
                at += len(values)
            pairs += _flag(word, values)
        elif assignment := _ASSIGNMENT.fullmatch(word):
            pairs.append((assignment[2], parse_scalar(_unquoted(assignment[3]))))
        elif _DELETION.fullmatch(word):
            pairs.append((word.partition("=")[0], True))
    return pairs


def _is_flag(word: str) -> bool:
    return len(word) > 1 and word[0] == "-" and not _FLOAT.fullmatch(word) and word.lower() not in ("-inf", "-nan")


def _values(arguments: Sequence[str], at: int) -> list[str]:
    """The words behind a flag that are its own: as many as are of the first one's kind."""
    values: list[str] = []
    for word in arguments[at:]:
        assignment = _ASSIGNMENT.fullmatch(word)
        if _is_flag(word) or _DELETION.fullmatch(word) or (assignment and "/" not in assignment[2]):
            break  # `--data x/date=1` is a path, though `x/date=1` alone is one of Hydra's groups
        if values and (_kind(word) != _kind(values[0])):
            break
        values.append(word)
    return values


def _kind(word: str) -> str:
    value = parse_scalar(word)
    if isinstance(value, bool) or value is None:
        return f"constant {word}"  # a switch's value: nothing follows it
    return "text" if isinstance(value, str) else "number"


def _flag(word: str, values: list[str]) -> list[tuple[str, Scalar]]:
    name, equals, value = word.lstrip("-").partition("=")
    attached = _ATTACHED.fullmatch(word)
    if attached:  # -b32
        name, equals, value = attached[1], "=", attached[2]
    name = name.replace("-", "_")
    if not name:
        return []
    if equals:
        return [(name, parse_scalar(value))]
    if values:
        return [(name, parse_scalar(values[0]) if len(values) == 1 else " ".join(values))]
    if word.startswith("--no-") and len(word) > 5:
        return [(name[3:], False)]
    return [(name, True)]


def _one(values: list[Scalar]) -> Scalar:
    """A repeated flag is a list only if it says different things: `-v -v` and a doubled `--lr 0.1` are not."""
    if len({(type(v), v) for v in values}) == 1:
        return values[0]
    import json

    return json.dumps(values)


def _unquoted(text: str) -> str:
    """Hydra's own quotes, which the shell left alone: a='b c'."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
