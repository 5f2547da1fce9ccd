"""Who is at the keyboard: $EXPTRACK_AUTHOR (a CI job sets it), else the login name."""

from __future__ import annotations

import os


def author() -> str:
    """A name, never empty; the numeric user id in a container that runs as a number nobody named."""
    if given := os.environ.get("EXPTRACK_AUTHOR"):
        return given
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
