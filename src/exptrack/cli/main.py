"""One command, from argv to exit code: the quick way for `run` and completion, typer for the rest, errors for all.

Whatever happens, a user sees `error:` and `hint:` and never a traceback, unless EXPTRACK_DEBUG=1 asks for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from exptrack.errors import ExptrackError

INTERRUPTED = 130
INTERNAL = 70  # EX_SOFTWARE of sysexits(3)


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit code."""
    _survive_closed_streams()
    return guard(lambda: _choose(argv), internal=125 if argv[:1] == ["run"] else INTERNAL)


def _choose(argv: Sequence[str]) -> int:
    if argv[:1] == ["run"]:
        from exptrack.cli import quick

        request = quick.parse(argv[1:])
        if request is not None:
            return quick.start(request)
    if argv[:1] == ["__complete"]:
        from exptrack.cli.complete import answer

        return answer(argv[1:])
    from exptrack.cli.app import run_app

    return run_app(argv)


def _survive_closed_streams() -> None:
    """`exptrack ... >&-`: Python then has None for a stream; give the descriptor back so that nothing else takes it."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def guard(action: Callable[[], int], internal: int = INTERNAL) -> int:
    """Run an action; every way it can end becomes an exit code."""
    try:
        code = action()
        sys.stdout.flush()
    except ExptrackError as e:
        if os.environ.get("EXPTRACK_DEBUG") == "1":
            raise
        report(e.message, e.hint)
        return e.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # `| head` went away: what it wanted it has. Python would complain when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except Exception as e:
        # The last fence: a bug is said in one line, with the way to see the rest.
        if os.environ.get("EXPTRACK_DEBUG") == "1":
            raise
        report(f"{type(e).__name__}: {e}", "this is a bug of exptrack; EXPTRACK_DEBUG=1 shows where")
        return internal
    return code


def report(message: str, hint: str) -> None:
    """`error:` and `hint:` on stderr; escape codes that came in with a name are not sent to the terminal."""
    lines = [f"error: {message}"] + [f"hint: {hint}"] * bool(hint)
    text = "\n".join(lines)
    safe = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    print(safe.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
