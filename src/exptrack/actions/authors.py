"""Who is at the keyboard: $EXPTRACK_AUTHOR (a CI job sets it), else the login name; and are two of them one person?"""

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


def is_same_person(a: str, b: str) -> bool:
    """`Ada`, `ada` and `ada@example.org` are one; two e-mails of different places are two. Where in doubt the same:
    who may not approve is asked with this."""
    a, b = a.strip().casefold(), b.strip().casefold()
    if "@" in a and "@" in b:
        return a == b
    return a.partition("@")[0] == b.partition("@")[0]
