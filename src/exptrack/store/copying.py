"""Bytes of one open file into another, hashed on the way, in memory that does not grow with them.

Where the file system can (XFS, btrfs, bcachefs) the file is cloned, which copies nothing and cannot see half of a
change, and the clone is hashed. Else one pass: each block is written and hashed, in large files by a second thread and
past the page cache. The digest is always that of the bytes that were written, never of a second look at the source.
"""

from __future__ import annotations

import errno
import os
import sys

from exptrack.beside import Beside
from exptrack.files import write_all
from exptrack.sha256 import sha256
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from mmap import mmap
    from queue import SimpleQueue

BLOCK = 1 << 18
# From here on a second thread hashes, AHEAD blocks of LARGE_BLOCK are under way, and the disk is written to directly.
LARGE, LARGE_BLOCK, AHEAD = 1 << 23, 1 << 20, 3
WRITE_BACK = 1 << 25
# _IOW(0x94, 9, int) of linux/fs.h as most processors encode it; fcntl.FICLONE came with Python 3.12. Where the number
# is another one the call says ENOTTY, and the bytes are copied.
FICLONE = 0x40049409


def copy(source: int, target: int) -> tuple[str, int]:
    """Everything `source` (a descriptor at its beginning) holds into `target` (new, empty, opened for both) -> (sha256,
    bytes). Blocks of zeros of a sparse file stay holes. OSError as read(2) and write(2) say."""
    info = os.fstat(source)
    if info.st_size >= BLOCK and _clone(source, target):
        return digest_of(target)
    summer = _Summer(info.st_size)
    # Read and compared, not asked for with SEEK_HOLE: the digest needs every byte anyway, and a file system that is
    # wrong about its holes (ZFS was, in 2023) would cost data in silence.
    is_sparse = info.st_blocks * 512 < info.st_size
    is_direct = info.st_size >= LARGE and _go_direct(target, is_on=True)
    size = flushed = 0
    try:
        while count := os.readv(source, [block := summer.block()]):
            if is_sparse and count == len(block) and not block[0] and block[:] == bytes(count):
                os.lseek(target, count, os.SEEK_CUR)
            else:
                if is_direct and count < len(block):
                    is_direct = _go_direct(target, is_on=False)
                _write(target, memoryview(block)[:count])
            summer.take(block, count)
            size += count
            if not is_direct and size - flushed >= WRITE_BACK:
                start_writing(target, flushed, size - flushed)
                flushed = size
    finally:
        digest = summer.finish()
    if is_sparse:
        os.ftruncate(target, size)
    return digest, size


def _go_direct(fd: int, *, is_on: bool) -> bool:
    """Write past the page cache from now on, or no longer; is it so? A gigabyte that nobody reads soon need not push a
    gigabyte out of memory, and to find the pages costs more than to hash them."""
    # Network file systems (they ask for large blocks) have more under way at once when they cache; others refuse.
    if sys.platform != "linux" or os.fstat(fd).st_blksize > 1 << 14:
        return False
    import fcntl

    flags = fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_DIRECT
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_DIRECT if is_on else flags)
    except OSError:
        return False
    return is_on


def _write(fd: int, piece: memoryview) -> None:
    start = os.lseek(fd, 0, os.SEEK_CUR)
    try:
        write_all(fd, piece)
    except OSError as e:
        # A disk whose blocks are larger than ours, or the rest of a write that found only part of its room.
        if e.errno != errno.EINVAL:
            raise
        _go_direct(fd, is_on=False)
        write_all(fd, piece[os.lseek(fd, 0, os.SEEK_CUR) - start :])


def digest_of(source: int, tell: Callable[[int], None] | None = None) -> tuple[str, int]:
    """sha256 of everything a descriptor holds, from its beginning, and how many bytes that are. `tell` hears of each
    block that was read."""
    os.lseek(source, 0, os.SEEK_SET)
    summer, size, block = sha256(size=os.fstat(source).st_size), 0, memoryview(bytearray(BLOCK))
    while count := os.readv(source, [block]):
        summer.update(block[:count])
        size += count
        if tell:
            tell(count)
    return summer.hexdigest(), size


def is_same(path: str, source: bytes | int) -> bool:
    """Does a file hold these bytes, or all that this descriptor holds? Not when it cannot be read for a bad disk; one
    that is somebody else's to read is taken at its word."""
    try:
        # Never waits: a pipe in its place holds nothing.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except PermissionError:
        return True
    except OSError:
        return False
    try:
        if isinstance(source, bytes):
            return os.read(fd, len(source) + 1) == source
        offset = 0
        while (block := os.pread(source, BLOCK, offset)) == os.pread(fd, BLOCK, offset):
            if not block:
                return True
            offset += len(block)
        return False
    except OSError:
        return False
    finally:
        os.close(fd)


def start_writing(fd: int, offset: int = 0, count: int = 0) -> None:
    """Let the disk begin with what was written, without waiting for it: the fsync that comes later finds it done. Linux
    does so when told that the bytes are not needed; elsewhere nothing happens. `count` 0: to the end."""
    if sys.platform == "linux":
        os.posix_fadvise(fd, offset, count, os.POSIX_FADV_DONTNEED)


def fingerprint(fd: int, size: int) -> bytes:
    """A guess at what a file of `size` bytes holds, from eight samples of 4 KiB: equal for equal contents, and for
    different ones nearly always different. Good for deciding what to try first, and for nothing else."""
    summer = sha256(b"%d" % size, size=8 * 4096)
    for i in range(8):
        summer.update(os.pread(fd, 4096, max(0, size - 4096) * i // 7))
    return summer.digest()[:16]


def _clone(source: int, target: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        if os.fstat(target).st_size:
            os.ftruncate(target, 0)
        return False  # not this file system, not these two, no room: copying works, or says why not
    return True


class _Summer:
    """sha256 over blocks it lends out. For a large file in a thread that stays up to AHEAD blocks behind."""

    def __init__(self, size: int) -> None:
        self._sum = sha256(size=size)
        self._block: bytearray | mmap = bytearray(0 if size >= LARGE else BLOCK)
        self._thread: Beside | None = None
        if size >= LARGE:
            self._go_behind()

    def _go_behind(self) -> None:
        from mmap import mmap
        from queue import SimpleQueue

        # Of whole pages, as a direct write wants them.
        self._block = mmap(-1, LARGE_BLOCK)
        self._free: SimpleQueue[bytearray | mmap] = SimpleQueue()
        self._full: SimpleQueue[tuple[bytearray | mmap, int] | None] = SimpleQueue()
        try:
            self._thread = Beside(self._hash_behind)
        except (RuntimeError, MemoryError):
            return  # no more threads for us: hashed in turn
        self._free.put(self._block)
        for _ in range(AHEAD - 1):
            self._free.put(mmap(-1, LARGE_BLOCK))

    def _hash_behind(self) -> None:
        while (filled := self._full.get()) is not None:
            block, count = filled
            self._sum.update(memoryview(block)[:count])
            self._free.put(block)

    def block(self) -> bytearray | mmap:
        """Room for a block; waits for the hashing when that is far behind."""
        return self._free.get() if self._thread else self._block

    def take(self, block: bytearray | mmap, count: int) -> None:
        """The first `count` bytes of what `block` gave; the rest is not to be touched any more."""
        if self._thread:
            self._full.put((block, count))
        else:
            self._sum.update(memoryview(block)[:count])

    def finish(self) -> str:
        """The digest of everything taken."""
        if self._thread:
            self._full.put(None)
            self._thread.join()
        return self._sum.hexdigest()
