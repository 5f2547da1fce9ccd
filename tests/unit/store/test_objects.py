"""An object that has a name has its bytes; whatever died, altered or faked it."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dying import die_at_every_step, kill_after, race
from exptrack.errors import Damaged
from exptrack.store.bulk import Bulk
from exptrack.store.objects import BLOCK, COMPARED, Objects
from made import digest_of

BIG = os.urandom(1000) * 2_500  # a little over two blocks


@pytest.fixture
def objects(tmp_path):
    return Objects(str(tmp_path / "objects"))


def named(root):
    """Digest -> bytes of everything that has a name of an object."""
    out = {}
    for path in root.rglob("*"):
        if path.is_file() and len(path.parent.name) == 2 and not path.name.endswith(".tmp"):
            out[path.parent.name + path.name] = path.read_bytes()
    return out


def rest(root):
    return [p.name for p in root.rglob("*.tmp")]


@given(data=st.binary(max_size=50))
def test_bytes_come_back(tmp_path_factory, data):
    objects = Objects(str(tmp_path_factory.mktemp("o")))
    digest = objects.add_bytes(data)
    assert digest == digest_of(data)
    assert objects.read(digest) == data
    assert objects.has(digest)
    assert objects.size(digest) == len(data)
    assert objects.is_whole(digest) is True


def test_a_file_comes_back_and_is_stored_once(objects, tmp_path):
    assert len(BIG) > 2 * BLOCK
    (tmp_path / "a").write_bytes(BIG)
    (tmp_path / "b").write_bytes(BIG)
    assert objects.add_file(str(tmp_path / "a")) == (digest_of(BIG), len(BIG))
    inode = os.stat(objects.path(digest_of(BIG))).st_ino
    assert objects.add_file(str(tmp_path / "b")) == (digest_of(BIG), len(BIG))
    assert objects.add_bytes(BIG) == digest_of(BIG)
    assert os.stat(objects.path(digest_of(BIG))).st_ino == inode
    assert named(tmp_path / "objects") == {digest_of(BIG): BIG}
    assert rest(tmp_path) == []


@pytest.mark.parametrize("data", [b"small", BIG], ids=["small", "big"])
@pytest.mark.parametrize("length", [0, 3, len(BIG) + 1])
def test_an_object_that_was_cut_or_grew_is_stored_anew(objects, tmp_path, data, length):
    (tmp_path / "a").write_bytes(data)
    digest, _ = objects.add_file(str(tmp_path / "a"))
    for again in (lambda: objects.add_file(str(tmp_path / "a")), lambda: objects.add_bytes(data)):
        os.chmod(objects.path(digest), 0o600)
        os.truncate(objects.path(digest), length)
        again()
        assert objects.read(digest) == data
    assert rest(tmp_path) == []


@pytest.mark.parametrize("data", [b"small", BIG], ids=["small", "big"])
@pytest.mark.parametrize("where", [0, -1])
def test_an_object_that_was_altered_at_its_length_is_stored_anew(objects, tmp_path, data, where):
    (tmp_path / "a").write_bytes(data)
    digest, _ = objects.add_file(str(tmp_path / "a"))
    place = Path(objects.path(digest))
    for again in (lambda: objects.add_file(str(tmp_path / "a")), lambda: objects.add_bytes(data)):
        wrong = bytearray(data)
        wrong[where] ^= 1
        place.chmod(0o600)
        place.write_bytes(wrong)
        again()
        assert objects.read(digest) == data
        assert stat.S_IMODE(place.stat().st_mode) == 0o400
    assert rest(tmp_path) == []


def test_an_altered_object_is_there_until_the_right_one_takes_its_place(objects, tmp_path, monkeypatch):
    place = Path(objects.path(objects.add_bytes(b"right")))
    place.chmod(0o600)
    place.write_bytes(b"wrong")

    def full(fd):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        objects.add_bytes(b"right")
    assert place.read_bytes() == b"wrong"
    assert rest(tmp_path) == []


@pytest.fixture
def large(tmp_path) -> bytes:
    data = b"\1" * (COMPARED + 1)
    (tmp_path / "a").write_bytes(data)
    return data


@pytest.mark.parametrize("kind", [Objects, Bulk])
def test_a_very_large_object_that_was_altered_at_its_length_is_stored_anew(tmp_path, large, kind):
    """Also after a copy of the store that kept whole seconds only, and when it was touched by its name in between."""
    objects = kind(str(tmp_path / "objects"))
    digest, _ = objects.add_file(str(tmp_path / "a"))
    objects.settle()
    place = Path(objects.path(digest))
    for again in (lambda: objects.add_file(str(tmp_path / "a")), lambda: objects.add_bytes(large)):
        place.chmod(0o600)
        with place.open("r+b") as f:
            f.write(b"\2")
        os.utime(place, (1e9, 1e9))
        assert objects.touch(digest)
        again()
        objects.settle()
        assert objects.is_whole(digest)
    assert rest(tmp_path) == []


def test_a_very_large_object_that_nobody_wrote_to_is_not_read_again(objects, tmp_path, large, monkeypatch):
    digest, _ = objects.add_file(str(tmp_path / "a"))
    read = []
    monkeypatch.setattr("exptrack.store.objects.is_same", lambda path, source: not read.append(path))
    os.utime(objects.path(digest), ns=(0, os.stat(objects.path(digest)).st_mtime_ns - 7 * 10**9))
    for _ in range(2):
        objects.add_file(str(tmp_path / "a"))
        assert objects.touch(digest)
    assert read == []
    assert time.time() - os.stat(objects.path(digest)).st_mtime < 3
    os.utime(objects.path(digest))  # as a copy of the store may leave it: read once
    for _ in range(2):
        objects.add_file(str(tmp_path / "a"))
    assert read == [objects.path(digest)]


def test_a_bit_that_the_disk_flipped_in_a_very_large_object_is_for_verify_to_find(objects, tmp_path, large):
    digest, _ = objects.add_file(str(tmp_path / "a"))
    place = Path(objects.path(digest))
    before = place.stat().st_mtime_ns
    place.chmod(0o600)
    with place.open("r+b") as f:
        f.write(b"\2")
    os.utime(place, ns=(before, before))
    objects.add_file(str(tmp_path / "a"))
    assert objects.is_whole(digest) is False


def test_an_object_is_read_only_and_its_folders_are_ours_alone(objects, tmp_path):
    path = objects.path(objects.add_bytes(b"x"))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o400
    for folder in (os.path.dirname(path), objects.root):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_a_file_that_is_rewritten_while_it_is_read_is_read_again(objects, tmp_path, monkeypatch):
    """A checkpoint saved at the moment of the end: what is stored is one of its states, not a mixture."""
    path = tmp_path / "checkpoint"
    path.write_bytes(b"a" * 3 * BLOCK)
    real, once = os.write, []

    def write(fd, data):
        if not once:
            once.append(1)
            path.write_bytes(b"b" * 3 * BLOCK)
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    digest, size = objects.add_file(str(path))
    assert (digest, size) == (digest_of(b"b" * 3 * BLOCK), 3 * BLOCK)
    assert objects.read(digest) == b"b" * 3 * BLOCK


BAD_DIGESTS = ["", "ab", "../" * 21 + "x", "A" * 64, "g" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", "/" * 64, "é" * 64]


@pytest.mark.parametrize("digest", BAD_DIGESTS)
def test_a_text_that_is_no_digest_chooses_no_path(objects, digest):
    for ask in (objects.path, objects.has, objects.read, objects.size, objects.is_whole):
        with pytest.raises(Damaged):
            ask(digest)


def test_a_missing_object_is_damage(objects, tmp_path):
    digest = digest_of(b"never stored")
    assert objects.has(digest) is False
    assert objects.size(digest) is None
    assert objects.is_whole(digest) is None
    for ask in (objects.read, lambda d: objects.copy_out(d, str(tmp_path / "out"), 0o644)):
        with pytest.raises(Damaged, match="not in the store") as e:
            ask(digest)
        assert e.value.exit_code == 6
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("altered", [b"", b"other", BIG[:-1], BIG + b"\n"], ids=["empty", "other", "cut", "longer"])
def test_altered_bytes_are_never_handed_out(objects, tmp_path, altered):
    digest = objects.add_bytes(BIG)
    os.chmod(objects.path(digest), 0o644)
    with open(objects.path(digest), "wb") as f:
        f.write(altered)
    (tmp_path / "out").write_bytes(b"as it was")
    assert objects.is_whole(digest) is False
    for ask in (objects.read, lambda d: objects.copy_out(d, str(tmp_path / "out"), 0o644)):
        with pytest.raises(Damaged, match="altered"):
            ask(digest)
    assert (tmp_path / "out").read_bytes() == b"as it was"
    assert rest(tmp_path) == []


def test_what_is_no_file_is_damage_and_nobody_waits_for_it(objects, tmp_path):
    digest = digest_of(b"x")
    path = objects.path(digest)
    os.makedirs(os.path.dirname(path))
    for make in (os.mkfifo, os.mkdir, lambda p: os.symlink("/dev/zero", p)):
        make(path)
        assert objects.is_whole(digest) is False
        with pytest.raises(Damaged):
            objects.read(digest)
        with pytest.raises(Damaged):
            objects.copy_out(digest, str(tmp_path / "out"), 0o644)
        os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


def test_copying_out_replaces_a_link_and_not_what_it_points_at(objects, tmp_path):
    digest = objects.add_bytes(b"weights")
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "out").symlink_to("precious")
    objects.copy_out(digest, str(tmp_path / "out"), 0o755)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "out").read_bytes() == b"weights"
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o755


def test_a_target_folder_that_is_missing_is_not_blamed_on_the_store(objects, tmp_path):
    digest = objects.add_bytes(b"weights")
    with pytest.raises(FileNotFoundError):
        objects.copy_out(digest, str(tmp_path / "no" / "such" / "out"), 0o644)


STORE = "import sys, os\nfrom exptrack.store.objects import Objects\n"
ADD = {
    "bytes": "Objects(folder + '/objects').add_bytes(b'n' * 5000)",
    "file": "open(folder + '/source', 'wb').write(b'n' * 5000); "
    "Objects(folder + '/objects').add_file(folder + '/source')",
}


@pytest.mark.parametrize("code", ADD.values(), ids=ADD)
def test_a_crash_at_any_step_leaves_the_whole_object_or_none(tmp_path, code):
    folders = die_at_every_step(code, tmp_path / "steps", prelude=STORE)
    assert len(folders) > 10
    seen = {frozenset(named(f).items()) for f in folders}
    assert seen == {frozenset(), frozenset({(digest_of(b"n" * 5000), b"n" * 5000)})}
    for folder in folders:  # and the next process is not disturbed by what is left
        assert Objects(str(folder / "objects")).read(Objects(str(folder / "objects")).add_bytes(b"n" * 5000))


def test_sigkill_at_any_moment_leaves_only_whole_objects(tmp_path):
    code = (
        STORE
        + "import itertools\nobjects = Objects(sys.argv[1])\n"
        + "for i in itertools.count():\n    print(objects.add_bytes(b'%d' % i * 30000), flush=True)\n"
    )
    for lines in (1, 5, 30):
        root = tmp_path / str(lines)
        said = kill_after(code, lines, str(root))
        there = named(root)
        assert {*there} >= {*said}
        assert all(digest == digest_of(data) for digest, data in there.items())


@pytest.mark.parametrize("what", ["add_bytes(b'n' * 5000)", "add_file(sys.argv[2])"])
def test_a_full_disk_stores_nothing_and_leaves_nothing(tmp_path, what):
    (tmp_path / "source").write_bytes(b"n" * 5000)
    code = (
        STORE + "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"try:\n    Objects(sys.argv[1]).{what}\nexcept OSError as e:\n    print('OSError')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "objects"), str(tmp_path / "source")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "OSError\n", done.stderr
    assert named(tmp_path / "objects") == {}
    assert rest(tmp_path) == []


def test_a_really_full_file_system_stores_nothing_half(tmp_path):
    """With the rights to mount one: 64 kB of tmpfs, filled object by object."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("may not mount a tmpfs here")
    try:
        objects = Objects(str(disk / "objects"))
        stored = []

        def fill():
            while True:
                stored.append(objects.add_bytes(b"%d" % len(stored) * 3000))

        with pytest.raises(OSError, match="No space left"):
            fill()
        assert stored
        assert sorted(named(disk)) == sorted(stored)
        assert all(objects.is_whole(d) for d in stored)
        assert rest(disk) == []
        os.unlink(objects.path(stored[0]))
        assert objects.read(objects.add_bytes(b"0" * 3000)) == b"0" * 3000
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_many_processes_store_the_same_bytes_at_once(tmp_path):
    code = "print([Objects(sys.argv[4]).add_bytes(b'%d' % i * 20000) for i in range(20)])"
    came = race(STORE, code, 8, str(tmp_path))
    assert len({said for code, said in came if code == 0}) == 1
    assert len(came) == 8
    assert len(named(tmp_path)) == 20
    assert all(digest == digest_of(data) for digest, data in named(tmp_path).items())
    assert rest(tmp_path) == []


def test_a_store_that_was_taken_away_is_made_again(objects):
    objects.add_bytes(b"one")
    shutil.rmtree(objects.root)
    assert objects.read(objects.add_bytes(b"two")) == b"two"
