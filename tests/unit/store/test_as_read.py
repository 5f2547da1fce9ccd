"""A kept folder has the digest that an input of its content gets: held against capture/inputs, on real folders."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from exptrack.actions.outputs import keep_folder
from exptrack.capture.inputs import capture_inputs
from exptrack.model import Declared, StoredFile
from exptrack.store.as_read import digest_as_read
from exptrack.store.place import open_store
from exptrack.store.trees import encode_tree
from made import digest_of


def folder(tmp_path: Path, files: dict[str, str], links: dict[str, str], executables: tuple[str, ...] = ()) -> Path:
    top = tmp_path / "kept"
    for name in files:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(files[name])
    for name, target in links.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, top / name)
    for name in executables:
        (top / name).chmod(0o755)
    return top


def as_kept(tmp_path: Path, top: Path) -> list[StoredFile]:
    return keep_folder(open_store(str(tmp_path / "store"), create=True).objects, str(top))


def as_input(tmp_path: Path, top: Path) -> str | None:
    declared = [Declared(label="x", pattern=str(top))]
    (found,), _ = capture_inputs(declared, str(tmp_path), str(tmp_path / "cache"), encode_tree)
    return found.digest


FILES = {"a.txt": "a", "deep/b.txt": "b", "deep/er/c.txt": "c"}


@pytest.mark.parametrize(
    ("links", "executables"),
    [
        ({}, ("a.txt",)),
        ({"l": "a.txt"}, ()),
        ({"l": "./deep/b.txt", "deep/up": "../a.txt"}, ("deep/b.txt",)),
        ({"l": "deep", "deep/m": "er/"}, ()),
        ({"one": "two", "two": "three", "three": "deep/er"}, ()),
        ({"snapshots/x/model": "../../deep/er/c.txt"}, ()),
    ],
)
def test_it_is_the_digest_of_an_input(tmp_path, links, executables):
    top = folder(tmp_path, FILES, links, executables)
    kept = as_kept(tmp_path, top)
    assert digest_as_read(kept) == as_input(tmp_path, top)
    assert digest_as_read(kept) != digest_of(encode_tree(kept))
    shutil.copytree(top, tmp_path / "copy")  # links followed
    assert digest_as_read(kept) == as_input(tmp_path, tmp_path / "copy")


def test_a_plain_folder_is_itself(tmp_path):
    top = folder(tmp_path, FILES, {})
    kept = as_kept(tmp_path, top)
    assert digest_as_read(kept) is None
    assert digest_of(encode_tree(kept)) == as_input(tmp_path, top)
    assert digest_as_read(()) is None


@pytest.mark.parametrize(
    "links",
    [
        {"l": "nowhere"},
        {"l": "../kept/a.txt"},
        {"l": "/etc/hostname"},
        {"l": "."},
        {"l": "l"},
        {"one": "two", "two": "one"},
        {"deep/l": "../deep"},
    ],
    ids=str,
)
def test_a_link_that_cannot_be_followed_within_it_says_nothing(tmp_path, links):
    assert digest_as_read(as_kept(tmp_path, folder(tmp_path, FILES, links))) is None


def test_links_that_multiply_end(tmp_path):
    links = {f"d{i}/{side}": f"../d{i + 1}" for i in range(39) for side in "lr"}
    assert digest_as_read(as_kept(tmp_path, folder(tmp_path, {"d39/f": "x"}, links))) is None
