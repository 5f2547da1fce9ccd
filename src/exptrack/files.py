"""Writing that survives a crash, reading that survives a torn tail, and locks that die with their holders.

A name appears only when its bytes are whole and on disk (`.tmp` beside the target, fsync, rename or link). Paths are
str; standard library only, light enough to be imported before the child starts.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

# What link(2) says on file systems that have no hard links (FAT, some FUSE and network mounts).
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


def write_atomic(
    path: str, data: bytes, *, mode: int | None = 0o600, create_only: bool = False, durable: bool = True
) -> None:
    """Write whole bytes under a name. `create_only`: FileExistsError when the name is taken (link(2) decides, so two
    hosts on one NFS share cannot both win). `durable`: fsync file and folder before the name counts. `mode`: exactly
    that; None: as the umask says, for files that are the user's own."""
    folder = os.path.dirname(path) or "."
    tmp = temporary_name(folder, os.path.basename(path))
    fd = os.open(tmp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else 0o600)
    try:
        try:
            write_all(fd, data)
            if mode is not None and mode != 0o600:
                os.fchmod(fd, mode)
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        publish(tmp, path, create_only=create_only)
    except BaseException:
        remove_if_there(tmp)
        raise
    if durable:
        sync_folder(folder)


def temporary_name(folder: str, base: str) -> str:
    """A name nobody else uses, in the same folder so that rename stays on one file system.

    Random and not the pid: in containers and on two hosts of a share pids repeat, and what a killed process left behind
    must not be in its successor's way. 40 characters of `base` are at most 160 of the 255 bytes a name may have."""
    return os.path.join(folder, f".{base[:40]}.{os.urandom(8).hex()}.tmp")


def publish(tmp: str, path: str, *, create_only: bool = False) -> None:
    """Give whole bytes their name. With `create_only` the first one wins and the rest get FileExistsError."""
    if not create_only:
        os.replace(tmp, path)
        return
    try:
        os.link(tmp, path)
    except OSError as e:
        if e.errno in _NO_LINKS:
            _publish_without_links(tmp, path)
            return
        # NFS may have made the link and lost the answer; the repeated request then finds the name taken - by us.
        if e.errno != errno.EEXIST or os.stat(tmp).st_nlink < 2:
            raise
    os.unlink(tmp)


def _publish_without_links(tmp: str, path: str) -> None:
    # An empty file that claims the name would be half-written under a name after a crash; a lock dies with its holder.
    with locked(os.path.join(os.path.dirname(path), ".names.lock")):
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        os.replace(tmp, path)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """os.write until nothing is left; a short write happens on a nearly full disk and on pipes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_folder(folder: str) -> None:
    """Make renames in a folder survive power loss; file systems that refuse to fsync a folder need none."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as e:
        if e.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(fd)


def remove_if_there(path: str) -> bool:
    """Unlink; False when somebody else already did."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def shown_path(path: str, cwd: str) -> str:
    """An absolute path as records and people have it: from `cwd` where it is below it."""
    shown = os.path.relpath(path, cwd)
    return path if shown == ".." or shown.startswith("../") else shown


def read_bytes(path: str, limit: int | None = None) -> bytes:
    """The whole file. With `limit` (bytes) for files that somebody else may have made: OSError for a larger one and for
    a pipe or device, neither of which is opened for long enough to hang or to fill the memory."""
    if limit is None:
        with open(path, "rb") as f:
            return f.read()
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as f:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if info.st_size > limit:
            raise OSError(errno.EFBIG, f"{info.st_size} bytes long, more than {limit}", path)
        return f.read(limit)


def read_whole_lines(path: str, offset: int = 0, limit: int = 1 << 22) -> tuple[list[bytes], int]:
    """Complete lines from `offset` (at most about `limit` bytes) and the offset behind them.

    A torn last line stays unread until its newline is there; a line longer than `limit` is skipped as a whole, so that
    a reader never gets stuck."""
    with open(path, "rb") as f:
        f.seek(offset)
        data = f.read(limit)
        end = data.rfind(b"\n")
        if end < 0 and len(data) == limit:
            rest = offset + len(data)
            while chunk := f.read(limit):
                newline = chunk.find(b"\n")
                if newline >= 0:
                    return [], rest + newline + 1
                rest += len(chunk)
            return [], offset
    if end < 0:
        return [], offset
    return data[:end].split(b"\n"), offset + end + 1


class Lock:
    """flock on a file: held by the process that took it and by every fork that keeps the descriptor, released by the
    kernel when the last of them is gone, however it went."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = -1

    def acquire(self, *, wait: bool) -> bool:
        """True when the lock is ours now; with `wait` it blocks until it is."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self.fd = fd
        return True

    def release(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def is_locked(path: str) -> bool:
    """Does a living process hold this lock? Asked with a shared lock: two askers do not take each other for holders."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold a lock for a block; waits for it."""
    lock = Lock(path)
    lock.acquire(wait=True)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def turn(path: str) -> Iterator[bool]:
    """Is nobody else in such a block with this file, which has to be there? It is not written to; where readers get no
    lock (NFS) everybody has the turn."""
    fd, is_ours = os.open(path, os.O_RDONLY | os.O_CLOEXEC), True
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            is_ours = not isinstance(e, BlockingIOError)
        yield is_ours
    finally:
        os.close(fd)


def hold_closed_streams() -> None:
    """Keep 0, 1 and 2 from becoming somebody's file when we were started without them (`>&-`).

    To be called before anything is opened: the next open(2) takes the lowest free number, and the run's lock would be
    its stdout. exec closes the placeholder, so the command finds its stream closed, as without us."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
