"""Write a run's code into a folder as it was: bytes, executable bits, symlinks; every digest checked on the way.

A tree may come from somebody else's store, so it is not trusted: nothing is written outside the folder. Files come
first, into real folders only, and symlinks last, so that no file is ever written through one. A link that leads out of
the folder is made as it was (making it touches nothing) and reported.
"""

from __future__ import annotations

import os

from exptrack.actions.write_tree import check_there, write_tree
from exptrack.errors import ExptrackError
from exptrack.store.trees import decode_tree
from exptrack.typed import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from exptrack.model import RunManifest
    from exptrack.store.place import Store


class RestoreResult(NamedTuple):
    """`files` written below `target`; `left_out`: paths the snapshot did not take (secrets, pipes, unreadable ones);
    `masked`: where secrets are missing, as train.py:12; `leading_out`: symlinks that lead out of the folder."""

    target: str
    files: int
    left_out: tuple[str, ...]
    leading_out: tuple[str, ...]
    masked: tuple[str, ...] = ()


def restore(store: Store, manifest: RunManifest, target: str, *, force: bool = False) -> RestoreResult:
    """Restore a run's snapshot into `target`, new or empty (`force`: files in the way are replaced, others stay).

    Raises ExptrackError when there is no snapshot or the folder will not do, Damaged when bytes are missing or altered:
    missing ones before anything is written."""
    if manifest.code.tree is None:
        raise ExptrackError(f"run {manifest.id} has no code snapshot", "its warnings say why: `exptrack show`")
    files = decode_tree(store.objects.read(manifest.code.tree))
    check_there(store, files)
    root = _open_target(target, force=force)
    leading_out = write_tree(store, files, root)
    return RestoreResult(root, len(files), manifest.code.left_out, tuple(leading_out), manifest.code.masked)


def _open_target(target: str, *, force: bool) -> str:
    root = os.path.realpath(target)
    try:
        os.makedirs(root, exist_ok=True)
        is_empty = not os.listdir(root)
    except OSError as e:
        raise ExptrackError(f"cannot restore into {target}: {e.strerror}", "name a new folder") from e
    if not is_empty and not force:
        raise ExptrackError(f"{target} is not empty", "name a new folder, or overwrite with --force")
    return root
