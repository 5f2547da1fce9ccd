"""Copied bytes are the same bytes, their digest is that of what was written, holes stay holes, clones are clones."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drive import wait_for
from exptrack.store import copying
from exptrack.store.copying import BLOCK, LARGE, LARGE_BLOCK, copy, digest_of, fingerprint
from exptrack.store.objects import Objects
from made import digest_of as digest_of_bytes

SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, LARGE - 1, LARGE, LARGE + BLOCK + 7, LARGE + LARGE_BLOCK]


def copied(source: Path, target: Path) -> tuple[str, int]:
    with source.open("rb", buffering=0) as f, target.open("x+b", buffering=0) as out:
        return copy(f.fileno(), out.fileno())


@pytest.mark.parametrize("size", SIZES)
def test_every_size_comes_over_whole(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)
    assert copied(tmp_path / "a", tmp_path / "b") == (digest_of_bytes(data), size)
    assert (tmp_path / "b").read_bytes() == data
    with (tmp_path / "b").open("rb") as f:
        assert digest_of(f.fileno()) == (digest_of_bytes(data), size)


def blocks_of(path: Path) -> int:
    return path.stat().st_blocks * 512


@pytest.mark.parametrize("tail", [b"", b"end", b"\0" * 5])
def test_a_sparse_file_stays_sparse_and_has_the_digest_of_all_its_bytes(tmp_path: Path, tail: bytes) -> None:
    source = tmp_path / "sparse"
    with source.open("wb") as f:
        f.write(b"head")
        f.seek(LARGE)
        f.write(b"middle")
        f.truncate(3 * LARGE)
        f.seek(0, os.SEEK_END)
        f.write(tail)
    if blocks_of(source) >= source.stat().st_size:
        pytest.skip("this file system has no holes")
    digest, size = copied(source, tmp_path / "copy")
    assert (digest, size) == (digest_of_bytes(source.read_bytes()), 3 * LARGE + len(tail))
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    assert blocks_of(tmp_path / "copy") <= 4 * LARGE_BLOCK
    objects = Objects(str(tmp_path / "objects"))
    assert objects.add_file(str(source)) == (digest, size)
    objects.copy_out(digest, str(tmp_path / "out"), 0o600)
    assert (tmp_path / "out").read_bytes() == source.read_bytes()
    assert max(blocks_of(Path(objects.path(digest))), blocks_of(tmp_path / "out")) <= 4 * LARGE_BLOCK


def test_zeros_that_were_written_are_written(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(4 * BLOCK))
    copied(tmp_path / "zeros", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == bytes(4 * BLOCK)


def test_a_write_that_fails_ends_the_hashing_too(tmp_path: Path) -> None:
    """No thread is left behind, and the error is that of the disk."""
    import _thread

    (tmp_path / "a").write_bytes(bytes(range(256)) * (2 * LARGE // 256))
    before = _thread._count()
    with (
        (tmp_path / "a").open("rb") as f,
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(OSError, match="No space left"),
    ):
        copy(f.fileno(), full.fileno())
    wait_for(lambda: _thread._count() == before)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every write goes through the page cache")
def test_a_disk_that_takes_no_such_blocks_is_written_to_as_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EINVAL is what a direct write gets that does not suit: here the rest of a block after half of it."""
    data = os.urandom(LARGE + 5)
    (tmp_path / "a").write_bytes(data)
    real, seen = os.write, []

    def write(fd: int, piece: memoryview) -> int:
        is_direct = bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT)
        seen.append(is_direct)
        if is_direct and len(seen) > 2:
            if len(seen) == 3:
                return real(fd, piece[: len(piece) // 2])
            raise OSError(22, "Invalid argument")
        return real(fd, piece)

    monkeypatch.setattr(os, "write", write)
    assert copied(tmp_path / "a", tmp_path / "b") == (digest_of_bytes(data), LARGE + 5)
    assert (tmp_path / "b").read_bytes() == data
    if not seen[0]:
        pytest.skip("this file system writes nothing directly")
    assert seen[:5] == [True, True, True, True, False]


WITHOUT_THREADS = """
import os, sys
from exptrack import beside
from exptrack.store.objects import Objects
def refuse(run, words): raise RuntimeError("can't start new thread")
beside.start_new_thread = refuse
print(Objects(sys.argv[1]).add_file(sys.argv[2])[0])
"""


def test_a_large_file_is_stored_without_a_second_thread_too(tmp_path: Path) -> None:
    data = os.urandom(LARGE + 5)
    (tmp_path / "a").write_bytes(data)
    ask = [sys.executable, "-c", WITHOUT_THREADS, str(tmp_path / "objects"), str(tmp_path / "a")]
    assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip() == digest_of_bytes(data)


PEAK = """
import resource, sys
from exptrack.store.objects import Objects
objects, peaks = Objects(sys.argv[1]), []
for path in sys.argv[2:]:
    objects.add_file(path)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(peaks[1] - peaks[0])
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    for name, size in (("small", LARGE), ("large", 20 * LARGE)):
        (tmp_path / name).write_bytes(os.urandom(1000) * (size // 1000))
    ask = [sys.executable, "-c", PEAK, str(tmp_path / "objects"), str(tmp_path / "small"), str(tmp_path / "large")]
    grown = int(subprocess.run(ask, capture_output=True, text=True, check=True).stdout)
    assert grown < 4096  # KiB: of 160 MiB


def test_a_fingerprint_tells_size_and_places_apart(tmp_path: Path) -> None:
    def of(data: bytes) -> bytes:
        (tmp_path / "f").write_bytes(data)
        with (tmp_path / "f").open("rb") as f:
            return fingerprint(f.fileno(), len(data))

    data = bytearray(os.urandom(4 * BLOCK))
    first = of(bytes(data))
    assert of(bytes(data)) == first
    assert of(bytes(data[:-1])) != first
    for at in (0, len(data) - 1):
        other = bytearray(data)
        other[at] ^= 1
        assert of(bytes(other)) != first


# --- file systems that clone -----------------------------------------------------------------------------------------


@pytest.fixture(params=["xfs", "btrfs"])
def cloning(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A small file system that can share blocks between files, in a file."""
    kind = request.param
    make, image, folder = shutil.which(f"mkfs.{kind}"), tmp_path / "image", tmp_path / "disk"
    if not make:
        pytest.skip(f"no mkfs.{kind}")
    with image.open("wb") as f:
        f.truncate(400 << 20)
    folder.mkdir()
    subprocess.run([make, str(image)], capture_output=True, check=True)
    if subprocess.run(["mount", "-o", "loop", str(image), str(folder)], capture_output=True, check=False).returncode:
        pytest.skip(f"may not mount {kind} here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def room_in(folder: Path) -> int:
    os.sync()
    found = os.statvfs(folder)
    return found.f_bavail * found.f_bsize


def test_where_the_file_system_can_nothing_is_copied(cloning: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(4 * LARGE)
    (cloning / "weights").write_bytes(data)
    before = room_in(cloning)
    monkeypatch.setattr(copying, "write_all", None)  # whoever copied would stumble
    objects = Objects(str(cloning / "objects"))
    digest, size = objects.add_file(str(cloning / "weights"))
    assert (digest, size) == (digest_of_bytes(data), len(data))
    objects.copy_out(digest, str(cloning / "again"), 0o644)
    assert before - room_in(cloning) < LARGE
    # They share blocks, not contents: the training may go on writing into its file.
    with (cloning / "weights").open("r+b") as f:
        f.write(b"other")
    assert objects.read(digest) == data
    assert hashlib.sha256((cloning / "again").read_bytes()).hexdigest() == digest
