"""Opening a store: ours is opened, a newer one and anything else is refused, many may make it at once."""

from __future__ import annotations

import os
import stat

import pytest

from dying import die_at_every_step, race
from exptrack.errors import ExptrackError
from exptrack.store.place import closed, open_store
from made import manifest


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "a" / "store")


def test_nothing_is_made_by_looking(root):
    store = open_store(root)
    assert store.records.run_ids() == []
    assert not os.path.exists(root)


def test_made_once_and_opened_again(root):
    store = open_store(root, create=True)
    digest = store.objects.add_bytes(b"x")
    store.records.add_manifest(manifest())
    for again in (open_store(root), open_store(root, create=True)):
        assert again.objects.read(digest) == b"x"
        assert again.records.manifest(manifest().id) == manifest()
    with open(os.path.join(root, "format"), "rb") as f:
        assert f.read() == b"1\n"


def test_a_store_is_nobody_elses_business(root):
    open_store(root, create=True).objects.add_bytes(b"x")
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
            assert mode & 0o077 == 0, name
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def with_format(root, text):
    os.makedirs(root)
    with open(os.path.join(root, "format"), "wb") as f:
        f.write(text)


def test_a_newer_store_is_refused_with_what_to_do(root):
    with_format(root, b"2\n")
    for create in (False, True):
        with pytest.raises(ExptrackError) as e:
            open_store(root, create=create)
        assert e.value.exit_code == 2
        assert "format 2" in e.value.message
        assert root in e.value.message
        assert "upgrade" in e.value.hint
    assert os.listdir(root) == ["format"]


@pytest.mark.parametrize("text", [b"", b"x", b"1.5", b"-1", b"\xff", "²".encode(), b"1\n2", b"9" * 5000, b"\x1b[31m"])
def test_what_is_no_store_is_refused(root, text):
    with_format(root, text)
    with pytest.raises(ExptrackError) as e:
        open_store(root, create=True)
    assert e.value.exit_code == 2
    assert e.value.hint
    assert "\x1b" not in e.value.message


def test_a_folder_called_format_is_refused(root):
    os.makedirs(os.path.join(root, "format"))
    with pytest.raises(ExptrackError, match="cannot be read"):
        open_store(root)


def test_where_none_can_be_made_the_setting_is_named():
    with pytest.raises(ExptrackError) as e:
        open_store("/proc/nobody/may/write/here", create=True)
    assert "/proc/nobody" in e.value.message
    assert "store =" in e.value.hint


def test_a_file_in_the_way_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExptrackError, match="Not a directory"):
        open_store(str(tmp_path / "file" / "store"), create=True)


def test_many_make_it_at_once(tmp_path):
    code = "open_store(sys.argv[4], create=True).objects.add_bytes(sys.argv[3].encode())"
    came = race("import sys\nfrom exptrack.store.place import open_store", code, 8, str(tmp_path / "store"))
    assert came == [(0, "")] * 8
    assert open_store(str(tmp_path / "store")).objects.has(open_store(str(tmp_path / "store")).objects.add_bytes(b"7"))


def test_a_crash_while_it_is_made_leaves_none_or_a_whole_one(tmp_path):
    code = "open_store(folder + '/store', create=True)"
    for folder in die_at_every_step(code, tmp_path / "steps", prelude="from exptrack.store.place import open_store"):
        assert open_store(str(folder / "store")).records.run_ids() == []
        store = open_store(str(folder / "store"), create=True)
        assert (folder / "store" / "format").read_bytes() == b"1\n"
        assert store.objects.read(store.objects.add_bytes(b"x")) == b"x"


@pytest.mark.parametrize("below", ["", "x/y", "x" * 300])
def test_whose_a_place_is_can_be_said_of_any_place(tmp_path, below):
    (tmp_path / "file").write_text("")
    for top in ("file", "nowhere"):
        told = closed("Permission denied", os.path.join(tmp_path, top, below))
        assert told.message == "Permission denied"
        assert told.hint.startswith(f"check the permissions of {tmp_path}")
