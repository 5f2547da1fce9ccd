"""Which large contents were stored before, guessed from size and samples: those are hashed first and copied only if
they are not there, the others copied at once, so that either way a file is read once.

A cache of the project (cache/outputs): 16 bytes a fingerprint, the latest last. Only speed depends on it; a wrong guess
or a lost file costs one more reading.
"""

from __future__ import annotations

import os

from exptrack.files import read_bytes, write_atomic

FILE = "outputs"
WIDTH, MOST = 16, 1 << 16


class Hints:
    """The fingerprints (store/copying.py) in a project's cache folder. Threads may ask and add at once."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        try:
            data = read_bytes(os.path.join(folder, FILE), WIDTH * MOST)
        except OSError:
            data = b""  # no cache yet, or none of ours: everything is copied, and then found to be there
        self._known = {data[i : i + WIDTH]: False for i in range(0, len(data) - WIDTH + 1, WIDTH)}

    def __contains__(self, mark: bytes) -> bool:
        return mark in self._known

    def add(self, mark: bytes) -> None:
        """Stored, or found in the store, just now."""
        self._known.pop(mark, None)
        self._known[mark] = True

    def save(self) -> None:
        """Write what was added; of more than MOST the oldest go. OSError when the disk will not take it."""
        if any(self._known.values()):
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            write_atomic(os.path.join(self.folder, FILE), b"".join([*self._known][-MOST:]), durable=False)
