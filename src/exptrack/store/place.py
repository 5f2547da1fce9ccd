"""Open a store: `format`, objects/, runs/, events/, promotions/. A newer format is refused, not guessed at."""

from __future__ import annotations

import os

from exptrack.config import FOLDER
from exptrack.errors import ExptrackError
from exptrack.files import read_bytes, write_atomic
from exptrack.store.modes import PRIVATE, SHARED, Modes, make_folder, make_lock, modes_of, share
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.store.objects import Objects
    from exptrack.store.records import Records

FORMAT = 1


class Store:
    """An open store; `objects` and `records` are its two halves."""

    __slots__ = ("_objects", "_records", "root")

    def __init__(self, root: str) -> None:
        self.root = root
        self._objects: Objects | None = None
        self._records: Records | None = None

    # Both on first use: `run` checks that it may write here before its child starts, and needs neither hashes nor
    # manifests for that (25 ms of imports).
    @property
    def objects(self) -> Objects:
        if self._objects is None:
            from exptrack.store.objects import Objects

            self._objects = Objects(os.path.join(self.root, "objects"))
        return self._objects

    @property
    def modes(self) -> Modes:
        """Permissions of whatever is made in this store."""
        return modes_of(os.path.join(self.root, "objects"))

    @property
    def records(self) -> Records:
        if self._records is None:
            from exptrack.store.records import Records

            self._records = Records(self.root)
        return self._records


def open_store(root: str, *, create: bool = False, is_shared: bool = False) -> Store:
    """Open (with `create`: make) the store at an absolute path; ExptrackError when it is none of ours, is of a newer
    format, or cannot be made or read. `is_shared`: for the group of its folder too, from now on if it is not yet."""
    path = os.path.join(root, "format")
    try:
        text = read_bytes(path, 4096).strip()
    except FileNotFoundError:
        if create:
            _make(root, path, SHARED if is_shared else PRIVATE)
        return Store(root)
    except PermissionError as e:
        raise closed(f"the store {root} cannot be read: {e.strerror}", path) from e
    except OSError as e:
        raise ExptrackError(f"the store {root} cannot be read: {e.strerror}", "check its permissions") from e
    if not text.isdigit() or len(text) > 9:
        raise ExptrackError(f"{root} is not an exptrack store: its format file says {text[:40]!r}", "check `store =`")
    if int(text) > FORMAT:
        raise ExptrackError(
            f"the store {root} is of format {int(text)}; this exptrack reads up to {FORMAT}",
            "upgrade: pip install --upgrade exptrack-run",
        )
    store = Store(root)
    if create and is_shared and store.modes is PRIVATE:
        share(root)
    return store


def _make(root: str, path: str, modes: Modes) -> None:
    try:
        os.makedirs(os.path.dirname(root), exist_ok=True)
        if not make_folder(root, modes) and modes is SHARED and os.stat(root).st_uid == os.geteuid():
            os.chmod(root, modes.folder)
        for folder in ("objects", "runs", "events", "promotions"):
            make_folder(os.path.join(root, folder), modes)
        make_lock(root, modes)
        try:
            write_atomic(path, b"%d\n" % FORMAT, mode=modes.record, create_only=True)
        except FileExistsError:
            return  # somebody made it at the same moment, with the same content
    except OSError as e:
        raise ExptrackError(
            f"cannot make a store at {root}: {e.strerror}",
            "set `store =` in exptrack.toml or $EXPTRACK_DIR to a folder you may write",
        ) from e


def closed(said: str, place: str) -> ExptrackError:
    """What was `said` of a closed file or folder of a store, with whose it is and what its owner can do; when it is our
    own, no more than that."""
    while (uid := _owner(place)) is None:
        place = os.path.dirname(place)
    if uid == os.geteuid():
        return ExptrackError(said, f"check the permissions of {place}")
    owner = _name_of(uid)
    return ExptrackError(
        f"{said}; it belongs to {owner}",
        f"`shared = true` in the exptrack.toml of {owner} opens a store to the group of its folder (docs/policy.md); "
        "everybody works in a project of their own",
    )


def is_of_a_store(path: str) -> bool:
    """Does it lie in a folder of ours, as far as one can see from outside?"""
    while path != (path := os.path.dirname(path)):
        if os.path.basename(path) == FOLDER or os.path.lexists(os.path.join(path, "format")):
            return True
    return False


def _owner(path: str) -> int | None:
    """User id; None for what lies in a folder that is closed to us, below a file, or nowhere."""
    try:
        return os.stat(path).st_uid
    except OSError:
        return None


def _name_of(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
