"""The second half runs beside the child, perhaps in a fork, while the program already changes files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from code_folder import CodeFolder, Keeper, repository
from exptrack.capture.masked_copy import Masking, Stored
from exptrack.model import CodeState, StoredFile
from exptrack.store.trees import encode_tree
from unprivileged import without_privileges


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    folder = repository(tmp_path / "repo")
    for name in ("results.csv", "deleted.py", "tool.sh", "odd\nname.py", "train.py"):
        folder.write(name, f"{name} as committed\n", mode=0o755 if name == "tool.sh" else 0o644)
    (folder.root / "link").symlink_to("train.py")
    folder.commit()
    return folder


def child_starts(code: CodeFolder) -> None:
    code.write("results.csv", "written by the program\n")
    code.write("odd\nname.py", "written by the program\n")
    (code.root / "deleted.py").unlink()
    (code.root / "tool.sh").unlink()
    (code.root / "tool.sh").mkdir()
    (code.root / "link").unlink()


def check(code: CodeFolder, state: CodeState) -> None:
    content = code.content(state)
    assert content.pop("link") == b"train.py"
    assert content == {name: f"{name} as committed\n".encode() for name in content}
    assert sorted(content) == sorted(["results.csv", "deleted.py", "tool.sh", "odd\nname.py", "train.py"])
    assert code.modes(state)["tool.sh"] == "100755"


def test_clean_files_changed_by_the_child_are_as_they_were(code: CodeFolder) -> None:
    snapshot = code.begin()
    snapshot.keep_dirty(code.keeper)
    child_starts(code)
    check(code, code.complete(snapshot))
    assert code.warnings == []


def test_also_when_an_earlier_snapshot_knew_them(code: CodeFolder) -> None:
    code.take()
    snapshot = code.begin()
    snapshot.keep_dirty(code.keeper)
    child_starts(code)
    check(code, code.complete(snapshot))


def test_also_when_the_store_does_not_know_them(code: CodeFolder) -> None:
    code.take()
    shutil.rmtree(code.beside / "store" / "objects")
    snapshot = code.begin()
    snapshot.keep_dirty(code.keeper)
    child_starts(code)
    check(code, code.complete(snapshot))


def test_when_git_cannot_give_them_back_the_later_bytes_are_taken_and_told(code: CodeFolder) -> None:
    snapshot = code.begin()
    snapshot.keep_dirty(code.keeper)
    child_starts(code)
    shutil.rmtree(code.root / ".git")
    state = code.complete(snapshot)
    assert code.content(state)["results.csv"] == b"written by the program\n"
    assert any("results.csv" in w for w in code.warnings)
    assert "deleted.py" in state.left_out


def test_dirty_files_changed_by_the_child_are_as_they_were(code: CodeFolder) -> None:
    code.write("train.py", "edited\n")
    code.write("new.py", "untracked\n")
    snapshot = code.begin()
    snapshot.keep_dirty(code.keeper)
    code.write("train.py", "later\n")
    (code.root / "new.py").unlink()
    state = code.complete(snapshot)
    assert code.content(state)["train.py"] == b"edited\n"
    assert code.content(state)["new.py"] == b"untracked\n"


def test_it_goes_on_in_a_fork(code: CodeFolder) -> None:
    code.write("new.py", "untracked\n")
    snapshot = code.begin()
    snapshot.keep_dirty(code.keeper)
    pid = os.fork()
    if pid == 0:
        state = code.complete(snapshot)
        (code.beside / "tree").write_text(state.tree or "")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert (code.beside / "tree").read_text() == code.take().tree


def test_a_full_disk_is_a_warning_and_a_state_without_a_tree(code: CodeFolder) -> None:
    snapshot = code.begin()
    snapshot.keep_dirty(code.keeper)
    shutil.rmtree(code.beside / "store" / "objects")
    (code.beside / "store" / "objects").write_text("no folder can be made here")
    state = code.complete(snapshot)
    assert (state.tree, state.files) == (None, 0)
    assert state.commit is not None
    assert len(code.warnings) == 1


def test_a_store_that_takes_nothing_stops_the_start(code: CodeFolder) -> None:
    code.write("new.py")
    shutil.rmtree(code.beside / "store" / "objects")
    (code.beside / "store" / "objects").write_text("no folder can be made here")
    snapshot = code.begin()
    with pytest.raises(OSError, match="objects"):
        snapshot.keep_dirty(code.keeper)


def test_a_file_that_cannot_be_read_is_told(code: CodeFolder) -> None:
    code.write("new.py", mode=0)
    with without_privileges():
        state = code.take()
    assert state.left_out == ("new.py",)
    assert "Permission denied" in code.warnings[0]


def test_a_dirty_file_that_vanishes_is_told(code: CodeFolder) -> None:
    code.write("new.py")
    snapshot = code.begin()

    class Vanishing(Masking):
        def store(self, keeper: Keeper, full: str, path: str, folder: str) -> Stored:
            os.unlink(full)
            return super().store(keeper, full, path, folder)

    snapshot.collection.masking = Vanishing()
    snapshot.keep_dirty(code.keeper)
    snapshot.collection.masking = Masking()
    state = code.complete(snapshot)
    assert "new.py" not in code.content(state)
    assert state.left_out == ("new.py",)


def test_the_lines_of_the_tree_are_the_stores(code: CodeFolder) -> None:
    """Trees are put together from lines: this is what the store itself would write."""
    state = code.take()
    code.write("train.py", "edited\n")
    again = code.take()
    for one in (state, again):
        files = [
            StoredFile(path=p, digest=code.store.objects.add_bytes(d), size=len(d), mode=code.modes(one)[p])
            for p, d in code.content(one).items()
        ]
        assert code.store.objects.read(one.tree or "") == encode_tree(files)
