"""Bytes by their sha256 under objects/ab/cdef..., mode 0400 (0440 in a shared store): one that is there is whole.

An object gets its name last (written to `.tmp` beside it, then renamed), so a crash leaves only temporary files that
nobody names. The same bytes are stored once, whoever stores them.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager

from exptrack.errors import Damaged
from exptrack.files import publish, remove_if_there, sync_folder, temporary_name, write_all
from exptrack.sha256 import sha256
from exptrack.store.copying import BLOCK, copy, digest_of, fingerprint, is_same
from exptrack.store.modes import Modes, make_folder, modes_of
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from exptrack.store.hints import Hints
    from exptrack.typed import IO

MOST_READ = 1 << 30
# Seconds for which an object need not be touched again; `gc` spares it for twice as long (actions/freshness.py: YOUNG).
TOUCHED = 1800.0
# Bytes up to which an object that is there already is compared with what is to be stored: it costs a read, and no hash.
COMPARED = 1 << 24
SECOND = 1_000_000_000


def is_digest(text: str) -> bool:
    """64 hexadecimal digits in lower case."""
    return len(text) == 64 and not text.strip("0123456789abcdef")


class Objects:
    """The content-addressed part of a store; `root` is its objects/ folder."""

    def __init__(self, root: str, hints: Hints | None = None) -> None:
        self.root, self.hints = root, hints
        self._modes: Modes | None = None

    @property
    def modes(self) -> Modes:
        """Permissions of whatever is made here."""
        if self._modes is None:
            self._modes = modes_of(self.root)
        return self._modes

    def path(self, digest: str) -> str:
        """Where the bytes lie; Damaged for a text that is no sha256 (a forged manifest must not choose a path)."""
        if not is_digest(digest):
            raise Damaged(f"{digest!r:.80} is not a sha256 digest", "`exptrack verify` lists what is damaged")
        return f"{self.root}/{digest[:2]}/{digest[2:]}"  # half of the time of os.path.join, three times a file

    def has(self, digest: str) -> bool:
        return os.path.exists(self.path(digest))

    def size(self, digest: str) -> int | None:
        """Bytes of the stored object; None when it is not there."""
        try:
            return os.stat(self.path(digest)).st_size
        except FileNotFoundError:
            return None

    def touch(self, digest: str, size: int | None = None, source: bytes | int | None = None) -> bool:
        """Is it there? Then it counts as stored now: `gc` lets nothing go that somebody has just stored again and is
        about to name (actions/trash.py). `size`, its bytes where they are known, and `source`, themselves or an open
        file of them: one that was cut, grew or was altered is not there and is stored anew, else every later run with
        these bytes would be damaged from the start. Ones larger than COMPARED are read only when their time is not the
        one they were sealed with: whoever writes to a file changes it, a bit that the disk flips does not."""
        path = self.path(digest)
        try:
            info = os.stat(path)
            part = info.st_mtime_ns % SECOND
            if size is not None:
                if info.st_size != size:
                    return False
                if source is not None and (size <= COMPARED or part != seal_of(digest)):
                    if not is_same(path, source):
                        return False
                    part = seal_of(digest)
            now = int(time.time()) * SECOND + part
            os.utime(path, ns=(now, now))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except PermissionError:
            # Another user's, in a shared store: only its owner may touch it. Too old to be safe, it is stored again.
            return time.time() - self._stored_at(path) < TOUCHED
        except OSError as e:
            e.filename = path  # utime does not say it
            raise
        return True

    def _stored_at(self, path: str) -> float:
        try:
            return os.stat(path).st_mtime
        except FileNotFoundError:
            return 0.0

    def add_bytes(self, data: bytes) -> str:
        """Store bytes; returns their digest. OSError when the disk will not take them: then nothing has a name."""
        digest = sha256(data).hexdigest()
        if not self.touch(digest, len(data), data):
            with self._new() as (fd, tmp):
                write_all(fd, data)
                self._seal(fd, tmp, self.path(digest), len(data))
        return digest

    def add_pieces(self, pieces: Iterable[bytes]) -> str:
        """Store bytes that come in pieces, as one object; returns its digest. OSError as `add_bytes`."""
        summer, size = sha256(), 0
        with self._new() as (fd, tmp):
            for piece in pieces:
                write_all(fd, piece)
                summer.update(piece)
                size += len(piece)
            self._place(fd, tmp, digest := summer.hexdigest(), size, fd)
        return digest

    def add_file(self, path: str) -> tuple[str, int]:
        """Store a file's bytes, hashed and copied in one pass -> (digest, bytes). Read again when it changed meanwhile
        (a checkpoint being rewritten); after three tries what was read last is kept, whole by its own digest."""
        for _ in range(3):
            source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                before = os.fstat(source)
                digest, size = self._take(source, before)
                after = os.fstat(source)
            finally:
                os.close(source)
            if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size) and size == after.st_size:
                break
        return digest, size

    def _take(self, source: int, info: os.stat_result) -> tuple[str, int]:
        if info.st_size < BLOCK:
            data = os.read(source, info.st_size + 1)
            if len(data) == info.st_size:
                return self.add_bytes(data), len(data)
            os.lseek(source, 0, os.SEEK_SET)  # it grows or shrinks right now
            return self._copy(source)
        if self.hints is None:
            return self._copy(source)
        mark = fingerprint(source, info.st_size)
        found = digest_of(source) if mark in self.hints else None
        if found is None or not self.touch(*found, source):
            os.lseek(source, 0, os.SEEK_SET)
            found = self._copy(source)
        self.hints.add(mark)
        return found

    def _copy(self, source: int) -> tuple[str, int]:
        with self._new() as (fd, tmp):
            digest, size = copy(source, fd)
            self._place(fd, tmp, digest, size, source)
        return digest, size

    def _place(self, fd: int, tmp: str, digest: str, size: int, source: int) -> None:
        if self.touch(digest, size, source):
            remove_if_there(tmp)
        else:
            self._seal(fd, tmp, self.path(digest), size)

    @contextmanager
    def _new(self) -> Iterator[tuple[int, str]]:
        """A new, empty file (descriptor, path) that has no name yet; gone when the block fails."""
        self._begin()
        tmp = temporary_name(self.root, "object")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            fd = os.open(tmp, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(self.root, mode=0o700, exist_ok=True)
            fd = os.open(tmp, flags, 0o600)
        try:
            yield fd, tmp
        except BaseException:
            remove_if_there(tmp)
            raise
        finally:
            os.close(fd)

    def _begin(self) -> None:
        """Something is about to be written."""

    def _close(self, fd: int, path: str, size: int) -> None:
        """Nobody will write to it any more: its final mode, and for a large one the time that says so."""
        os.fchmod(fd, self.modes.object)
        if size > COMPARED:
            now = int(time.time()) * SECOND + seal_of(path[-65:].replace(os.sep, ""))
            os.utime(fd, ns=(now, now))

    def _seal(self, fd: int, tmp: str, path: str, size: int) -> None:
        self._close(fd, path, size)
        os.fsync(fd)
        folder = os.path.dirname(path)
        is_new = make_folder(folder, self.modes)
        publish(tmp, path)
        sync_folder(folder)
        if is_new:
            sync_folder(self.root)

    def settle(self) -> Mapping[str, OSError]:
        """Now everything added is on disk and named, but for the digests it tells. Here: it was so before."""
        return {}

    def forget(self, digests: Iterable[str], spared: Iterable[str] = ()) -> None:
        """These, but for `spared`, will not be named by any record: what has no name yet need not get one. Here: all
        have theirs."""

    def read(self, digest: str, limit: int = MOST_READ) -> bytes:
        """The bytes, checked against their name; Damaged when missing or altered, or (nothing is read then) when they
        are more than `limit` bytes: a listing or a link that somebody else wrote may name anything."""
        with self._open(digest) as f:
            _check_size(digest, f, limit)
            data = f.read(limit)
        if sha256(data).hexdigest() != digest:
            raise altered(digest)
        return data

    def pieces(self, digest: str, limit: int = MOST_READ) -> Iterator[bytes]:
        """The bytes, block by block; Damaged as from `read`, but for altered ones only after the last of them."""
        with self._open(digest) as f:
            summer = sha256(size=_check_size(digest, f, limit))
            while block := f.read(BLOCK):
                summer.update(block)
                yield block
        if summer.hexdigest() != digest:
            raise altered(digest)

    def head(self, digest: str, count: int) -> bytes:
        """The first bytes, unchecked; Damaged when there is no such file."""
        with self._open(digest) as f:
            return f.read(count)

    def copy_out(self, digest: str, target: str, mode: int, most: int | None = None) -> None:
        """Write the bytes to `target` (replaced atomically), checked on the way; Damaged leaves `target` as it was.
        `mode`: less what the umask takes, as of any file the user makes; `most`: the bytes there should be, for it
        would take hours to see that ten terabytes of nothing are not the file."""

        def as_asked(path: str, flags: int) -> int:
            return os.open(path, flags | os.O_CLOEXEC, mode)

        tmp = temporary_name(os.path.dirname(target) or ".", os.path.basename(target))
        try:
            with self._open(digest) as source, open(tmp, "x+b", opener=as_asked) as f:
                if most is not None and os.fstat(source.fileno()).st_size > most:
                    raise altered(digest)
                found, _ = copy(source.fileno(), f.fileno())
            if found != digest:
                raise altered(digest)
            publish(tmp, target)
        finally:
            remove_if_there(tmp)

    def is_whole(self, digest: str, tell: Callable[[int], None] | None = None) -> bool | None:
        """Does the object still have the bytes its name says? None when it is missing. `tell` hears of bytes read."""
        try:
            with self._open(digest) as f:
                return digest_of(f.fileno(), tell)[0] == digest
        except Damaged:
            return False if self.has(digest) else None

    def _open(self, digest: str) -> IO[bytes]:
        """The object's file; Damaged when it is missing, or is a pipe, device or folder: somebody else's store
        must not make a reader wait for ever."""
        try:
            f = open(self.path(digest), "rb", opener=_at_once)  # noqa: SIM115 - the caller's `with` closes it
        except FileNotFoundError as e:
            raise missing(digest) from e
        except IsADirectoryError as e:
            raise altered(digest) from e
        if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
            f.close()
            raise altered(digest)
        return f


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK)


def seal_of(digest: str) -> int:
    """The nanoseconds of the mtime of an object that nobody has written to since it was compared with its name. Whole
    microseconds, as some file systems keep no more; where even fewer are kept objects are compared each time."""
    return int(digest[:12], 16) % 1_000_000 * 1000


def _check_size(digest: str, f: IO[bytes], limit: int) -> int:
    """Bytes of an open object; Damaged when they are more than `limit`."""
    if (size := os.fstat(f.fileno()).st_size) > limit:
        raise Damaged(f"object {digest} is {size} bytes long, more than {limit}", "it is not what it is named as")
    return size


def missing(digest: str) -> Damaged:
    return Damaged(f"object {digest} is not in the store", "`exptrack verify` lists the runs that are hurt")


def altered(digest: str) -> Damaged:
    return Damaged(
        f"object {digest} is altered: its bytes have another digest", "`exptrack verify` lists the runs hurt"
    )
