"""sha256 of files, remembered by (path, inode, size, mtime, ctime) in one append-only file of JSON lines.

A cache and nothing more: a line it does not understand is skipped, deleting it costs time only, and whatever changed
less than two seconds before it was read is not remembered (the racily clean entries of git: a second write within
the clock's grain leaves no trace in the stat).
"""

from __future__ import annotations

import os
import time

from exptrack.typed import Any

RACY_NS = 2_000_000_000
_HEX = frozenset("0123456789abcdef")


class UnstableFileError(OSError):
    """The file changed while it was read, twice in a row: no digest would be true of it."""


def digest_file(path: str) -> tuple[str, os.stat_result]:
    """(sha256 hex, the stat these bytes belong to). Raises OSError; UnstableFileError when it keeps changing."""
    import hashlib

    for _ in range(2):
        with open(path, "rb", buffering=0) as f:
            before = os.fstat(f.fileno())
            digest = hashlib.file_digest(f, "sha256").hexdigest()
            if state_of(os.fstat(f.fileno())) == state_of(before):
                return digest, before
    raise UnstableFileError(f"{path} changed while it was read")


def state_of(stat: os.stat_result) -> str:
    """What must be the same for the bytes to be taken as the same. The device is not in it: NFS renumbers it."""
    return f"{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"


def is_racy(stat: os.stat_result, now_ns: int) -> bool:
    """Touched so lately that the next write may leave the same times. Times in the future count as lately."""
    return max(stat.st_mtime_ns, stat.st_ctime_ns) > now_ns - RACY_NS


class DigestCache:
    """Look up with `digest_of`, add with `remember`, `save` once at the end.

    Two processes may save at the same time: lines are appended in one write, and a torn line is only a miss."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._known: dict[str, tuple[str, str]] = {}
        self._new: dict[str, tuple[str, str]] = {}
        self._lines = 0
        self._is_loaded = False

    def digest_of(self, file_path: str, stat: os.stat_result) -> str | None:
        """The digest of these very bytes as far as the stat can tell; None when they have to be read."""
        if not self._is_loaded:
            self._load()
        entry = self._known.get(file_path)
        return entry[1] if entry is not None and entry[0] == state_of(stat) else None

    def remember(self, file_path: str, stat: os.stat_result, digest: str) -> None:
        """`stat` is the one taken when the bytes were read (see digest_file)."""
        if is_racy(stat, time.time_ns()):
            return
        self._known[file_path] = self._new[file_path] = (state_of(stat), digest)

    def save(self) -> None:
        """Append what is new; rewrite the file once most of it is outdated. Raises OSError."""
        import json

        from exptrack import files

        if not self._new:
            return
        if not self._is_loaded:
            self._load()
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        is_bloated = self._lines + len(self._new) > 2 * len(self._known) + 1000
        entries = self._known if is_bloated else self._new
        # The newline in front parts the batch from a line that a dying process left torn.
        data = b"\n" + b"".join(json.dumps([p, *e]).encode("ascii") + b"\n" for p, e in entries.items())
        if is_bloated:
            files.write_atomic(self.path, data, durable=False)
        else:
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                files.write_all(fd, data)
            finally:
                os.close(fd)
        self._lines = len(entries) + (0 if is_bloated else self._lines)
        self._new = {}

    def _load(self) -> None:
        self._is_loaded = True
        try:
            with open(self.path, "rb") as f:
                lines = [line for line in f.read().split(b"\n") if line]
        except OSError:
            return  # no cache yet, or one we may not read: every file is read again
        self._lines = len(lines)
        known = {e[0]: (e[1], e[2]) for e in _entries(lines) if _is_entry(e)}
        self._known = known | self._known


def _entries(lines: list[bytes]) -> list[Any]:
    """One parse of the whole file where it is whole (five times faster), line by line where it is not."""
    import json

    try:
        whole: list[Any] = json.loads(b"[" + b",".join(lines) + b"]")
        return whole
    except ValueError:
        found: list[Any] = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # torn or foreign: a miss
    return found


def _is_entry(entry: Any) -> bool:
    if not (isinstance(entry, list) and len(entry) == 3 and all(isinstance(v, str) for v in entry)):
        return False
    return len(entry[2]) == 64 and _HEX.issuperset(entry[2])
