"""Where an input is now: by digest, whatever it is called; and what a quick look may say."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from exptrack.actions.reproducing.find_inputs import Found, find_inputs
from exptrack.actions.reproducing.fresh_folder import place_inputs
from exptrack.actions.reproducing.layout import Layout
from exptrack.capture.digests import DigestCache
from exptrack.capture.inputs import CACHE, capture_inputs
from exptrack.errors import ExptrackError
from exptrack.model import Artifact, CodeState, Declared, Input, RunManifest, StoredFile
from exptrack.store.place import Store
from exptrack.store.trees import encode_tree
from sealed_runs import add_run, make_project


@pytest.fixture
def place(tmp_path: Path):
    return make_project(tmp_path / "project")


def recorded(cwd: Path, path: str, name: str = "train") -> Input:
    """As a run started in `cwd` records it now."""
    found, problems = capture_inputs([Declared(label=name, pattern=path)], str(cwd), str(cwd / ".cache"), encode_tree)
    assert problems == []
    return found[0]


def run_with(
    store: Store, number: int, root: Path, *inputs: Input, cwd: Path | None = None, **more: Any
) -> RunManifest:
    code = more.pop("code", CodeState(root=str(root)))
    return add_run(store, number, cwd=str(cwd or root), code=code, inputs=inputs, **more)


def find(place: Any, manifest: RunManifest, *, is_thorough: bool = True) -> Found:
    (found,) = find_inputs(*place, manifest, is_thorough=is_thorough)
    return found


def data(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("pattern", ["data/a", "data", "data/*"])
def test_in_its_place_unless_it_has_changed(place: Any, tmp_path: Path, pattern: str) -> None:
    root = tmp_path / "root"
    data(root / "data", a="1", b="22")
    manifest = run_with(place[1], 1, root, recorded(root, pattern))
    assert find(place, manifest).how == "recorded"
    assert find(place, manifest, is_thorough=False).how == "recorded"
    data(root / "data", a="3")
    changed = find(place, manifest)
    assert (changed.how, changed.is_there) == ("", False)
    assert "has changed" in changed.why
    # A quick look sees a size, and not what is in it.
    assert find(place, manifest, is_thorough=False).how == "recorded"


def test_a_file_of_another_size_is_not_it_at_a_glance(place: Any, tmp_path: Path) -> None:
    root = tmp_path / "root"
    manifest = run_with(place[1], 1, root, recorded(data(root, a="1").parent / "root", "a"))
    (root / "a").write_text("12")
    assert not find(place, manifest, is_thorough=False).is_there
    (root / "a").unlink()
    assert find(place, manifest, is_thorough=False).why == f"{root / 'a'} is not there"


def test_in_todays_project_when_that_has_moved(place: Any, tmp_path: Path) -> None:
    old = tmp_path / "old"
    manifest = run_with(place[1], 1, old, recorded(data(old / "data", a="1").parent, "data/a"))
    (old / "data" / "a").unlink()
    data(tmp_path / "project" / "data", a="1")
    found = find(place, manifest)
    assert (found.how, found.path) == ("project", str(tmp_path / "project" / "data" / "a"))


def test_in_the_snapshot(place: Any, tmp_path: Path) -> None:
    _, store = place
    root = tmp_path / "root"
    data(root / "data", a="1", b="2")
    one, both = recorded(root, "data/a"), recorded(root, "data")
    files = [
        StoredFile(path=f"data/{n}", digest=store.objects.add_bytes(t), size=1) for n, t in (("a", b"1"), ("b", b"2"))
    ]
    code = CodeState(root=str(root), tree=store.objects.add_bytes(encode_tree(files)), files=2)
    for name in ("a", "b"):
        (root / "data" / name).unlink()
    for number, wanted in enumerate((one, both), 1):
        assert find(place, run_with(store, number, root, wanted, code=code)).how == "snapshot"


def test_where_another_run_had_the_same_bytes(place: Any, tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    manifest = run_with(place[1], 1, root, recorded(data(root / "data", a="1").parent, "data"))
    run_with(place[1], 2, other, recorded(data(other / "renamed", a="1").parent, "renamed", "test"))
    (root / "data" / "a").unlink()
    (root / "data").rmdir()
    found = find(place, manifest)
    assert (found.how, found.path) == ("elsewhere", str(other / "renamed"))
    (other / "renamed" / "a").write_text("2")
    assert not find(place, manifest).is_there


def test_as_an_output_in_the_store(place: Any, tmp_path: Path) -> None:
    _, store = place
    root = tmp_path / "root"
    wanted = recorded(data(root, a="weights").parent / "root", "a", "init")
    manifest = run_with(store, 1, root, wanted)
    (root / "a").unlink()
    assert not find(place, manifest).is_there
    digest = store.objects.add_bytes(b"weights")
    add_run(store, 2, artifacts=(Artifact(kind="model", path="m.pt", digest=digest, size=7),))
    found = find(place, manifest)
    assert (found.how, found.kept and found.kept.path) == ("store", "m.pt")
    os.unlink(store.objects.path(digest))
    assert not find(place, manifest).is_there


def test_what_was_not_there_then_is_not_asked_for(place: Any, tmp_path: Path) -> None:
    gone = Input(name="x", path="x", digest=None, size=0, files=0)
    assert find_inputs(*place, run_with(place[1], 1, tmp_path, gone), is_thorough=True) == []


def placed(place: Any, manifest: RunManifest, work: Path) -> Layout:
    work.mkdir()
    layout = Layout(manifest, str(work))
    for folder in (layout.code, layout.cwd, layout.cache):
        os.makedirs(folder, exist_ok=True)
    found = find_inputs(*place, manifest, is_thorough=True)
    place_inputs(place[1], layout, found, place[0].cache)
    return layout


@pytest.mark.parametrize("pattern", ["data", "data/a", "data/*", "data/**"])
def test_it_is_where_the_command_looks_for_it(place: Any, tmp_path: Path, pattern: str) -> None:
    root = tmp_path / "root"
    data(root / "data" / "sub", c="3")
    data(root / "data", a="1", b="2")
    layout = placed(place, run_with(place[1], 1, root, recorded(root, pattern)), tmp_path / "work")
    again = recorded(Path(layout.cwd), pattern)
    assert again.digest == recorded(root, pattern).digest
    assert (Path(layout.cwd) / "data" / "a").read_text() == "1"


def test_beside_what_the_snapshot_has_of_its_folder(place: Any, tmp_path: Path) -> None:
    root = tmp_path / "root"
    data(root / "data", a="1", README="about")
    manifest = run_with(place[1], 1, root, recorded(root, "data"))
    work = tmp_path / "work"
    (work / "code" / "root" / "data").mkdir(parents=True)
    (work / "code" / "root" / "data" / "README").write_text("about")
    layout = Layout(manifest, str(work))
    os.makedirs(layout.cache)
    place_inputs(place[1], layout, find_inputs(*place, manifest, is_thorough=True), place[0].cache)
    assert recorded(Path(layout.cwd), "data").digest == recorded(root, "data").digest
    assert not (work / "code" / "root" / "data").is_symlink()


def test_an_absolute_input_that_has_moved_is_found_under_its_new_name(place: Any, tmp_path: Path) -> None:
    root, there, here = tmp_path / "root", tmp_path / "there", tmp_path / "here"
    manifest = run_with(place[1], 1, root, recorded(data(there, a="1"), str(there / "a")))
    run_with(place[1], 2, root, recorded(data(here, z="1"), str(here / "z")))
    (there / "a").unlink()
    layout = placed(place, manifest, tmp_path / "work")
    new = layout.moved.text(f"--train={there / 'a'}").removeprefix("--train=")
    assert new.startswith(str(tmp_path / "work"))
    assert Path(new).read_text() == "1"


def test_too_far_above_the_code_there_is_no_place(place: Any, tmp_path: Path) -> None:
    root = tmp_path / "a" / "b" / "c" / "root"
    data(root)
    data(tmp_path, far="1")
    manifest = run_with(place[1], 1, root, recorded(root, "../../../../far"))
    with pytest.raises(ExptrackError, match="too far outside"):
        placed(place, manifest, tmp_path / "work")
    near = run_with(place[1], 2, root, recorded(data(root.parent, x="1") / "root", "../x"))
    layout = placed(place, near, tmp_path / "work2")
    assert (Path(layout.cwd) / ".." / "x").resolve() == root.parent / "x"


def test_a_data_set_is_hashed_once(place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What was changed less than two seconds ago is never remembered; the files of a test are that young.
    monkeypatch.setattr("exptrack.capture.digests.RACY_NS", -(10**10))
    root = tmp_path / "root"
    data(root / "data" / "sub", b="2")
    layout = placed(place, run_with(place[1], 1, root, recorded(data(root, a="1"), "data")), tmp_path / "work")
    file = Path(layout.cwd, "data", "sub", "b")
    known = DigestCache(os.path.join(layout.cache, CACHE)).digest_of(str(file), file.stat())
    assert known == hashlib.sha256(b"2").hexdigest()
