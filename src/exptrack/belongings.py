"""What a run reads and leaves, in words: inputs, outputs, the entries of a tree. Imported from model.py."""

from __future__ import annotations

from exptrack.frozen import frozen


@frozen
class StoredFile:
    """One entry of a tree. `mode` is git's: 100644, 100755, or 120000 for a symlink (its bytes are the target)."""

    path: str
    digest: str
    size: int
    mode: str = "100644"


@frozen
class Declared:
    """An input or output as the user declared it: `label` is the input's name or the output's kind."""

    label: str
    pattern: str


@frozen
class Artifact:
    """One kept output. A folder's `digest` names a tree object (is_tree); a file's names its bytes. `is_older`: it
    lay there before the run, which wrote nothing of it."""

    kind: str
    path: str
    digest: str
    size: int
    files: int = 1
    is_tree: bool = False
    mode: str = "100644"
    is_older: bool = False


@frozen
class Input:
    """One declared input: digest and size, never the bytes. `digest` None: it was not there."""

    name: str
    path: str
    digest: str | None
    size: int
    files: int
