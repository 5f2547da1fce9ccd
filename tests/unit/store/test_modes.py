"""A store is its owner's alone unless it was declared shared; the umask has no say in either."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from exptrack.model import Promotion
from exptrack.store.modes import PRIVATE, SHARED, make_folder, modes_of
from exptrack.store.place import open_store
from made import AN_ID, manifest

FILL = """
import os, sys
os.umask(int(sys.argv[2], 8))
from exptrack.actions.trash import TrashBatch, alone
from exptrack.store.bulk import Bulk
from exptrack.store.place import open_store
from exptrack.model import Promotion
from made import AN_ID, manifest
store = open_store(sys.argv[1], create=True, is_shared=sys.argv[3] == "shared")
store.objects.add_bytes(b"one")
store.objects.add_file(sys.executable)
bulk = Bulk(store.objects.root)
bulk.add_bytes(b"two")
bulk.commit()
store.records.add_manifest(manifest())
store.records.add_promotion(Promotion(model="a", sequence=1, run=AN_ID, previous=None, at="", author="a"))
with alone(store):
    TrashBatch.make(store, 1e9, {}, {})
"""


def filled(root, umask, how):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", FILL, root, umask, how], check=True, env=env)
    return {os.path.relpath(path, root): mode for path, mode in modes_below(root)}


def modes_below(root):
    for folder, _, files in os.walk(root):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            yield path, stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize("umask", ["000", "002", "022", "077"])
def test_nothing_in_a_private_store_is_anybody_elses(tmp_path, umask):
    modes = filled(str(tmp_path / "store"), umask, "private")
    assert len(modes) > 15
    assert {m & 0o077 for m in modes.values()} == {0}
    objects = [m for name, m in modes.items() if name.count("/") == 2 and name.startswith("objects")]
    assert set(objects) == {0o400}


@pytest.mark.parametrize("umask", ["000", "002", "022", "077"])
def test_a_shared_store_is_its_groups_whatever_the_umask(tmp_path, umask):
    root = tmp_path / "store"
    modes = filled(str(root), umask, "shared")
    assert {m & 0o007 for m in modes.values()} == {0}
    for name, mode in modes.items():
        if (root / name).is_dir():
            assert mode == 0o2770, name
        elif name.startswith("objects"):
            assert mode == 0o440, name
        else:
            assert mode == (0o660 if name == "gc.lock" else 0o640), name


def test_who_opens_a_store_later_goes_on_as_it_was_declared(tmp_path):
    root = str(tmp_path / "store")
    open_store(root, create=True, is_shared=True)
    again = open_store(root, create=True)
    assert again.modes is SHARED
    assert stat.S_IMODE(os.stat(again.objects.path(again.objects.add_bytes(b"x"))).st_mode) == 0o440


def test_a_private_store_is_opened_when_its_owner_says_so(tmp_path):
    root = str(tmp_path / "store")
    store = open_store(root, create=True)
    digest = store.objects.add_bytes(b"x")
    store.records.add_manifest(manifest())
    store.records.add_promotion(Promotion(model="a", sequence=1, run=AN_ID, previous=None, at="", author="a"))
    assert store.modes is PRIVATE
    assert open_store(root, create=True, is_shared=True).modes is SHARED
    modes = dict(modes_below(root))
    assert {m for path, m in modes.items() if os.path.isdir(path)} == {0o2770}
    assert modes[store.objects.path(digest)] == 0o440
    assert {m & 0o047 for path, m in modes.items() if os.path.isfile(path)} == {0o040}


def test_a_folder_that_merely_lies_in_a_groups_folder_stays_private(tmp_path):
    """An administrator's group-writable folder is no declaration: what is made in it is still nobody else's."""
    root = tmp_path / "store"
    root.mkdir()
    root.chmod(0o2775)
    open_store(str(root), create=True).objects.add_bytes(b"x")
    inside = {mode for path, mode in modes_below(str(root)) if path != str(root)}
    assert {m & 0o077 for m in inside} == {0}


def test_of_two_makers_of_one_folder_neither_meets_a_half_made_one(tmp_path, monkeypatch):
    path, real = str(tmp_path / "ab"), os.rename

    def late(source, target):
        make_folder(path + "x", SHARED)
        os.mkdir(target, 0o700)
        (tmp_path / "ab" / "file").touch()
        real(source, target)

    monkeypatch.setattr(os, "rename", lambda a, b: late(a, b) if b == path else real(a, b))
    assert make_folder(path, SHARED) is False
    assert sorted(os.listdir(tmp_path)) == ["ab", "abx"]
    assert modes_of(str(tmp_path / "abx")) is SHARED
