"""What git says, as it says it: formats, failures, and places that are or are not repositories."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from code_folder import repository
from exptrack.capture import git


def test_status_of_a_rename_and_odd_names() -> None:
    data = (
        b"# branch.oid 0123\0# branch.head feature/x\0# branch.upstream origin/feature/x\0# branch.ab +1 -0\0"
        b"1 .M N... 100644 100644 100644 aa bb with space.py\0"
        b"2 R. N... 100644 100644 100644 aa bb R100 new\nname.py\0old name.py\0"
        b"u UU N... 100644 100644 100644 100644 aa bb cc conflict.py\0"
        b"? caf\xe9\0? nested/\0! ignored\0"
    )
    status = git.parse_status(data)
    assert (status.commit, status.branch, status.upstream) == ("0123", "feature/x", "origin/feature/x")
    assert status.changed == ["with space.py", "new\nname.py", "old name.py", "conflict.py"]
    assert status.untracked == ["caf\udce9", "nested/"]


def test_status_before_the_first_commit_and_of_no_branch() -> None:
    status = git.parse_status(b"# branch.oid (initial)\0# branch.head (detached)\0")
    assert (status.commit, status.branch) == (None, None)
    assert git.parse_status(b"").changed == []


def test_listing() -> None:
    data = b"H 100644 aa 0\ta.py\0S 100644 bb 0\tsparse.py\0M 100644 cc 1\tx\0M 100644 dd 2\tx\0"
    assert git.parse_listing(data) == {"a.py": "H 100644 aa 0", "sparse.py": "S 100644 bb 0", "x": "M 100644 dd 2"}


@pytest.mark.parametrize(
    ("upstream", "url"),
    [("backup/main", "B"), ("team/fork/main", "T"), (None, "O"), ("gone/main", "O")],
)
def test_the_remote_is_the_branchs_own(upstream: str | None, url: str) -> None:
    found = {"remote.backup.url": "B", "remote.origin.url": "O", "remote.team/fork.url": "T", "core.autocrlf": "true"}
    assert git.remote_url(found, upstream) == url
    assert git.remote_url({"remote.only.url": "X"}, None) == "X"
    assert git.remote_url({}, "origin/main") is None


def test_places(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    repo.write("a/b/c.py")
    (tmp_path / "fake" / ".git").mkdir(parents=True)
    assert git.find_root(str(repo.root / "a/b")) == str(repo.root)
    assert git.find_root(str(tmp_path)) is None
    assert git.find_root(str(tmp_path / "fake")) is None


def test_the_index_key_follows_the_index(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    root = str(repo.root)
    assert git.index_key(root) == ""
    repo.write("a.py")
    repo.commit()
    first = git.index_key(root)
    assert first == git.index_key(root) != ""
    repo.git("config", "index.skipHash", "true")
    repo.git("update-index", "--chmod=+x", "a.py")
    assert git.index_key(root) != first


def test_failures_carry_gits_words(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    with pytest.raises(git.GitTrouble, match="no-such-branch"):
        git.ask(str(repo.root), "log", "no-such-branch")
    with pytest.raises(git.GitTrouble, match="not a git repository"):
        git.ask(str(tmp_path), "status")


def test_more_output_than_a_pipe_holds_waits_for_nobody(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    for i in range(1500):
        repo.write("f/" + f"{i:0100}", "")
    job = git.start(str(repo.root), git.STATUS)
    os.waitid(os.P_PID, job.pid, os.WEXITED | os.WNOWAIT)  # it ends although nobody reads
    assert len(git.parse_status(git.finish(job)).untracked) == 1500


def test_files_as_git_would_check_them_out(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    repo.write(".gitattributes", "*.txt text eol=crlf\n")
    repo.write("a b.txt", "one\r\n")
    repo.write("odd\nname", "odd\n", mode=0o755)
    repo.write("empty", "")
    repo.commit()
    target = tmp_path / "target"
    target.mkdir()
    (repo.root / "a b.txt").unlink()
    git.check_out(str(repo.root), ["a b.txt", "odd\nname", "empty", "not-there"], str(target))
    assert {p.name: p.read_bytes() for p in target.iterdir()} == {
        "a b.txt": b"one\r\n",
        "odd\nname": b"odd\n",
        "empty": b"",
    }
    assert (target / "odd\nname").stat().st_mode & 0o111
    assert not (repo.root / "a b.txt").exists()


def test_files_git_does_not_have(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    target = tmp_path / "target"
    target.mkdir()
    (repo.root / ".git" / "index").write_text("rubbish")
    with pytest.raises(git.GitTrouble, match="index"):
        git.check_out(str(repo.root), ["a"], str(target))


@pytest.mark.parametrize("closed", [(0,), (0, 1), (0, 1, 2)])
def test_it_works_with_standard_streams_closed(tmp_path: Path, closed: tuple[int, ...]) -> None:
    repo = repository(tmp_path / "repo")
    repo.write("a.py")
    script = (
        f"import os\nfor fd in {closed}: os.close(fd)\nfrom exptrack.capture import git\n"
        f"out = git.ask({str(repo.root)!r}, *git.STATUS)\n"
        f"open({str(tmp_path / 'said')!r}, 'wb').write(out)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    assert b"? a.py" in (tmp_path / "said").read_bytes()


def test_it_works_where_ended_processes_are_not_told(tmp_path: Path) -> None:
    """SIGCHLD ignored, as some launchers leave it: waitpid then has nothing to say."""
    repo = repository(tmp_path / "repo")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert b"branch.head main" in git.ask(str(repo.root), *git.STATUS)
        with pytest.raises(git.GitTrouble, match="not a git repository"):
            git.ask(str(tmp_path), "status")
    finally:
        signal.signal(signal.SIGCHLD, before)
