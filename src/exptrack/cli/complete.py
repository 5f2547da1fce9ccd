"""What a pressed TAB is answered with. No typer, no sync, no error text: a TAB never complains and never waits.

The shells send `exptrack __complete N WORDS...` (N: which word the cursor is in, 0 is `exptrack`; that word up to the
cursor) and get lines `value<TAB>help`; an empty value hands the word back to the shell (cli/candidates.py says how).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import closing

from exptrack.cli import words as table
from exptrack.cli.candidates import SOURCES, Candidates, Known
from exptrack.cli.table_of_commands import COMMANDS
from exptrack.errors import ExptrackError

SHELLS = {"bash": "exptrack.bash", "zsh": "_exptrack", "fish": "exptrack.fish"}
TOP = (("--help", "Show what it takes."), ("--version", "Show it."))


def script(shell: str) -> str:
    """The completion script of a shell; ExptrackError for one we have none for."""
    if shell not in SHELLS:
        raise ExptrackError(f"no completion for {shell}", "shells: " + ", ".join(SHELLS))
    with open(os.path.join(os.path.dirname(__file__), "shells", SHELLS[shell]), encoding="utf-8") as f:
        return f.read()


def answer(argv: Sequence[str]) -> int:
    """`exptrack __complete N WORDS...`: print the candidates; returns the exit code."""
    if not argv or not argv[0].isdecimal():
        raise ExptrackError("__complete is for completion scripts", "`exptrack completion bash` prints one")
    lines = (f"{value}\t{about}\n" for value, about in complete(argv[1:], int(argv[0])))
    sys.stdout.write("".join(lines))
    return 0


def complete(words: Sequence[str], index: int) -> Candidates:
    """Candidates for words[index], as (value, help); `words` begins with `exptrack` itself."""
    words = [*words, *[""] * (index + 1 - len(words))]
    text = words[index]
    at = next((n for n in range(1, index) if not words[n].startswith("-")), None)
    if at is None:
        commands = [(name, summary) for name, (_, summary) in COMMANDS.items()]
        return _matching(list(TOP) if text.startswith("-") else commands, text)
    return _in_command(words[at], words[at + 1 : index], text, at + 1)


def _in_command(command: str, between: Sequence[str], text: str, first: int) -> Candidates:
    """`between`: the words after the command's name (word `first` and on) and before the one being written."""
    before: list[str] = []
    awaited, is_after_dashes = "", False
    for n, word in enumerate(between):
        if awaited:
            awaited = ""
        elif word == "--" and not is_after_dashes:
            is_after_dashes = True
        elif word.startswith("-") and word != "-" and not is_after_dashes:
            entry = table.option(command, word)
            awaited = entry[1] if entry else ""
        else:
            before.append(word)
            if command == "run":  # from here on it is the other program's line
                return [("", f"command {first + n}")]
    if awaited:
        return _of_kind(awaited, text, before)
    if text.startswith("-") and not is_after_dashes:
        return _options(command, text, before)
    if command == "run":
        return [("", f"command {first + len(between)}")] if is_after_dashes else [("--", "before the command")]
    return _of_kind(_kind_of_argument(command, len(before)), text, before)


def _kind_of_argument(command: str, number: int) -> str:
    kinds = table.ARGUMENTS.get(command, ())
    if number < len(kinds):
        return kinds[number].removesuffix("*")
    return kinds[-1].removesuffix("*") if kinds and kinds[-1].endswith("*") else "text"


def _options(command: str, text: str, before: list[str]) -> Candidates:
    name, equals, value = text.partition("=")
    if equals:
        entry = table.option(command, name)
        found = _of_kind(entry[1], value, before) if entry and entry[1] else []
        return [(f"{name}={v}" if v else v, about) for v, about in found]
    listed = [(n, about) for names, _, about in table.OPTIONS.get(command, ()) for n in names.split()]
    if command == "run":
        listed.append(("--", "before the command"))
    return _matching([*listed, ("--help", "Show what it takes.")], text)


def _of_kind(kind: str, text: str, before: list[str]) -> Candidates:
    with closing(Known()) as known:
        return _matching(SOURCES[kind](known, text, before), text)


def _matching(found: Candidates, text: str) -> Candidates:
    """Those that begin with what is written, each once; values no line can carry are left out."""
    wanted = {v: about for v, about in reversed(found) if v == "" or (v.startswith(text) and v.isprintable())}
    return [(v, wanted.pop(v)) for v, _ in found if v in wanted]
