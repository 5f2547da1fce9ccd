"""Who is at the keyboard: $EXPTRACK_AUTHOR (a CI job sets it), else the login name; who git says it is; are two one?"""

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


def git_author(folder: str) -> str | None:
    """Git's e-mail address up to the @, in small letters, else its user name; None when git knows neither.

    What a CI job sets ($GIT_AUTHOR_EMAIL) comes before user.email of the configuration, as for a commit."""
    from exptrack.capture import git

    said = os.environ.get("GIT_AUTHOR_EMAIL", "")
    for key in () if said else ("user.email", "user.name"):
        try:
            said = os.fsdecode(git.ask(folder, "config", "--get", key)).strip()
        except git.GitTrouble:
            continue  # not set, or no git
        if said:
            break
    name, at, _ = said.partition("@")
    return (name.lower() if at else name).strip() or None


def is_same_person(a: str, b: str) -> bool:
    """`Ada`, `ada` and `ada@example.org` are one; two e-mails of different places are two. Where in doubt the same:
    who may not approve is asked with this."""
    a, b = a.strip().casefold(), b.strip().casefold()
    if "@" in a and "@" in b:
        return a == b
    return a.partition("@")[0] == b.partition("@")[0]
