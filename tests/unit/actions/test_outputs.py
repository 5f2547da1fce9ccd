"""What a run left is kept, whatever state it is in; what cannot be kept is said and costs nothing else."""

from __future__ import annotations

import ast
import hashlib
import os
import pathlib
import resource
import socket
import subprocess
import sys
import tempfile
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.actions.one_output import OneOutput, walk
from exptrack.actions.outputs import keep_folder, keep_outputs, store_outputs
from exptrack.actions.written import Since
from exptrack.model import Declared
from exptrack.store.bulk import Bulk
from exptrack.store.objects import BLOCK, Objects
from exptrack.store.trees import decode_tree
from made import digest_of

LONG_AGO = Since.of("2020-01-01T00:00:00.000Z")


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def keep(work, tmp_path):
    """Keep declared outputs -> ({(kind, path): artifact}, warnings)."""
    objects = Objects(str(tmp_path / "objects"))

    def go(*declared, since=LONG_AGO):
        pairs = [Declared(label=label, pattern=pattern) for label, pattern in declared]
        kept, warnings = keep_outputs(objects, pairs, str(work), since)
        assert len({(a.kind, a.path) for a in kept}) == len(kept)
        return {(a.kind, a.path): a for a in kept}, warnings

    go.objects = objects
    return go


def entries(keep, artifact):
    assert artifact.is_tree
    return {f.path: f for f in decode_tree(keep.objects.read(artifact.digest))}


def test_a_file_is_kept_under_its_path_with_its_mode(keep, work):
    (work / "m.pt").write_bytes(b"weights")
    (work / "run.sh").write_bytes(b"#!")
    (work / "run.sh").chmod(0o755)
    kept, warnings = keep(("model", "m.pt"), ("tool", "run.sh"))
    model = kept["model", "m.pt"]
    assert (model.digest, model.size, model.files, model.is_tree) == (digest_of(b"weights"), 7, 1, False)
    assert (model.mode, kept["tool", "run.sh"].mode) == ("100644", "100755")
    assert keep.objects.read(model.digest) == b"weights"
    assert warnings == []


def test_a_folder_is_kept_as_a_tree(keep, work):
    (work / "out" / "deep").mkdir(parents=True)
    (work / "out" / "a").write_bytes(b"aa")
    (work / "out" / "deep" / "b").write_bytes(b"b")
    (work / "out" / "link").symlink_to("deep/b")
    (work / "out" / "folder").symlink_to("deep")
    kept, warnings = keep(("model", "out/"))
    artifact = kept["model", "out"]
    found = entries(keep, artifact)
    assert set(found) == {"a", "deep/b", "link", "folder"}
    assert found["link"].mode == found["folder"].mode == "120000"
    assert keep.objects.read(found["link"].digest) == b"deep/b"
    assert (artifact.files, artifact.size) == (4, 2 + 1 + 6 + 4)
    assert warnings == []


def test_an_absolute_path_and_one_outside_keep_their_name(keep, work, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"x")
    (work / "..odd").write_bytes(b"y")
    kept, _ = keep(("a", str(tmp_path / "elsewhere")), ("b", "../elsewhere"), ("c", str(work / "..odd")))
    assert ("a", str(tmp_path / "elsewhere")) in kept
    assert ("c", "..odd") in kept
    assert all(a.digest in (digest_of(b"x"), digest_of(b"y")) for a in kept.values())


def test_home_is_expanded(keep, world):
    (world / "m.pt").write_bytes(b"x")
    kept, _ = keep(("model", "~/m.pt"))
    assert set(kept) == {("model", str(world / "m.pt"))}


def test_a_glob_finds_files_and_folders_the_outermost_only(keep, work):
    for name in ("e1", "e2", "e2/deep"):
        (work / "runs" / name).mkdir(parents=True)
        (work / "runs" / name / "w").write_bytes(name.encode())
    (work / "runs-old").write_bytes(b"x")
    assert set(keep(("m", "runs/e*"))[0]) == {("m", "runs/e1"), ("m", "runs/e2")}
    assert set(keep(("m", "runs/**"))[0]) == {("m", "runs")}
    assert set(keep(("m", "**/w"))[0]) == {("m", "runs/e1/w"), ("m", "runs/e2/w"), ("m", "runs/e2/deep/w")}
    assert set(keep(("m", "runs*"))[0]) == {("m", "runs"), ("m", "runs-old")}


def test_a_file_that_is_called_like_a_glob_is_that_file(keep, work):
    (work / "w[1].pt").write_bytes(b"x")
    (work / "w1.pt").write_bytes(b"y")
    assert set(keep(("m", "w[1].pt"))[0]) == {("m", "w[1].pt")}


def test_what_is_declared_twice_is_kept_once(keep, work):
    (work / "m.pt").write_bytes(b"x")
    kept, _ = keep(("model", "m.pt"), ("model", str(work / "m.pt")), ("model", "*.pt"), ("best", "m.pt"))
    assert set(kept) == {("model", "m.pt"), ("best", "m.pt")}


def test_nothing_there_is_said(keep):
    kept, warnings = keep(("model", "m.pt"), ("split", "s*.json"))
    assert kept == {}
    assert warnings == ["output model is missing: nothing at m.pt", "output split is missing: nothing at s*.json"]


def make_pipe(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))


def make_dangling(path):
    path.symlink_to("nowhere")


def make_loop(path):
    path.symlink_to(path.name)


@pytest.mark.parametrize("make", [make_pipe, make_socket, make_dangling, make_loop])
def test_what_has_no_bytes_is_said_and_costs_no_other(keep, work, make):
    make(work / "odd")
    (work / "m.pt").write_bytes(b"x")
    kept, warnings = keep(("log", "odd"), ("model", "m.pt"))
    assert set(kept) == {("model", "m.pt")}
    assert len(warnings) == 1
    assert "output log not kept" in warnings[0]


@pytest.mark.parametrize("make", [make_pipe, make_socket, make_dangling, make_loop])
def test_inside_a_folder_it_is_passed_over(keep, work, make):
    (work / "out").mkdir()
    (work / "out" / "w").write_bytes(b"x")
    make(work / "out" / "odd")
    kept, _ = keep(("model", "out"))
    assert "w" in entries(keep, kept["model", "out"])
    assert entries(keep, kept["model", "out"]).get("odd") is None or make in (make_dangling, make_loop)


def test_a_symlink_is_followed_where_it_was_named(keep, work):
    (work / "epoch-9").mkdir()
    (work / "epoch-9" / "w").write_bytes(b"x")
    (work / "latest").symlink_to("epoch-9")
    (work / "best.pt").symlink_to("epoch-9/w")
    kept, _ = keep(("model", "latest"), ("best", "best.pt"))
    assert set(entries(keep, kept["model", "latest"])) == {"w"}
    assert kept["best", "best.pt"].digest == digest_of(b"x")


def test_an_empty_folder_and_an_empty_file_are_outputs(keep, work):
    (work / "out").mkdir()
    (work / "m.pt").touch()
    kept, warnings = keep(("model", "m.pt"), ("logs", "out"), since=Since(time.time()))
    assert (kept["model", "m.pt"].size, kept["logs", "out"].files) == (0, 0)
    assert warnings == []


NAMES = [b"\xff\xfe", "ü".encode(), b"a\nb", b"-rf", b"\x1b[31m", b"x" * 255, b"[*]", b"~"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_a_file_can_have_is_kept(keep, work, name):
    (work / "out").mkdir()
    for folder in (work, work / "out"):
        with open(os.path.join(os.fsencode(folder), name), "wb") as f:
            f.write(b"x")
    shown = os.fsdecode(name)
    kept, warnings = keep(("m", os.path.join(str(work), shown)), ("o", "out"))
    assert ("m", shown) in kept
    assert set(entries(keep, kept["o", "out"])) == {shown}
    assert warnings == []


# Nothing here may name a folder of this machine: what is named is kept.
HOPELESS = ["a\0b", "~x\0", "\ud800", "~\ud800/x", "\ud800*", "a/\0/**", "[", "x" * 5000]


@pytest.mark.parametrize("pattern", HOPELESS, ids=lambda p: ascii(p)[:20])
def test_a_pattern_that_can_name_nothing_is_said(keep, work, pattern):
    """A program may declare whatever it likes: the record must still be made."""
    (work / "m.pt").write_bytes(b"x")
    kept, warnings = keep(("odd", pattern), ("model", "m.pt"))
    assert set(kept) == {("model", "m.pt")}
    assert len(warnings) == 1


@given(pattern=st.text(st.characters(), max_size=8))
def test_no_pattern_is_an_error(tmp_path_factory, pattern):
    work = tmp_path_factory.mktemp("w")
    (work / "a").write_bytes(b"x")
    # Below the work folder only: whatever is named is kept, be it the whole machine.
    declared = [Declared(label="o", pattern="x" + pattern.replace("..", "").replace("/", ""))]
    keep_outputs(Objects(str(tmp_path_factory.mktemp("o"))), declared, str(work), LONG_AGO)


# --- files that change while they are kept ---------------------------------------------------------------------------


class Vanishing(Objects):
    """A folder in which somebody cleans up at the same time."""

    def __init__(self, root, victim):
        super().__init__(root)
        self.victim = victim

    def add_file(self, path):
        if os.path.exists(self.victim):
            os.unlink(self.victim)
        return super().add_file(path)


def test_a_file_that_vanishes_from_a_folder_costs_only_itself(work, tmp_path):
    (work / "out").mkdir()
    for name in ("a", "tmp", "z"):
        (work / "out" / name).write_bytes(name.encode())
    objects = Vanishing(str(tmp_path / "objects"), str(work / "out" / "tmp"))
    (artifact,), warnings = keep_outputs(objects, [Declared(label="m", pattern="out")], str(work), LONG_AGO)
    assert [f.path for f in decode_tree(objects.read(artifact.digest))] == ["a", "z"]
    assert warnings == [f"output m: {work}/out: left out tmp: No such file or directory"]


class Consuming(Objects):
    """Somebody moves the checkpoint away as soon as it is kept."""

    def add_file(self, path):
        out = super().add_file(path)
        os.unlink(path)
        return out


def test_a_file_that_vanishes_after_it_was_kept_is_kept(work, tmp_path):
    (work / "m.pt").write_bytes(b"x")
    objects = Consuming(str(tmp_path / "objects"))
    (artifact,), warnings = keep_outputs(objects, [Declared(label="m", pattern="m.pt")], str(work), LONG_AGO)
    assert (artifact.digest, warnings) == (digest_of(b"x"), [])


# Imported by whoever the tests are, asked by somebody who may not read everything.
AS_NOBODY = """
import _strptime, calendar, glob, os, sys
from exptrack.actions.outputs import keep_outputs
from exptrack.actions.written import Since
from exptrack.model import Declared
from exptrack.store.objects import Objects
from exptrack.store.trees import decode_tree
if os.geteuid() == 0:
    os.setuid(65534)
objects = Objects(sys.argv[1])
declared = [Declared(label="m", pattern="out"), Declared(label="n", pattern="alone")]
kept, warnings = keep_outputs(objects, declared, sys.argv[2], Since(0.0))
print(repr(([[f.path for f in decode_tree(objects.read(a.digest))] for a in kept], warnings)))
"""


@pytest.fixture
def open_to_all():
    """A folder that everybody may enter, unlike tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        top = pathlib.Path(name)
        top.chmod(0o755)
        (top / "objects").mkdir()
        (top / "objects").chmod(0o777)
        yield top


def test_what_may_not_be_read_is_said_and_costs_only_itself(open_to_all):
    work, secret = open_to_all / "work", b"secret"
    (work / "out" / "closed").mkdir(parents=True)
    (work / "out" / "closed" / "x").write_bytes(secret)
    for name in ("a", "secret", "z"):
        (work / "out" / name).write_bytes(name.encode())
    (work / "alone").write_bytes(secret)
    for closed in (work / "out" / "secret", work / "out" / "closed", work / "alone"):
        closed.chmod(0)
    ask = [sys.executable, "-c", AS_NOBODY, str(open_to_all / "objects"), str(work)]
    said = subprocess.run(ask, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    kept, warnings = ast.literal_eval(said.stdout)
    assert kept == [["a", "z"]]
    assert sorted(w.replace(str(work), "") for w in warnings) == [
        "output m: /out: left out closed: Permission denied",
        "output m: /out: left out secret: Permission denied",
        "output n not kept: /alone: Permission denied",
    ]
    (work / "out" / "closed").chmod(0o755)


def test_a_full_disk_keeps_no_half_folder(keep, work):
    (work / "out").mkdir()
    (work / "out" / "a").write_bytes(b"a" * 100)
    (work / "out" / "b").write_bytes(b"b" * 100_000)
    (work / "small").write_bytes(b"s")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        kept, warnings = keep(("model", "out"), ("split", "small"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert set(kept) == {("split", "small")}
    assert len(warnings) == 1
    assert "output model not kept" in warnings[0]


@pytest.fixture
def bulk(tmp_path):
    made = Bulk(str(tmp_path / "objects"))
    yield made
    made.drop()


def labels(*pairs):
    return [Declared(label=label, pattern=pattern) for label, pattern in pairs]


def test_on_a_full_disk_everything_is_kept_that_fits(work, tmp_path):
    """One output is larger than the disk. Stored at once with it the others find no room either, but they have it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a tmpfs here")
    try:
        sizes = {"a": 40 << 20, "b": 5 << 20, "c": 5 << 20, "z": 100}
        for name, size in sizes.items():
            (work / name).write_bytes(os.urandom(1000) * (size // 1000) + name.encode())
        (work / "out").mkdir()
        (work / "out" / "small").write_bytes(b"small")
        (work / "out" / "large").write_bytes(os.urandom(1000) * 41_000)
        bulk = Bulk(str(disk / "objects"))
        kept, warnings = keep_outputs(
            bulk, labels(("m", "a"), ("m", "b"), ("m", "c"), ("m", "z"), ("n", "out")), str(work), LONG_AGO
        )
        bulk.drop()
        assert {a.path for a in kept} == {"b", "c", "z"}
        assert warnings == [
            f"output m not kept: {work}/a: No space left on device",
            f"output n not kept: {work}/out: No space left on device",
        ]
        objects = Objects(str(disk / "objects"))
        assert all(objects.is_whole(a.digest) for a in kept)
        assert [p.name for p in (disk / "objects").glob(".*")] == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_output_that_the_disk_does_not_hold_costs_no_other(work, bulk, monkeypatch):
    """fsync is where a failing disk tells it, long after the write."""
    for name in ("bad", "good"):
        (work / name).write_bytes(name.encode())
    (work / "out").mkdir()
    (work / "out" / "x").write_bytes(b"bad")
    real = os.fsync

    def fsync(fd):
        if not os.path.isdir(f"/proc/self/fd/{fd}") and os.pread(fd, 3, 0) == b"bad":
            raise OSError(5, "Input/output error")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    kept, warnings = keep_outputs(bulk, labels(("m", "bad"), ("m", "good"), ("m", "out")), str(work), LONG_AGO)
    assert [a.path for a in kept] == ["good"]
    assert warnings == [
        f"output m not kept: {work}/bad: Input/output error",
        f"output m not kept: {work}/out: Input/output error",
    ]


def test_thousands_of_files_are_kept_at_once(work, bulk, tmp_path):
    (work / "out").mkdir()
    for i in range(1500):
        (work / "out" / f"{i:04d}").write_bytes(b"%d" % (i // 2))
    (artifact,), warnings = keep_outputs(bulk, labels(("m", "out")), str(work), LONG_AGO)
    assert (artifact.files, warnings) == (1500, [])
    files = decode_tree(Objects(str(tmp_path / "objects")).read(artifact.digest))
    assert [(f.path, f.digest) for f in files] == [(f"{i:04d}", digest_of(b"%d" % (i // 2))) for i in range(1500)]
    assert all(Objects(str(tmp_path / "objects")).is_whole(f.digest) for f in files)


def test_what_is_named_twice_is_read_once(work, bulk):
    (work / "m.pt").write_bytes(b"x")
    read = []

    class Counting(Bulk):
        def add_file(self, path):
            read.append(path)
            return super().add_file(path)

    kept, _ = keep_outputs(
        Counting(bulk.root), labels(("model", "m.pt"), ("best", "m.pt"), ("any", "*.pt")), str(work), LONG_AGO
    )
    assert sorted(a.kind for a in kept) == ["any", "best", "model"]
    assert read == [str(work / "m.pt")]


def test_a_second_run_with_the_same_outputs_writes_nothing(project, store, work, monkeypatch):
    (work / "weights").write_bytes(os.urandom(3 * BLOCK))
    (work / "small").write_bytes(b"small")
    first = store_outputs(project, store, labels(("m", "weights"), ("s", "small")), str(work), LONG_AGO)
    monkeypatch.setattr("exptrack.store.objects.write_all", None)
    monkeypatch.setattr("exptrack.store.copying.write_all", None)
    assert store_outputs(project, store, labels(("m", "weights"), ("s", "small")), str(work), LONG_AGO) == first


def test_a_store_is_not_put_into_itself(work):
    """`-o all=.` in a folder that holds .exptrack."""
    objects = Objects(str(work / ".exptrack" / "store" / "objects"))
    objects.add_bytes(b"from an earlier run")
    (work / "a").write_bytes(b"a")
    (artifact,), _ = keep_outputs(objects, [Declared(label="all", pattern=".")], str(work), LONG_AGO)
    assert [f.path for f in decode_tree(objects.read(artifact.digest))] == ["a"]


# --- written by this run? --------------------------------------------------------------------------------------------


def test_an_output_that_is_older_than_the_run_is_kept_marked_and_said(keep, work):
    (work / "m.pt").write_bytes(b"x")
    kept, warnings = keep(("model", "m.pt"), since=Since(time.time() + 60))
    assert kept["model", "m.pt"].is_older
    assert len(warnings) == 1
    assert "older" in warnings[0]


def test_one_that_the_run_has_written_is_not_marked(keep, work):
    (work / "m.pt").write_bytes(b"x")
    kept, warnings = keep(("model", "m.pt"))
    assert not kept["model", "m.pt"].is_older
    assert warnings == []


# --- the digest of a folder ------------------------------------------------------------------------------------------


class Summer:
    def add_bytes(self, data):
        return hashlib.sha256(data).hexdigest()

    def add_file(self, path):
        with open(path, "rb") as f:
            data = f.read()
        return hashlib.sha256(data).hexdigest(), len(data)


def test_a_folder_has_one_digest_wherever_it_lies(keep, work, tmp_path):
    (work / "out" / "deep").mkdir(parents=True)
    (work / "out" / "deep" / "b").write_bytes(b"b")
    (work / "out" / "a").symlink_to("deep")
    kept, _ = keep(("m", "out"))
    (work / "out").rename(tmp_path / "moved")
    assert entries(keep, kept["m", "out"]) == {f.path: f for f in keep_folder(Summer(), str(tmp_path / "moved"))}


def test_asking_for_a_digest_does_not_leave_anything_out_silently(work):
    (work / "out").mkdir()
    (work / "out" / "a").write_bytes(b"x")

    class Gone(Summer):
        def add_file(self, path):
            raise FileNotFoundError(2, "No such file or directory", path)

    with pytest.raises(FileNotFoundError):
        keep_folder(Gone(), str(work / "out"))


# --- many files ------------------------------------------------------------------------------------------------------


def test_a_folder_is_walked_in_the_order_of_its_tree(tmp_path):
    names = ["a.b", "a-", "a/b", "a/c.d/e", "a/c/z", "b", "ab/0", "\u00e9/x", "z/" + os.fsdecode(b"\xff")]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert list(walk(str(tmp_path))) == sorted(names)


def test_large_files_are_not_left_to_one_thread_and_many_small_ones_are_taken_together(tmp_path):
    for i in range(3000):
        (tmp_path / f"{i:04d}").write_bytes(b"")
    one = OneOutput(str(tmp_path), str(tmp_path), None)
    stretches = list(one.stretches())
    assert [s.place for s in stretches] == list(range(len(stretches)))
    assert [n for s in stretches for n in s.names] == [f"{i:04d}" for i in range(3000)]
    assert {len(s.names) for s in stretches[:32]} == {1}
    assert len(stretches[-2].names) > 32


def test_more_files_than_a_listing_in_memory_has_room_for(work, tmp_path, monkeypatch):
    """Several threads, several batches, and one file that vanishes meanwhile: the tree is that of what was kept."""
    monkeypatch.setattr("exptrack.store.listing.MOST", 5000)
    monkeypatch.setattr("exptrack.store.bulk.MANY", 64)
    for i in range(500):
        place = work / "out" / f"d{i % 7}" / f"{i}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{i % 100}")
    store = Objects(str(tmp_path / "objects"))
    bulk = Bulk(store.root)
    real = bulk.add_file

    def add_file(path):
        if path.endswith("/77.txt"):
            raise FileNotFoundError(2, "No such file or directory", path)
        return real(path)

    bulk.add_file = add_file
    (artifact,), warnings = keep_outputs(bulk, [Declared(label="out", pattern="out")], str(work), LONG_AGO)
    bulk.drop()
    assert warnings == [f"output out: {work}/out: left out d0/77.txt: No such file or directory"]
    files = decode_tree(store.read(artifact.digest))
    assert {f.path for f in files} == {f"d{i % 7}/{i}.txt" for i in range(500) if i != 77}
    assert artifact.files == 499
    assert all(store.is_whole(f.digest) for f in files)
    assert not [name for name in os.listdir(store.root) if name.startswith(".")]
