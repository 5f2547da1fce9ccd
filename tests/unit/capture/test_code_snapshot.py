"""The tree of a snapshot is the work tree: tracked, dirty and untracked files as they lie there, and nothing else."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from code_folder import CodeFolder, repository


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    return repository(tmp_path / "repo")


def test_tracked_dirty_staged_and_untracked_files_are_there(code: CodeFolder) -> None:
    for name in ("clean.py", "dirty.py", "staged.py", "gone.py", "unstaged_removal.py"):
        code.write(name, f"# {name}\n")
    code.write(".gitignore", "ignored.py\n")
    commit = code.commit()
    code.write("dirty.py", "changed\n")
    code.write("staged.py", "staged\n")
    code.write("new.py", "staged new\n")
    code.git("add", "staged.py", "new.py")
    code.write("deep/er/untracked.py", "untracked\n")
    code.write("ignored.py")
    code.git("rm", "-q", "gone.py")
    (code.root / "unstaged_removal.py").unlink()

    state = code.take()

    assert code.content(state) == {
        ".gitignore": b"ignored.py\n",
        "clean.py": b"# clean.py\n",
        "dirty.py": b"changed\n",
        "staged.py": b"staged\n",
        "new.py": b"staged new\n",
        "deep/er/untracked.py": b"untracked\n",
    }
    assert (state.commit, state.branch, state.dirty) == (commit, "main", True)
    assert state.root == str(code.root)
    assert state.changed == ("dirty.py", "gone.py", "new.py", "staged.py", "unstaged_removal.py")
    assert state.untracked == ("deep/er/untracked.py",)
    assert code.warnings == []


def test_a_clean_repository_is_not_dirty(code: CodeFolder) -> None:
    code.write("a.py")
    code.commit()
    state = code.take()
    assert (state.dirty, state.changed, state.untracked, state.files) == (False, (), (), 1)


def test_modes_and_symlinks_are_kept_as_they_are(code: CodeFolder) -> None:
    code.write("run.sh", "#!/bin/sh\n", mode=0o755)
    code.write("data/plain.txt")
    (code.root / "link").symlink_to("data/plain.txt")
    (code.root / "folder-link").symlink_to("data")
    (code.root / "dangling").symlink_to("/nowhere/at all")
    code.commit()
    (code.root / "untracked-link").symlink_to("run.sh")
    code.write("now-executable.sh", mode=0o755)

    state = code.take()

    assert code.modes(state) == {
        "run.sh": "100755",
        "now-executable.sh": "100755",
        "data/plain.txt": "100644",
        "link": "120000",
        "folder-link": "120000",
        "dangling": "120000",
        "untracked-link": "120000",
    }
    assert code.content(state)["dangling"] == b"/nowhere/at all"
    assert code.content(state)["link"] == b"data/plain.txt"


def test_a_change_of_mode_alone_is_seen(code: CodeFolder) -> None:
    script = code.write("run.sh")
    code.commit()
    assert code.modes(code.take()) == {"run.sh": "100644"}
    script.chmod(0o755)
    assert code.modes(code.take()) == {"run.sh": "100755"}


def test_a_file_that_became_a_symlink_or_a_folder(code: CodeFolder) -> None:
    code.write("one", "file\n")
    code.write("two", "file\n")
    code.commit()
    (code.root / "one").unlink()
    (code.root / "one").symlink_to("two")
    (code.root / "two").unlink()
    code.write("two/inner.py", "inner\n")

    state = code.take()

    assert code.content(state) == {"one": b"two", "two/inner.py": b"inner\n"}
    assert code.modes(state)["one"] == "120000"


def test_odd_names_survive(code: CodeFolder) -> None:
    names = [
        "with space.py",
        "new\nline.py",
        'quo"te.py',
        "tab\t.py",
        "ünï.py",
        "日本.py",
        os.fsdecode(b"latin-\xe9.py"),
    ]
    for name in names[:4]:
        code.write(name, "tracked\n")
    code.commit()
    for name in names[4:]:
        code.write(name, "untracked\n")
    state = code.take()
    assert sorted(code.content(state)) == sorted(names)
    assert code.take().tree == state.tree


def test_line_ends_are_those_of_the_work_tree(code: CodeFolder) -> None:
    code.write(".gitattributes", "* text=auto\n")
    code.write("dos.txt", "one\r\ntwo\r\n")
    code.commit()
    assert code.content(code.take())["dos.txt"] == b"one\r\ntwo\r\n"
    code.write("dos.txt", "one\ntwo\n")  # the same blob to git, which calls the file clean
    code.git("add", "--renormalize", ".")
    assert code.git("status", "--porcelain") == ""
    assert code.content(code.take())["dos.txt"] == b"one\ntwo\n"


def test_converted_files_are_looked_at_although_git_calls_them_clean(code: CodeFolder) -> None:
    code.git("config", "core.autocrlf", "input")
    code.write("a.txt", "one\r\ntwo\n")
    code.commit()
    assert code.content(code.take())["a.txt"] == b"one\r\ntwo\n"
    code.write("a.txt", "one\ntwo\r\n")
    state = code.take()
    assert state.changed == ()
    assert code.content(state)["a.txt"] == b"one\ntwo\r\n"


@pytest.mark.parametrize("place", [".gitattributes", "sub/.gitattributes", ".git/info/attributes", "untracked"])
def test_files_behind_a_filter_are_looked_at_although_git_calls_them_clean(code: CodeFolder, place: str) -> None:
    """As notebooks with a filter that strips their outputs."""
    code.write("sub/book.ipynb", "code\noutput 1\n")
    code.write("train.py")
    code.git("config", "filter.strip.clean", "grep -v output")
    setting = "*.ipynb filter=strip\n"
    if place != "untracked":
        code.write(place, setting)
    code.commit()
    if place == "untracked":
        code.write(".gitattributes", setting)
        code.git("add", "--renormalize", "sub")
        code.git("commit", "-qm", "b")
    assert code.content(code.take())["sub/book.ipynb"] == b"code\noutput 1\n"
    code.write("sub/book.ipynb", "code\noutput 2\n")
    state = code.take()
    assert state.changed == ()
    assert code.content(state)["sub/book.ipynb"] == b"code\noutput 2\n"
    assert code.keeper.files == ["book.ipynb"] or place == "untracked"


def test_a_filter_set_later_outside_the_work_tree(
    code: CodeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code.write("book.ipynb", "output 1\n")
    code.commit()
    code.take()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    (tmp_path / "xdg" / "git").mkdir(parents=True)
    (tmp_path / "xdg" / "git" / "attributes").write_text("*.ipynb filter=same\n")
    code.git("config", "filter.same.clean", "echo output 1")
    code.take()
    code.write("book.ipynb", "output 2\n")
    state = code.take()
    assert state.changed == ()
    assert code.content(state)["book.ipynb"] == b"output 2\n"


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_files_hidden_from_git_are_not_hidden_from_us(code: CodeFolder, flag: str) -> None:
    code.write("settings.py", "lr = 1\n")
    code.write("absent.py")
    code.commit()
    code.git("update-index", flag, "settings.py", "absent.py")
    (code.root / "absent.py").unlink()
    assert code.content(code.take()) == {"settings.py": b"lr = 1\n"}
    code.write("settings.py", "lr = 2\n")
    assert code.content(code.take()) == {"settings.py": b"lr = 2\n"}


def test_secrets_are_left_out_and_named(code: CodeFolder) -> None:
    code.write(".env", "TOKEN=canary\n")
    code.write("conf/id_rsa", "canary\n")
    code.write("train.py")
    code.commit()
    code.write("new/.env", "TOKEN=canary\n")
    code.write(".env", "TOKEN=canary-2\n")

    state = code.take()

    assert list(code.content(state)) == ["train.py"]
    assert state.left_out == (".env", "conf/id_rsa", "new/.env")
    assert code.take().left_out == state.left_out
    assert not any(b"canary" in p.read_bytes() for p in code.beside.rglob("*") if p.is_file())


def test_excludes_reach_tracked_and_untracked_files(code: CodeFolder) -> None:
    for name in ("train.py", "data/a.csv", "data/deep/b.csv", "notes.md", "sub/notes.md", "keep/data/c.csv"):
        code.write(name)
    code.commit()
    code.write("data/new.csv")
    assert list(code.content(code.take(exclude=("data/*.csv", "notes.md", "/data/deep/")))) == [
        "keep/data/c.csv",
        "train.py",
    ]
    assert list(code.content(code.take(exclude=("data",)))) == ["notes.md", "sub/notes.md", "train.py"]
    assert list(code.content(code.take(exclude=("**/*.csv", "[mn]otes.*")))) == ["train.py"]
    assert len(code.content(code.take())) == 7


def test_our_own_folders_and_caches_are_no_code(code: CodeFolder) -> None:
    code.write("train.py")
    code.commit()
    code.write(".exptrack/live/x/start.json")
    code.write("pkg/__pycache__/a.cpython-311.pyc")
    code.write("myenv/pyvenv.cfg")
    code.write("myenv/lib/python3.11/site-packages/big.py")
    state = code.take()
    assert list(code.content(state)) == ["train.py"]
    assert state.dirty is False


def test_a_store_inside_the_repository_is_no_code(code: CodeFolder, tmp_path: Path) -> None:
    from exptrack.capture.snapshot import Snapshot

    code.write("train.py")
    code.write("runs/objects/ab/cd")
    snapshot = Snapshot.begin(
        str(code.root),
        exclude=(),
        max_bytes=1 << 20,
        folder=str(code.root / ".exptrack"),
        cache_folder=str(tmp_path / "cache"),
        store=str(code.root / "runs"),
    )
    snapshot.keep_dirty(code.keeper)
    assert list(code.content(code.complete(snapshot))) == ["train.py"]


def test_from_a_subfolder_the_whole_repository_is_taken(code: CodeFolder) -> None:
    code.write("lib/a.py")
    code.write("jobs/train.py")
    code.commit()
    code.write("lib/new.py")
    state = code.take(at="jobs")
    assert state.root == str(code.root)
    assert list(code.content(state)) == ["jobs/train.py", "lib/a.py", "lib/new.py"]
    assert code.warnings == []


def test_a_start_in_an_ignored_folder_is_told(code: CodeFolder) -> None:
    code.write(".gitignore", "scratch/\n")
    code.commit()
    code.write("scratch/train.py")
    assert "scratch/train.py" not in code.content(code.take(at="scratch"))
    assert code.warnings == ["git ignores scratch/: none of its files are in the code snapshot"]


@pytest.mark.parametrize("is_repository", [True, False])
def test_a_repository_inside_the_project(tmp_path: Path, is_repository: bool) -> None:
    """The project's folder counts where it is a repository itself; else the one the program runs in."""
    project = repository(tmp_path / "p") if is_repository else CodeFolder(tmp_path / "p")
    project.write("train.py")
    inner = repository(tmp_path / "p" / "inner")
    inner.write("a.py")
    state = project.take(cwd="inner")
    assert state.root == str(project.root if is_repository else inner.root)
    assert ("train.py" in project.content(state)) is is_repository


def test_before_the_first_commit(code: CodeFolder) -> None:
    code.write("staged.py")
    code.git("add", "staged.py")
    code.write("untracked.py")
    state = code.take()
    assert (state.commit, state.branch, state.dirty) == (None, "main", True)
    assert list(code.content(state)) == ["staged.py", "untracked.py"]


def test_an_empty_repository(code: CodeFolder) -> None:
    state = code.take()
    assert (state.files, state.dirty, state.commit) == (0, False, None)
    assert code.content(state) == {}


def test_detached_head(code: CodeFolder) -> None:
    code.write("a.py")
    commit = code.commit()
    code.git("checkout", "-q", "--detach")
    state = code.take()
    assert (state.commit, state.branch) == (commit, None)


def test_a_linked_work_tree(code: CodeFolder, tmp_path: Path) -> None:
    code.write("a.py", "main\n")
    code.commit()
    code.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    other = CodeFolder(tmp_path / "tree")
    other.write("a.py", "other\n")
    state = other.take()
    assert (state.root, state.branch) == (str(tmp_path / "tree"), "other")
    assert other.content(state) == {"a.py": b"other\n"}


def test_a_merge_with_conflicts_is_taken_with_its_markers(code: CodeFolder) -> None:
    code.write("a.py", "one\n")
    code.commit()
    code.git("checkout", "-qb", "side")
    code.write("a.py", "two\n")
    code.commit()
    code.git("checkout", "-q", "main")
    code.write("a.py", "three\n")
    code.commit()
    with pytest.raises(AssertionError, match="merge"):
        code.git("merge", "-q", "side")
    state = code.take()
    assert state.changed == ("a.py",)
    assert code.content(state)["a.py"].startswith(b"<<<<<<<")


def test_the_remote_is_recorded_without_credentials(code: CodeFolder) -> None:
    code.write("a.py")
    code.commit()
    code.git("remote", "add", "backup", "https://example.invalid/backup.git")
    code.git("remote", "add", "origin", "https://someone:canary@example.invalid/code.git")
    assert code.take().remote == "https://example.invalid/code.git"


def test_pipes_and_sockets_are_left_out(code: CodeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    code.write("was-a-file.py")
    code.write("a.py")
    code.commit()
    (code.root / "was-a-file.py").unlink()
    os.mkfifo(code.root / "was-a-file.py")
    monkeypatch.chdir(code.root)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("socket")
        state = code.take()
    assert list(code.content(state)) == ["a.py"]
    assert state.left_out == ("was-a-file.py",)


def test_the_repository_is_not_changed(code: CodeFolder) -> None:
    code.write("a.py")
    code.commit()
    os.utime(code.root / "a.py", (1, 1))  # what `git status` would write back into the index
    before = {p: p.read_bytes() for p in (code.root / ".git").rglob("*") if p.is_file()}
    code.take()
    assert {p: p.read_bytes() for p in (code.root / ".git").rglob("*") if p.is_file()} == before


def test_a_git_hooks_environment_does_not_mislead(
    code: CodeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code.write("a.py")
    commit = code.commit()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    snapshot = code.begin()
    snapshot.keep_dirty(code.keeper)
    state = code.complete(snapshot)
    assert (state.commit, state.files) == (commit, 1)
