"""A tree object as files: digests checked, nothing written outside the folder or through a link, links made last."""

from __future__ import annotations

import os
from collections.abc import Iterable

from exptrack.errors import Damaged, ExptrackError
from exptrack.model import StoredFile
from exptrack.store.place import Store

LINK = "120000"
LONGEST_LINK = 4096  # Linux PATH_MAX; no readlink of ours returned more


def check_there(store: Store, files: Iterable[StoredFile]) -> None:
    """Damaged unless the store has every file; before the first one is written."""
    missing = [f.path for f in files if not store.objects.has(f.digest)]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise Damaged(
            f"the bytes of {', '.join(map(ascii, missing[:5]))}{more} are not in the store",
            "`exptrack verify` lists the runs that are hurt",
        )


def write_tree(store: Store, files: Iterable[StoredFile], root: str) -> list[str]:
    """Write every file below `root`, the absolute path of a folder; returns the paths of symlinks that lead out of it.

    Those are made as they were: nothing is written after them. Damaged for bytes that are gone or altered."""
    files = list(files)
    for file in files:
        if file.mode != LINK:
            _clear(root, file.path)
            mode = 0o755 if file.mode == "100755" else 0o644
            store.objects.copy_out(file.digest, os.path.join(root, file.path), mode, file.size)
    return [f.path for f in files if f.mode == LINK and _link(store, root, f)]


def _clear(root: str, path: str) -> None:
    """Make the folders above a file; what is in the way there and is no folder (a symlink too) is an error."""
    place = root
    for part in path.split("/")[:-1]:
        place = os.path.join(place, part)
        try:
            os.mkdir(place)
        except FileExistsError:
            if os.path.islink(place) or not os.path.isdir(place):
                raise ExptrackError(
                    f"{place} is in the way of a folder", "move it away, or name a new folder"
                ) from None
    if os.path.isdir(os.path.join(root, path)) and not os.path.islink(os.path.join(root, path)):
        raise ExptrackError(f"{os.path.join(root, path)} is a folder in the way of a file", "move it away")


def _link(store: Store, root: str, file: StoredFile) -> bool:
    """Make a symlink; True when it leads out of the folder. Judged by the target's text: what lies behind other links
    does not matter, since nothing is written after them."""
    data = store.objects.read(file.digest, LONGEST_LINK)
    if not data or b"\0" in data:
        raise Damaged(f"{file.path!r} is no symlink's target", "`exptrack verify` lists what is damaged")
    _clear(root, file.path)
    place, text = os.path.join(root, file.path), os.fsdecode(data)
    if os.path.lexists(place):
        os.unlink(place)
    os.symlink(text, place)
    landing = os.path.normpath(os.path.join(os.path.dirname(place), text))
    return os.path.isabs(text) or not (landing + "/").startswith(os.path.join(root, ""))
