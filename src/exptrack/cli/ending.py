"""How a command ends: exit codes, and `error:` with `hint:` instead of a traceback (EXPTRACK_DEBUG=1 shows it)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from exptrack.errors import ExptrackError, visible

INTERRUPTED = 130
INTERNAL = 70  # EX_SOFTWARE of sysexits(3)


def guard(action: Callable[[], int], internal: int = INTERNAL) -> int:
    """Run an action; every way it can end becomes an exit code."""
    try:
        code = action()
        sys.stdout.flush()
    except ExptrackError as e:
        _show_traceback()
        report(e.message, e.hint)
        return e.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # `| head` went away: what it wanted it has. Python would complain when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except OSError as e:
        _show_traceback()
        return _refused(e, internal)
    except Exception as e:  # noqa: BLE001 - told in one line, whatever it is
        _show_traceback()
        report(f"{type(e).__name__}: {e}", "this is a bug of exptrack; EXPTRACK_DEBUG=1 shows where")
        return internal
    return code


def _show_traceback() -> None:
    """With EXPTRACK_DEBUG=1, before the error itself: the exit code stays what scripts know it as."""
    if os.environ.get("EXPTRACK_DEBUG") == "1":
        import traceback

        traceback.print_exc()


def _refused(e: OSError, internal: int) -> int:
    """What the system refused, and where; a folder that is closed to us because it is somebody else's is no failure."""
    where = os.path.abspath(os.fsdecode(e.filename)) if isinstance(e.filename, (str, bytes)) else ""
    said = f"{e.strerror or e}: {where}" if where else f"{e.strerror or e}"
    if isinstance(e, PermissionError) and where and internal == INTERNAL:
        from exptrack.store.place import closed, is_of_a_store

        if is_of_a_store(where):
            problem = closed(said, where)
            report(problem.message, problem.hint)
            return problem.exit_code
    report(said, "check permissions and space there; EXPTRACK_DEBUG=1 shows more")
    return internal


def report(message: str, hint: str) -> None:
    """`error:` and `hint:` on stderr; escape codes that came in with a name are not sent to the terminal."""
    lines = [f"error: {message}"] + [f"hint: {hint}"] * bool(hint)
    text = "\n".join(lines)
    print(visible(text).encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
