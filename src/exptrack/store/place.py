"""Open a store: `format`, objects/, runs/, events/, promotions/. A newer format is refused, not guessed at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from exptrack.errors import ExptrackError
from exptrack.files import read_bytes, write_atomic

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
    def records(self) -> Records:
        if self._records is None:
            from exptrack.store.records import Records

            self._records = Records(self.root)
        return self._records


def open_store(root: str, *, create: bool = False) -> Store:
    """Open (with `create`: make) the store at an absolute path; ExptrackError when it is none of ours, is of a newer
    format, or cannot be made or read."""
    path = os.path.join(root, "format")
    try:
        text = read_bytes(path).strip()
    except FileNotFoundError:
        if not create:
            return Store(root)
        _make(root, path)
        return Store(root)
    except OSError as e:
        raise ExptrackError(f"the store {root} cannot be read: {e.strerror}", "check its permissions") from e
    if not text.isdigit() or len(text) > 9:
        raise ExptrackError(f"{root} is not an exptrack store: its format file says {text[:40]!r}", "check `store =`")
    if int(text) > FORMAT:
        raise ExptrackError(
            f"the store {root} is of format {int(text)}; this exptrack reads up to {FORMAT}",
            "upgrade: pip install --upgrade exptrack-run",
        )
    return Store(root)


def _make(root: str, path: str) -> None:
    try:
        os.makedirs(root, mode=0o700, exist_ok=True)
        for folder in ("objects", "runs", "events", "promotions"):
            os.makedirs(os.path.join(root, folder), mode=0o700, exist_ok=True)
        try:
            write_atomic(path, b"%d\n" % FORMAT, create_only=True)
        except FileExistsError:
            return  # somebody made it at the same moment, with the same content
    except OSError as e:
        raise ExptrackError(
            f"cannot make a store at {root}: {e.strerror}",
            "set `store =` in exptrack.toml or $EXPTRACK_DIR to a folder you may write",
        ) from e
