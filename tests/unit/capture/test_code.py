"""Questions about recorded commits, answered by real repositories, or by None."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from code_folder import CodeFolder, repository
from exptrack.capture.code import branches_with, describe, email_of, is_reachable_from_remote


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    return repository(tmp_path / "repo")


def test_describe(code: CodeFolder) -> None:
    empty = describe(str(code.root))
    assert empty is not None
    assert (empty.commit, empty.branch, empty.is_dirty) == (None, "main", False)
    code.write("a/b.py")
    code.git("remote", "add", "origin", "https://me:canary@example.invalid/x.git")
    commit = code.commit()
    facts = describe(str(code.root / "a"))
    assert facts is not None
    assert (facts.root, facts.commit, facts.is_dirty) == (str(code.root), commit, False)
    assert facts.remotes == ("https://example.invalid/x.git",)
    code.write("new.py")
    code.git("checkout", "-q", "--detach")
    facts = describe(str(code.root))
    assert facts is not None
    assert (facts.branch, facts.is_dirty) == (None, True)


def test_reachable_from_a_remote(code: CodeFolder, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    code.git("init", "-q", "--bare", str(bare))
    code.git("remote", "add", "origin", str(bare))
    code.write("a.py", "1\n")
    pushed = code.commit()
    code.git("push", "-q", "origin", "main")
    code.write("a.py", "2\n")
    local = code.commit()
    root = str(code.root)
    assert is_reachable_from_remote(root, pushed) is True
    assert is_reachable_from_remote(root, local) is False
    assert is_reachable_from_remote(root, "f" * 40) is None


@pytest.mark.parametrize("text", ["--output=canary", "HEAD", "", "-" * 40, "main"])
def test_only_hashes_reach_git(code: CodeFolder, text: str) -> None:
    code.write("a.py")
    code.commit()
    assert is_reachable_from_remote(str(code.root), text) is None
    assert not (code.root / "canary^{commit}").exists()


def test_no_repository(tmp_path: Path) -> None:
    assert describe(str(tmp_path)) is None
    assert describe(str(tmp_path / "gone")) is None
    assert is_reachable_from_remote(str(tmp_path), "a" * 40) is None


def test_a_broken_or_distrusted_repository(code: CodeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    code.write("a.py")
    commit = code.commit()
    with monkeypatch.context() as m:
        m.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        assert describe(str(code.root)) is None
        assert is_reachable_from_remote(str(code.root), commit) is None
    (code.root / ".git" / "index").write_text("rubbish")
    assert describe(str(code.root)) is None


def test_no_git(code: CodeFolder) -> None:
    script = f"from exptrack.capture.code import describe; assert describe({str(code.root)!r}) is None"
    subprocess.run([sys.executable, "-c", script], check=True, env={"PATH": "/nowhere", "HOME": str(code.root)})


def test_branches_with_a_commit(code: CodeFolder, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    code.git("init", "-q", "--bare", "-b", "main", str(bare))
    code.git("remote", "add", "origin", str(bare))
    code.write("a.py", "1\n")
    first = code.commit()
    code.git("push", "-q", "origin", "main")
    code.git("remote", "set-head", "origin", "main")
    code.git("checkout", "-q", "-b", "feature/x")
    code.write("a.py", "2\n")
    second = code.commit()
    root = str(code.root)
    assert branches_with(root, first) == ("feature/x", "main", "origin/main")
    assert branches_with(root, second) == ("feature/x",)
    code.git("checkout", "-q", "--detach")
    code.git("branch", "-q", "-D", "feature/x")
    assert branches_with(root, second) == ()
    assert branches_with(root, "f" * 40) is None
    assert branches_with(root, "--all") is None
    assert branches_with(str(tmp_path), first) is None


def test_the_email_git_would_sign_with(code: CodeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(code.root)
    assert email_of(root) == "t@example.invalid"
    monkeypatch.delenv("GIT_AUTHOR_EMAIL")
    # Git would make one up from login and host name: nobody said that.
    assert email_of(root) is None
    code.git("config", "user.email", "Ada Lovelace <ada@example.invalid>")
    assert email_of(root) == "Ada Lovelace ada@example.invalid"
    assert email_of(str(tmp_path)) is None
