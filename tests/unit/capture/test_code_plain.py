"""Folders that are no repository, or whose git does not answer; and snapshots that would be too large."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from code_folder import CodeFolder, repository
from exptrack.errors import ExptrackError


@pytest.fixture
def plain(tmp_path: Path) -> CodeFolder:
    return CodeFolder(tmp_path / "plain")


def test_a_folder_without_git_is_taken_before_the_child(plain: CodeFolder) -> None:
    plain.write("train.py", "train\n")
    plain.write("pkg/tool.sh", "tool\n", mode=0o755)
    (plain.root / "pkg/link").symlink_to("../train.py")
    (plain.root / "loop").symlink_to(".")
    snapshot = plain.begin()
    snapshot.keep_dirty(plain.keeper)
    shutil.rmtree(plain.root)
    state = plain.complete(snapshot)
    assert plain.content(state) == {
        "train.py": b"train\n",
        "pkg/tool.sh": b"tool\n",
        "pkg/link": b"../train.py",
        "loop": b".",
    }
    assert plain.modes(state)["pkg/tool.sh"] == "100755"
    assert (state.root, state.commit, state.dirty, state.untracked) == (str(plain.root), None, None, ())
    assert plain.warnings == []


def test_what_is_never_code_is_left_where_it_is(plain: CodeFolder) -> None:
    never = (".venv/a.py", "__pycache__/a.pyc", "pkg/node_modules/x.js", "a.pyc", ".mypy_cache/x", ".exptrack/store/f")
    environments = ("env/pyvenv.cfg", "env/bin/python", "conda/conda-meta/history", "conda/lib/x.py")
    for name in (*never, *environments, "train.py", "pkg/venv.py", ".gitignore"):
        plain.write(name)
    assert sorted(plain.content(plain.take())) == [".gitignore", "pkg/venv.py", "train.py"]


def test_secrets_and_pipes_are_left_out_and_named(plain: CodeFolder) -> None:
    plain.write("conf/.env", "TOKEN=canary\n")
    plain.write("train.py")
    os.mkfifo(plain.root / "pipe")
    state = plain.take()
    assert list(plain.content(state)) == ["train.py"]
    assert state.left_out == ("conf/.env", "pipe")


def test_a_second_look_reads_nothing(plain: CodeFolder) -> None:
    place = plain.write("train.py")
    os.utime(place, (1_700_000_000, 1_700_000_000.5))
    while plain.take() and plain.keeper.files:
        pass  # until the file's ctime is old enough to be believed
    state = plain.take()
    assert (plain.keeper.files, state.files) == ([], 1)
    plain.write("train.py", "edited\n")
    assert plain.content(plain.take()) == {"train.py": b"edited\n"}


def test_no_git_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = repository(tmp_path / "repo")
    code.write("train.py")
    code.commit()
    monkeypatch.setenv("PATH", str(tmp_path))
    state = code.take()
    assert list(code.content(state)) == ["train.py"]
    assert (state.commit, state.dirty) == (None, None)
    assert code.warnings[0].startswith(f"git did not answer for {code.root} (git is not installed)")


def test_a_repository_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = repository(tmp_path / "repo")
    code.write("train.py")
    code.commit()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    state = code.take()
    assert list(code.content(state)) == ["train.py"]
    assert state.commit is None
    assert f"safe.directory {code.root}" in code.warnings[0]


@pytest.mark.parametrize("damage", ["index", "HEAD"])
def test_a_broken_repository(tmp_path: Path, damage: str) -> None:
    outer = repository(tmp_path / "outer")
    outer.write("not-mine.py")
    outer.commit()
    code = repository(outer.root / "broken")
    code.write("train.py")
    code.commit()
    (code.root / ".git" / damage).write_text("rubbish")
    state = code.take()
    assert state.root == str(code.root)
    assert list(code.content(state)) == ["train.py"]
    assert len(code.warnings) == 1


def test_too_large_is_refused_before_anything_is_read(plain: CodeFolder) -> None:
    for i in range(8):
        with open(plain.write(f"data/{i}.bin"), "wb") as f:
            f.truncate((i + 1) << 20)
    snapshot = plain.begin(max_bytes=30 << 20)
    with pytest.raises(ExptrackError) as e:
        snapshot.keep_dirty(plain.keeper)
    assert e.value.exit_code == 125
    assert e.value.message == (
        "the code snapshot would be 36.0 MiB, more than 30.0 MiB; the largest files: data/7.bin (8.0 MiB), "
        "data/6.bin (7.0 MiB), data/5.bin (6.0 MiB), data/4.bin (5.0 MiB), data/3.bin (4.0 MiB)"
    )
    assert '[snapshot] exclude = ["data/7.bin"] in exptrack.toml' in e.value.hint
    assert "max_size" in e.value.hint
    assert ".gitignore" not in e.value.hint  # nobody reads one here
    assert (plain.keeper.files, plain.keeper.bytes) == ([], [])


def test_clean_dirty_and_untracked_files_count_together(tmp_path: Path) -> None:
    code = repository(tmp_path / "repo")
    code.write("tracked.bin", b"x" * 4000)
    code.write("edited.bin", b"x" * 10)
    code.commit()
    code.write("edited.bin", b"y" * 4000)
    code.write("untracked.bin", b"z" * 4000)
    for _ in range(2):  # by the index, then as remembered
        with pytest.raises(ExptrackError, match=r"11\.7 KiB.*edited.bin \(3.9 KiB\), tracked.bin"):
            code.take(max_bytes=11_999)
        code.take(max_bytes=12_000)
    code.take(max_bytes=4000, exclude=("edited.bin", "untracked.bin"))


def test_a_file_that_shrank_counts_as_it_is(tmp_path: Path) -> None:
    code = repository(tmp_path / "repo")
    code.write("a.bin", b"x" * 4000)
    code.commit()
    code.take(max_bytes=4000)
    code.write("a.bin", b"y")
    code.write("b.bin", b"z" * 3000)
    code.take(max_bytes=3001)
