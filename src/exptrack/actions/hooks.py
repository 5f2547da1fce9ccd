"""One command of the policy, told of a change in a model's history: started, given bytes, timed.

Only a line with an operator of the shell in it (`cat > told.json`) is read by one; nothing of ours is put into it.
A hook that fails, hangs or cannot be started is a result and no error. What it prints goes to our stderr, since stdout
is what scripts read.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

from exptrack.record.signals import name_of
from exptrack.typed import NamedTuple

GRACE = 5.0  # seconds between SIGTERM and SIGKILL for a hook that takes too long


class HookResult(NamedTuple):
    """How one hook went: `exit_code` None when it was not started or did not end by itself; `problem`: "" when all is
    well."""

    command: str
    exit_code: int | None
    seconds: float
    problem: str


def run_hook(command: str, told: bytes, folder: str, limit: float) -> HookResult:
    """One hook with `told` on its stdin, for at most `limit` seconds."""
    began = time.monotonic()
    code, problem = _run(_words(command), told, folder, limit)
    return HookResult(command, code, round(time.monotonic() - began, 3), problem)


def _words(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    is_for_shell = any(not word.strip("();<>|&") for word in lexer if word)
    return ["/bin/sh", "-c", command] if is_for_shell else shlex.split(command)


def _run(words: Sequence[str], told: bytes, folder: str, limit: float) -> tuple[int | None, str]:
    try:
        # A session of its own: what it started goes with it when it takes too long, and nothing waits for a password.
        child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=2, cwd=folder, start_new_session=True)
    except OSError as e:
        return None, f"could not be started: {e.strerror}"
    with child:
        try:
            child.communicate(told, limit)
        except subprocess.TimeoutExpired:
            _end(child)
            return None, f"took longer than {limit:g} s and was ended"
        except BaseException:
            _end(child)
            raise
    if child.returncode < 0:
        return None, f"was ended by {name_of(-child.returncode)}"
    return child.returncode, f"exited with {child.returncode}" if child.returncode else ""


def _end(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM to its group, SIGKILL to what is left of it after the grace."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE)
