"""Declared inputs are no code: their bytes are not kept, except where git tracks them or people write them by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from code_folder import CodeFolder, repository


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    return repository(tmp_path / "repo")


@pytest.mark.parametrize("is_git", [True, False])
def test_data_that_git_does_not_track_stays_out(tmp_path: Path, is_git: bool) -> None:
    code = repository(tmp_path / "repo") if is_git else CodeFolder(tmp_path / "plain")
    code.write("train.py", "1")
    code.write("tracked.csv", "1")
    if is_git:
        code.commit()
    for name in (
        "data/a.csv",
        "data/deep/b.bin",
        "one.csv",
        "other.csv",
        "data/make.py",
        "sub/one.csv",
        "x/1.npy",
        "x/1.txt",
    ):
        code.write(name, name)
    state = code.take(inputs=("data", "./one.csv", "tracked.csv", "x/*.npy", "gone", "../up", "/abs", "~/home"))
    kept = {"train.py", "other.csv", "data/make.py", "sub/one.csv", "x/1.txt"}
    assert set(code.modes(state)) == kept | ({"tracked.csv"} if is_git else set())
    assert ("data/a.csv" in state.untracked) is False


def test_an_input_is_seen_from_the_folder_the_command_starts_in(code: CodeFolder) -> None:
    code.write("here.csv", "1")
    code.write("sub/here.csv", "1")
    assert set(code.modes(code.take(cwd="sub", inputs=("here.csv",)))) == {"here.csv"}
    assert set(code.modes(code.take(cwd="sub", inputs=("../here.csv",)))) == {"sub/here.csv"}


def test_a_name_with_brackets_is_the_file_of_that_name_before_it_is_a_glob(code: CodeFolder) -> None:
    names = ("data[1].csv", "data1.csv", "a[!].csv", "[z-a].csv", "x[^].csv", "new-b.csv", "new-c.csv")
    for name in names:
        code.write(name, name)
    there = names[:1] + names[2:5]
    assert set(code.modes(code.take(inputs=(*there, "new-[bx].csv")))) == {"data1.csv", "new-c.csv"}
    missing = code.take(inputs=("no[!].csv", "no[z-a].csv", "no[[:alpha:]].csv", "no[a&&b~~c||d].csv"))
    assert set(code.modes(missing)) == set(names)


def test_a_bracket_in_exclude_that_opens_no_set_stands_for_itself(code: CodeFolder) -> None:
    code.write("a[!].txt", "1")
    code.write("a!.txt", "1")
    code.write("x/y", "1")
    code.write("x-y", "1")
    assert set(code.modes(code.take(exclude=("a[!].txt", "[z-a]", "x[!a]y")))) == {"a!.txt", "x/y"}


@pytest.mark.parametrize("everything", [".", "..", "../", "/"])
def test_the_whole_project_as_an_input_leaves_the_code_in(code: CodeFolder, everything: str) -> None:
    code.write("a.txt", "1")
    code.write("sub/b.txt", "1")
    assert set(code.modes(code.take(cwd="sub", inputs=(everything,)))) >= {"a.txt"}


def test_large_data_that_is_declared_does_not_refuse_the_run(code: CodeFolder) -> None:
    code.write("train.py", "1")
    code.write("big.bin", "x" * 5000)
    assert set(code.modes(code.take(max_bytes=1000, inputs=("big.bin",)))) == {"train.py"}


def test_an_empty_folder_the_command_fills_is_not_said_to_be_ignored(code: CodeFolder) -> None:
    code.write("train.py", "1")
    code.write("out/.gitignore", "*")
    code.commit()
    (code.root / "new").mkdir()
    for folder, is_told in (("new", False), ("out", True)):
        snapshot = code.begin(cwd=folder)
        snapshot.keep_dirty(code.keeper)
        code.write(f"{folder}/model.pt", "1")
        code.complete(snapshot)
        assert any("git ignores" in w for w in code.warnings) is is_told


def test_a_folder_that_the_command_takes_away_costs_nothing_of_the_snapshot(code: CodeFolder) -> None:
    code.write("train.py", "1")
    code.commit()
    (code.root / "new").mkdir()
    snapshot = code.begin(cwd="new")
    snapshot.keep_dirty(code.keeper)
    (code.root / "new").rmdir()
    assert set(code.modes(code.complete(snapshot))) == {"train.py"}
