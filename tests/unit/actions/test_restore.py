"""`restore` gives back the code of a run, and a forged tree cannot make it write elsewhere."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from code_folder import CodeFolder, repository
from exptrack.actions.restore import restore
from exptrack.errors import Damaged, ExptrackError
from exptrack.model import CodeState, RunManifest, StoredFile
from exptrack.store.trees import encode_tree


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    return repository(tmp_path / "repo")


def run_of(state: CodeState) -> RunManifest:
    return RunManifest(
        id="0123456789abcdef",
        status="finished",
        command=("python", "train.py"),
        cwd=state.root,
        started_at="2026-01-01T00:00:00Z",
        ended_at=None,
        seconds=None,
        exit_code=0,
        signal=None,
        host="h",
        author="a",
        code=state,
    )


def forged(code: CodeFolder, *entries: tuple[str, str, bytes]) -> RunManifest:
    """A run with a tree of (path, mode, bytes), however odd."""
    add = code.store.objects.add_bytes
    files = [StoredFile(path=p, digest=add(data), size=len(data), mode=mode) for p, mode, data in entries]
    # Line by line: encode_tree itself refuses files that cannot be beside each other.
    rows = [encode_tree([f]).split(b"\n", 1)[1] for f in sorted(files, key=lambda f: f.path)]
    return run_of(CodeState(tree=add(encode_tree(()) + b"".join(rows)), files=len(files)))


def look(folder: Path) -> dict[str, tuple[int | str, bytes]]:
    """path -> (permissions or "link", bytes) of everything below, git's own files aside."""
    out: dict[str, tuple[int | str, bytes]] = {}
    for place, folders, files in os.walk(os.fsencode(folder)):
        if b".git" in folders:
            folders.remove(b".git")
        for name in files + [f for f in folders if os.path.islink(os.path.join(place, f))]:
            full = os.path.join(place, name)
            key = os.fsdecode(os.path.relpath(full, os.fsencode(folder)))
            if os.path.islink(full):
                out[key] = ("link", os.readlink(full))
            else:
                out[key] = (os.stat(full).st_mode & 0o777, Path(os.fsdecode(full)).read_bytes())
    return out


def test_byte_for_byte_after_edits_and_without_the_repository(code: CodeFolder, tmp_path: Path) -> None:
    code.write("pkg/clean.py", "clean\n")
    code.write("dirty.py", "before\n")
    code.write("run.sh", "#!/bin/sh\n", mode=0o755)
    (code.root / "link").symlink_to("pkg/clean.py")
    (code.root / "folder").symlink_to("pkg")
    code.commit()
    code.write("dirty.py", "dirty\n")
    code.write(os.fsdecode(b"odd-\xff\nname"), b"\x00\xff")
    (code.root / "pkg/up").symlink_to("../dirty.py")
    expected = look(code.root)
    state = code.take()
    code.write("dirty.py", "after\n")
    shutil.rmtree(code.root / ".git")

    result = restore(code.store, run_of(state), str(tmp_path / "new" / "folder"))

    assert look(tmp_path / "new" / "folder") == expected
    assert (result.files, result.left_out, result.leading_out) == (7, (), ())


def test_an_empty_folder_will_do_and_a_full_one_only_by_force(code: CodeFolder, tmp_path: Path) -> None:
    code.write("a.py", "a\n")
    manifest = run_of(code.take())
    target = tmp_path / "target"
    target.mkdir()
    restore(code.store, manifest, str(target))
    (target / "a.py").write_text("mine\n")
    (target / "b.py").write_text("mine\n")
    with pytest.raises(ExptrackError, match="not empty"):
        restore(code.store, manifest, str(target))
    assert (target / "a.py").read_text() == "mine\n"
    restore(code.store, manifest, str(target), force=True)
    assert {p.name: p.read_text() for p in target.iterdir()} == {"a.py": "a\n", "b.py": "mine\n"}


def test_a_file_in_place_of_the_folder(code: CodeFolder, tmp_path: Path) -> None:
    code.write("a.py")
    (tmp_path / "target").write_text("")
    with pytest.raises(ExptrackError, match="cannot restore into"):
        restore(code.store, run_of(code.take()), str(tmp_path / "target"))


def test_what_was_left_out_is_told(code: CodeFolder, tmp_path: Path) -> None:
    code.write(".env", "TOKEN=canary\n")
    code.write("a.py")
    result = restore(code.store, run_of(code.take()), str(tmp_path / "target"))
    assert result.left_out == (".env",)


def test_no_snapshot(code: CodeFolder, tmp_path: Path) -> None:
    with pytest.raises(ExptrackError, match="no code snapshot"):
        restore(code.store, run_of(CodeState()), str(tmp_path / "target"))
    assert not (tmp_path / "target").exists()


def test_missing_bytes_are_noticed_before_anything_is_written(code: CodeFolder, tmp_path: Path) -> None:
    manifest = forged(code, ("a.py", "100644", b"a"), ("b.py", "100644", b"b"))
    os.unlink(code.store.objects.path(code.store.objects.add_bytes(b"b")))
    with pytest.raises(Damaged, match=r"'b\.py'"):
        restore(code.store, manifest, str(tmp_path / "target"))
    assert not (tmp_path / "target").exists()


def test_altered_bytes_never_get_the_files_name(code: CodeFolder, tmp_path: Path) -> None:
    manifest = forged(code, ("a.py", "100644", b"good"))
    place = Path(code.store.objects.path(code.store.objects.add_bytes(b"good")))
    place.chmod(0o644)
    place.write_bytes(b"evil")
    with pytest.raises(Damaged):
        restore(code.store, manifest, str(tmp_path / "target"))
    assert list((tmp_path / "target").iterdir()) == []


@pytest.mark.parametrize("path", ["../out.py", "/tmp/out.py", "a/../../out.py", "a//b", "."])
def test_a_forged_path_is_refused(code: CodeFolder, tmp_path: Path, path: str) -> None:
    good = code.store.objects.add_bytes(b"x")
    data = encode_tree([StoredFile(path="PLACE", digest=good, size=1)]).replace(b"PLACE", path.encode())
    manifest = run_of(CodeState(tree=code.store.objects.add_bytes(data), files=1))
    with pytest.raises(Damaged):
        restore(code.store, manifest, str(tmp_path / "target"))
    assert not (tmp_path / "out.py").exists()


def test_a_path_that_is_file_and_folder_at_once_is_refused(code: CodeFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    manifest = forged(code, ("a", "120000", os.fsencode(outside)), ("a/evil.py", "100644", b"evil"))
    with pytest.raises(Damaged, match="both as a file and as a folder"):
        restore(code.store, manifest, str(tmp_path / "target"))
    assert list(outside.iterdir()) == []


def test_a_link_in_the_way_is_not_followed(code: CodeFolder, tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    target.mkdir()
    (outside / "b.py").write_text("theirs\n")
    (target / "pkg").symlink_to(outside)
    with pytest.raises(ExptrackError, match="in the way"):
        restore(code.store, forged(code, ("pkg/a.py", "100644", b"a")), str(target), force=True)
    (target / "pkg").unlink()
    (target / "b.py").symlink_to(outside / "b.py")
    (target / "link").symlink_to(outside / "b.py")
    restore(
        code.store, forged(code, ("b.py", "100644", b"ours\n"), ("link", "120000", b"b.py")), str(target), force=True
    )
    assert (outside / "b.py").read_text() == "theirs\n"
    assert not (target / "b.py").is_symlink()
    assert os.readlink(target / "link") == "b.py"


def test_a_folder_in_the_way_of_a_file_is_not_removed(code: CodeFolder, tmp_path: Path) -> None:
    (tmp_path / "target" / "a.py").mkdir(parents=True)
    for mode in ("100644", "120000"):
        with pytest.raises(ExptrackError, match="in the way"):
            restore(code.store, forged(code, ("a.py", mode, b"a")), str(tmp_path / "target"), force=True)


def test_links_that_lead_out_are_made_and_named(code: CodeFolder, tmp_path: Path) -> None:
    links = {"absolute": b"/etc/passwd", "up": b"../../x", "deep/over": b"../../x", "deep/in": b"../up", "self": b"."}
    manifest = forged(code, *((path, "120000", data) for path, data in links.items()))
    result = restore(code.store, manifest, str(tmp_path / "target"))
    assert sorted(result.leading_out) == ["absolute", "deep/over", "up"]
    assert {p: os.readlink(os.fsencode(tmp_path / "target" / p)) for p in links} == links


@pytest.mark.parametrize("data", [b"", b"a\0b", b"x" * 5000])
def test_a_link_to_nowhere_a_link_can_lead_is_damage(code: CodeFolder, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Damaged):
        restore(code.store, forged(code, ("link", "120000", data)), str(tmp_path / "target"))
