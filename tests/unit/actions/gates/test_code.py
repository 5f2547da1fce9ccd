"""Gates on code ask the repository as it is now, here or where the run was."""

from __future__ import annotations

import pytest

from code_folder import CodeFolder, repository
from exptrack.actions.gates.code import branch_gate, pushed_gate
from exptrack.config import Gates
from exptrack.model import CodeState
from judged import case_of, checked
from made import run


@pytest.fixture
def code(tmp_path) -> CodeFolder:
    folder = repository(tmp_path / "repo")
    folder.write("a.py", "1\n")
    folder.commit()
    return folder


def at(code: CodeFolder, commit: str | None, **state):
    return run(code=CodeState(root=str(code.root), commit=commit, **state))


def asked(store, made, *branches, **more):
    table = Gates("m", branches=branches)
    return checked(branch_gate(case_of(store, made, table, **more), table))


def test_a_commit_counts_when_it_has_got_to_the_branch(store, code):
    code.git("checkout", "-q", "-b", "feature/x")
    code.write("a.py", "2\n")
    commit = code.commit()
    gate = asked(store, at(code, commit, branch="main"), "main")
    assert (gate.gate, gate.passed, gate.value) == ("branch main", False, "only on feature/x")
    assert "merge" in gate.hint
    code.git("checkout", "-q", "main")
    code.git("merge", "-q", "--no-ff", "-m", "merged", "feature/x")
    assert asked(store, at(code, commit), "main").passed


@pytest.mark.parametrize(
    ("branches", "passed"),
    [
        (("main",), True),
        (("origin/main",), True),
        (("release/*", "ma*"), True),
        (("release/*",), False),
        (("mai",), False),
    ],
)
def test_branches_of_remotes_count_as_this_clone_knows_them(store, code, tmp_path, branches, passed):
    code.git("init", "-q", "--bare", "-b", "main", str(tmp_path / "bare.git"))
    code.git("remote", "add", "origin", str(tmp_path / "bare.git"))
    code.git("push", "-q", "origin", "main")
    commit = code.git("rev-parse", "HEAD").strip()
    code.git("checkout", "-q", "--detach")
    code.git("branch", "-q", "-D", "main")
    gate = asked(store, at(code, commit), *branches)
    assert gate.passed is passed
    assert gate.gate == f"branch {' or '.join(branches)}"


def test_a_commit_on_no_branch(store, code):
    code.git("checkout", "-q", "--detach")
    code.write("a.py", "2\n")
    assert asked(store, at(code, code.commit()), "main").value == "on no branch"


@pytest.mark.parametrize("commit", [None, "0" * 40])
def test_where_no_repository_knows_the_commit_the_gate_is_not_met(store, code, commit):
    gate = asked(store, at(code, commit, branch="main"), "main")
    assert (gate.passed, gate.value) == (False, "unknown: no such commit in this clone")


def test_a_run_of_another_machine_is_looked_for_in_this_project(store, code):
    commit = code.git("rev-parse", "HEAD").strip()
    made = run(code=CodeState(root="/nowhere", commit=commit, dirty=False))
    assert not asked(store, made, "main").passed
    assert asked(store, made, "main", root=str(code.root)).passed
    gate = checked(pushed_gate(case_of(store, made, root=str(code.root))))
    assert gate.value == "only here"
