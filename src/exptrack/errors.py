"""The one error that reaches a user: what happened, what to do, and the exit code.

Everything the program refuses or cannot do is an ExptrackError; any other exception is a bug.
Exit codes: 2 wrong use, 3 no such run, 4 refused, 5 somebody was faster, 6 damaged, 125 not started.
"""

from __future__ import annotations


class ExptrackError(Exception):
    """Shown as `error: MESSAGE` and `hint: HINT`; `exit_code` becomes the command's."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code


class NoSuchRun(ExptrackError):  # noqa: N818 - the names say what happened; `Error` after each would say nothing more
    """No run, or more than one, answers to what the user wrote."""

    exit_code = 3


class Refused(ExptrackError):  # noqa: N818
    """A gate or rule of the policy is not met; `hint` lists every unmet one."""

    exit_code = 4


class Overtaken(ExptrackError):  # noqa: N818
    """Somebody else promoted meanwhile."""

    exit_code = 5


class Damaged(ExptrackError):  # noqa: N818
    """Stored bytes are missing or are not what their name says."""

    exit_code = 6


class NotStarted(ExptrackError):  # noqa: N818
    """exptrack could not or would not start the command: nothing ran."""

    exit_code = 125


def visible(text: str) -> str:
    """Text in which whatever a terminal would obey is written out: names come from programs and from other people."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
