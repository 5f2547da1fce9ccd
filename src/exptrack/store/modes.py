"""Who may read and write a store: its owner alone, or the group of its folder where it was declared `shared = true`.

The mode of objects/ says which of the two a store is, so that everybody goes on as its maker declared it, whatever
their own policy file and umask say. What has a name has its final mode: of two users who make a folder at once none
may meet the other's half-made one.
"""

from __future__ import annotations

import os

from exptrack.errors import ExptrackError
from exptrack.files import temporary_name, write_atomic
from exptrack.typed import NamedTuple

LOCK = "gc.lock"


class Modes(NamedTuple):
    """Permissions of what a store is made of. Folders of a shared one pass their group on (setgid)."""

    folder: int
    object: int
    record: int
    lock: int


PRIVATE = Modes(0o700, 0o400, 0o600, 0o600)
SHARED = Modes(0o2770, 0o440, 0o640, 0o660)


def modes_of(folder: str) -> Modes:
    """The modes in force where this folder of a store lies; PRIVATE when there is none yet."""
    try:
        return SHARED if os.stat(folder).st_mode & 0o020 else PRIVATE
    except FileNotFoundError:
        return PRIVATE


def make_folder(path: str, modes: Modes) -> bool:
    """Make a folder, and those above it that are missing; False when it is there already. OSError when it cannot be
    made."""
    if not os.path.isdir(os.path.dirname(path)):
        make_folder(os.path.dirname(path), modes)
    if modes is PRIVATE or os.path.isdir(path):
        try:
            os.mkdir(path, modes.folder)
        except FileExistsError:
            return False
        return True
    # mkdir(2) knows no setgid and obeys the umask; a chmod after it would leave a moment in which others are kept out.
    tmp = temporary_name(os.path.dirname(path), os.path.basename(path))
    os.mkdir(tmp, 0o700)
    try:
        os.chmod(tmp, modes.folder)
        os.rename(tmp, path)
    except OSError:
        os.rmdir(tmp)
        if os.path.isdir(path):
            return False
        raise
    return True


def share(root: str) -> None:
    """Open a private store to the group of its folder; ExptrackError for all but its owner. Interrupted, it is done
    again: objects/, whose mode says that a store is shared, comes last."""
    last = os.path.join(root, "objects")
    try:
        make_lock(root, SHARED)
        for folder, _, files in os.walk(root, onerror=_raise):
            for path in (os.path.join(folder, name) for name in files):
                os.chmod(path, os.stat(path).st_mode & 0o600 | 0o040)
            if folder != last:
                os.chmod(folder, SHARED.folder)
        os.chmod(os.path.join(root, LOCK), SHARED.lock)
        os.chmod(last, SHARED.folder)
    except OSError as e:
        raise ExptrackError(
            f"`shared = true`, but the store {root} is not: {e.strerror} ({e.filename})",
            "its owner has to run something with `shared = true` first",
        ) from e


def make_lock(root: str, modes: Modes) -> None:
    """gc's lock, before anybody needs it: whoever makes it first would be its owner, with a mode of their umask's."""
    try:
        write_atomic(os.path.join(root, LOCK), b"", mode=modes.lock, create_only=True, durable=False)
    except FileExistsError:
        return


def _raise(e: OSError) -> None:
    raise e
