"""Submodules, nested and not, and repositories that merely lie inside another one: all of their files are code."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from code_folder import CodeFolder, repository


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    """outer/ with the submodule libs/inner, which has the submodule deep."""
    deep, inner, outer = (repository(tmp_path / name) for name in ("deep-origin", "inner-origin", "outer"))
    deep.write("deep.py", "deep\n")
    deep.commit()
    inner.write("inner.py", "inner\n")
    inner.git("submodule", "add", "-q", str(deep.root), "deep")
    inner.commit()
    outer.write("train.py", "train\n")
    outer.git("submodule", "add", "-q", str(inner.root), "libs/inner")
    outer.git("submodule", "update", "-q", "--init", "--recursive")
    outer.commit()
    return outer


CLEAN = {
    ".gitmodules",
    "train.py",
    "libs/inner/.gitmodules",
    "libs/inner/inner.py",
    "libs/inner/deep/deep.py",
}


def test_clean_submodules_are_there(code: CodeFolder) -> None:
    state = code.take()
    assert set(code.content(state)) == CLEAN
    assert state.dirty is False


def test_dirty_files_deep_inside_are_kept_before_the_child(code: CodeFolder) -> None:
    code.take()
    code.write("libs/inner/deep/deep.py", "edited\n")
    code.write("libs/inner/new.py", "untracked\n")
    snapshot = code.begin()
    snapshot.keep_dirty(code.keeper)
    assert sorted(code.keeper.files) == ["deep.py", "new.py"]
    state = code.complete(snapshot)
    assert code.content(state)["libs/inner/deep/deep.py"] == b"edited\n"
    assert code.content(state)["libs/inner/new.py"] == b"untracked\n"
    assert state.untracked == ("libs/inner/new.py",)
    assert "libs/inner/deep/deep.py" in state.changed


def test_a_users_setting_that_hides_untracked_files_hides_none_from_us(
    code: CodeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Written by hand: `git config --global` renames a new file over $GIT_CONFIG_GLOBAL, even over /dev/null.
    (tmp_path / "users-config").write_text("[status]\n\tshowUntrackedFiles = no\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "users-config"))
    code.git("config", "submodule.libs/inner.ignore", "all")
    code.write("libs/inner/new.py")
    assert set(code.content(code.take())) == CLEAN | {"libs/inner/new.py"}


def test_another_commit_in_a_submodule_is_dirty(code: CodeFolder) -> None:
    code.take()
    code.write("libs/inner/inner.py", "committed there\n")
    code.commit(at="libs/inner")
    state = code.take()
    assert state.changed == ("libs/inner",)
    assert state.dirty is True
    assert code.content(state)["libs/inner/inner.py"] == b"committed there\n"


def test_a_submodule_that_is_not_checked_out_has_no_files(code: CodeFolder) -> None:
    code.git("submodule", "-q", "deinit", "-f", "libs/inner")
    assert set(code.content(code.take())) == {".gitmodules", "train.py"}


def test_a_submodules_place_filled_by_hand_is_code(code: CodeFolder) -> None:
    code.git("submodule", "-q", "deinit", "-f", "libs/inner")
    code.write("libs/inner/unpacked.py")
    state = code.take()
    assert set(code.content(state)) == {".gitmodules", "train.py", "libs/inner/unpacked.py"}
    assert state.dirty is True


def test_a_submodule_replaced_by_a_link(code: CodeFolder) -> None:
    shutil.rmtree(code.root / "libs/inner")
    (code.root / "libs/inner").symlink_to("/elsewhere")
    state = code.take()
    assert code.content(state)["libs/inner"] == b"/elsewhere"


def test_an_untracked_repository_inside_is_entered(code: CodeFolder) -> None:
    other = repository(code.root / "vendor" / "tool")
    other.write("tracked.py", "tracked\n")
    other.write(".gitignore", "ignored\n")
    other.commit()
    other.write("loose.py", "loose\n")
    other.write("ignored")
    shutil.rmtree(other.beside)
    state = code.take()
    expected = CLEAN | {"vendor/tool/tracked.py", "vendor/tool/.gitignore", "vendor/tool/loose.py"}
    assert set(code.content(state)) == expected
    assert state.untracked == ("vendor/tool/loose.py",)
    assert set(code.content(code.take())) == expected


def test_an_untracked_repository_without_a_commit_is_entered(code: CodeFolder) -> None:
    other = repository(code.root / "fresh")
    other.write("a.py")
    shutil.rmtree(other.beside)
    assert set(code.content(code.take())) == CLEAN | {"fresh/a.py"}


def test_an_excluded_submodule_is_not_entered(code: CodeFolder) -> None:
    code.write("libs/inner/new.py")
    assert set(code.content(code.take(exclude=("libs",)))) == {".gitmodules", "train.py"}


def test_a_broken_submodule_is_taken_as_a_folder(code: CodeFolder) -> None:
    (code.root / "libs/inner/.git").write_text("gitdir: /nowhere\n")
    state = code.take()
    assert set(code.content(state)) == CLEAN
    assert state.commit is not None
    assert len(code.warnings) == 1
    assert "libs/inner" in code.warnings[0]


def test_many_submodules_and_a_second_look(tmp_path: Path, code: CodeFolder) -> None:
    for i in range(12):
        code.git("submodule", "add", "-q", str(tmp_path / "deep-origin"), f"many/{i}")
    code.commit()
    expected = CLEAN | {f"many/{i}/deep.py" for i in range(12)}
    state = code.take()
    assert set(code.content(state)) == expected
    assert code.take().tree == state.tree
    assert code.keeper.files == []
    os.unlink(code.root / "many/3/deep.py")
    assert set(code.content(code.take())) == expected - {"many/3/deep.py"}
