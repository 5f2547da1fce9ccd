"""May a run become current? Every gate says what it found, what it wants and what would change it."""

from __future__ import annotations

import math
import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from code_folder import repository
from exptrack.actions.gates.judge import judge, unmet
from exptrack.config import Gates
from exptrack.model import Artifact, CodeState, StoredFile
from exptrack.store.trees import encode_tree
from judged import case_of
from made import ANOTHER_ID, digest_of, file_artifact, run, summary


def gates_of(store, made, *gates, goals=(), **more):
    return judge(case_of(store, made, *gates, goals=dict(goals), **more))


def the(gates, name):
    (found,) = [g for g in gates if g.gate.startswith(name)]
    assert found.passed or found.hint, "an unmet gate says what to do"
    return found


def metrics(**values):
    return {name.replace("_", "/"): summary(value) for name, value in values.items()}


def test_a_finished_run_may_without_any_policy(store):
    gates = gates_of(store, run())
    assert unmet(gates) == []
    assert [g.gate for g in gates] == ["status"]


@pytest.mark.parametrize("status", ["running", "incomplete", "failed", "killed", "lost"])
def test_no_other_status_may(store, status):
    gate = the(gates_of(store, run(status=status)), "status")
    assert (gate.passed, gate.value, gate.wanted) == (False, status, "finished")


def test_everything_mandatory_that_is_missing_is_a_gate(store):
    gates = gates_of(store, run(status="incomplete", missing=("metric val/acc", "output model")))
    assert [g.gate for g in unmet(gates)] == ["status", "metric val/acc", "output model"]


@pytest.mark.parametrize(
    ("tables", "passed"),
    [
        ((), False),
        ((None,), False),
        ((True,), True),
        ((False,), False),
        ((True, None), True),
        ((True, False), False),
    ],
)
def test_a_run_that_passed_the_policy_by_needs_a_gate_that_accepts_it(store, tables, passed):
    made = run(policy_bypassed="trying")
    gate = the(gates_of(store, made, *(Gates("m", bypassed=b) for b in tables)), "policy")
    assert (gate.passed, gate.value) == (passed, "passed by: trying")
    assert passed or "bypassed = true in [promote.m]" in gate.hint


def test_the_table_that_would_accept_it_is_named_as_toml_has_it(store):
    case = the(gates_of(store, run(policy_bypassed="trying"), model='a/b "c"'), "policy")
    head = case.hint.partition(" in ")[2]
    assert tomllib.loads(head) == {"promote": {'a/b "c"': {}}}


BOUNDS = [
    (">= 0.9", 0.9, True),
    (">= 0.9", 0.899, False),
    ("> 0.9", 0.9, False),
    ("<= 0.9", 0.9, True),
    ("< 0.9", 0.9, False),
    ("== 1", 1.0, True),
    ("== 1", 1.1, False),
    (">= -1e-3", -0.0005, True),
    (">= 1_000", 999.0, False),
    ("<= 1e308", math.inf, False),
    (">= 0.9", math.inf, True),
    *((f"{op} 0.9", math.nan, False) for op in (">=", "<=", "==", ">", "<")),
]


@pytest.mark.parametrize(("bound", "value", "passed"), BOUNDS)
def test_a_bound_is_on_the_last_value_and_nan_meets_none(store, bound, value, passed):
    made = run(metrics={"val/acc": summary(value, first=0.9, min=0.9, max=0.9, best=0.9)})
    gate = the(gates_of(store, made, Gates("m", metrics=(f"val/acc {bound}",))), "val/acc")
    assert gate.passed is passed
    assert str(gate.value) == str(value)
    assert gate.wanted == f"{bound.split()[0]} {float(bound.split()[1]):g}"


def test_a_metric_the_run_has_not_names_those_it_has(store):
    gate = the(gates_of(store, run(metrics=metrics(acc=1)), Gates("m", metrics=("val/acc >= 0.9",))), "val/acc")
    assert (gate.passed, gate.value) == (False, None)
    assert "it has: acc" in gate.hint


def test_gates_come_from_every_table_whose_name_matches(store):
    tables = (Gates("*", metrics=("a > 0",)), Gates("m-*", metrics=("b > 0",)), Gates("other", metrics=("c > 0",)))
    gates = gates_of(store, run(), *tables, model="m-prod")
    assert [g.gate for g in unmet(gates)] == ["a > 0", "b > 0"]


# --- better than the current one -------------------------------------------------------------------------------------


def better(store, value, before, *, goal="max", min_delta=0.0, name="val/acc"):
    made, current = run(metrics={name: summary(value)}), run(ANOTHER_ID, metrics={name: summary(before)})
    table = Gates("m", better_than_current=name, min_delta=min_delta)
    goals = {name: goal} if goal else {}
    return the(gates_of(store, made, table, current=current, goals=goals), "better_than_current")


@pytest.mark.parametrize(
    ("goal", "value", "before", "min_delta", "passed"),
    [
        ("max", 0.91, 0.90, 0.0, True),
        ("max", 0.90, 0.90, 0.0, False),
        ("max", 0.89, 0.90, 0.0, False),
        ("min", 0.89, 0.90, 0.0, True),
        ("min", 0.91, 0.90, 0.0, False),
        ("max", 0.905, 0.90, 0.01, False),
        ("max", 0.94, 0.93, 0.01, True),
        ("max", 0.3, 0.2, 0.1, True),
        ("min", 0.2, 0.3, 0.1, True),
        ("max", math.nan, 0.90, 0.0, False),
        ("max", 0.5, math.nan, 0.1, True),
        ("min", 0.5, math.nan, 0.1, True),
        ("max", math.nan, math.nan, 0.0, False),
        ("min", 0.5, math.inf, 0.1, True),
        ("max", math.inf, math.inf, 0.0, False),
        ("max", 0.91, 0.90, -1.0, True),
        ("max", 0.90, 0.90, -1.0, False),
    ],
)
def test_better_means_more_by_the_goal_and_by_enough(store, goal, value, before, min_delta, passed):
    assert better(store, value, before, goal=goal, min_delta=min_delta).passed is passed


def test_a_run_that_is_not_better_is_told_by_how_much(store):
    gate = better(store, 0.905, 0.90, min_delta=0.01)
    assert gate.wanted == "> 0.9 by 0.01"
    assert ANOTHER_ID in gate.hint


def test_the_name_says_the_goal_when_the_policy_does_not(store):
    assert better(store, 0.91, 0.90, goal=None, name="val/acc").passed
    assert better(store, 0.89, 0.90, goal=None, name="val/loss").passed


def test_the_goal_of_today_judges_and_not_the_one_of_the_seal(store):
    made = run(metrics={"odd": summary(2.0, "min")})
    before = run(ANOTHER_ID, metrics={"odd": summary(1.0, "min")})
    table = Gates("m", better_than_current="odd")
    assert the(gates_of(store, made, table, current=before, goals={"odd": "max"}), "better").passed
    assert not the(gates_of(store, made, table, current=before), "better").passed


def test_without_any_goal_it_asks_for_one(store):
    gate = better(store, 2.0, 1.0, goal=None, name="odd")
    assert not gate.passed
    assert '"odd" = "max"' in gate.hint


def test_the_first_run_of_a_model_and_the_current_one_again_are_better_than_none(store):
    made, table = run(metrics=metrics(val_acc=0.5)), Gates("m", better_than_current="val/acc")
    for current in (None, made):
        gate = the(gates_of(store, made, table, current=current), "better")
        assert (gate.passed, gate.value) == (True, 0.5)


def test_a_metric_one_of_the_two_has_not_is_said(store):
    table, has, has_not = Gates("m", better_than_current="val/acc"), run(metrics=metrics(val_acc=0.5)), run(ANOTHER_ID)
    gate = the(gates_of(store, has, table, current=has_not), "better")
    assert (gate.passed, gate.value, gate.wanted) == (True, 0.5, "better than the current run: it has no value")
    for current in (has, None):
        gate = the(gates_of(store, has_not, table, current=current), "better")
        assert (gate.passed, gate.value) == (False, None)
        assert "this run has none" in gate.hint


# --- code and outputs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "passed", "value"),
    [
        (CodeState(commit="abc", dirty=False), True, "committed"),
        (CodeState(commit="abc", dirty=True, changed=("a",), untracked=("b", "c")), False, "3 uncommitted files"),
        (CodeState(commit=None, dirty=None), False, "not under git"),
        (CodeState(commit="abc", dirty=None), False, "0 uncommitted files"),
    ],
)
def test_clean_wants_committed_code(store, code, passed, value):
    gate = the(gates_of(store, run(code=code), Gates("m", clean=True)), "clean")
    assert (gate.passed, gate.value) == (passed, value)


def test_pushed_wants_a_commit_that_a_remote_has(store, tmp_path):
    code_folder = repository(tmp_path / "repo")
    code_folder.git("init", "-q", "--bare", str(tmp_path / "bare.git"))
    code_folder.git("remote", "add", "origin", str(tmp_path / "bare.git"))
    code_folder.write("a.py", "1\n")
    commit = code_folder.commit()
    made = run(code=CodeState(root=str(code_folder.root), commit=commit, dirty=False))
    assert the(gates_of(store, made, Gates("m", pushed=True)), "pushed").value == "only here"
    code_folder.git("push", "-q", "origin", "main")
    assert the(gates_of(store, made, Gates("m", pushed=True)), "pushed").passed
    nowhere = run(code=CodeState(root=str(tmp_path), commit="0" * 40, dirty=False))
    assert not the(gates_of(store, nowhere, Gates("m", pushed=True)), "pushed").passed


def test_an_output_that_must_be_kept(store):
    table = Gates("m", outputs=("model", "tokenizer"))
    gates = gates_of(store, run(artifacts=(file_artifact(store, "model", "m.pt", b"m"),)), table)
    assert [g.gate for g in unmet(gates)] == ["output tokenizer"]
    assert "-o tokenizer=PATH" in unmet(gates)[0].hint


def test_kept_outputs_must_still_be_in_the_store(store):
    made = run(artifacts=(file_artifact(store, "model", "m.pt", b"m"), file_artifact(store, "split", "s", b"s")))
    assert the(gates_of(store, made), "outputs in store").passed
    os.unlink(store.objects.path(digest_of(b"m")))
    gate = the(gates_of(store, made), "outputs in store")
    assert (gate.passed, gate.value) == (False, "missing: m.pt")
    assert f"exptrack verify {made.id}" in gate.hint


def test_a_kept_folder_is_there_when_its_files_are(store):
    files = [StoredFile(path=n, digest=store.objects.add_bytes(n.encode()), size=1) for n in "ab"]
    tree = Artifact(kind="model", path="out", digest=store.objects.add_bytes(encode_tree(files)), size=2, is_tree=True)
    made = run(artifacts=(tree,))
    assert the(gates_of(store, made), "outputs in store").passed
    os.unlink(store.objects.path(digest_of(b"b")))
    assert the(gates_of(store, made), "outputs in store").value == "missing: out/b"


@pytest.mark.parametrize("digest", ["../x", digest_of(b"no tree")])
def test_forged_outputs_are_not_there(store, digest):
    store.objects.add_bytes(b"no tree")
    forged = Artifact(kind="model", path="out", digest=digest, size=1, is_tree=True)
    assert not the(gates_of(store, run(artifacts=(forged,))), "outputs in store").passed


def test_all_unmet_gates_are_there_at_once(store):
    table = Gates("m", metrics=("a > 1", "b > 1"), better_than_current="a", clean=True, outputs=("model",))
    table = table._replace(branches=("main",), pushed=True, same_inputs=("test",), reproduced="1d", approvals=1)
    gates = gates_of(store, run(status="failed"), table, current=run(ANOTHER_ID))
    assert [g.gate for g in unmet(gates)] == [
        "status",
        "a > 1",
        "b > 1",
        "better_than_current a",
        "clean",
        "branch main",
        "pushed",
        "same input test",
        "output model",
        "reproduced 1d",
        "approvals 1",
    ]


def test_altered_bytes_are_not_promoted(store):
    made = run(artifacts=(file_artifact(store, "model", "m.pt", b"m"),))
    path = store.objects.path(made.manifest.artifacts[0].digest)
    os.chmod(path, 0o600)
    with open(path, "ab") as f:
        f.write(b"!")
    gate = the(gates_of(store, made), "outputs in store")
    assert (gate.passed, gate.value) == (False, "altered: m.pt")
    assert "how to repair" in gate.hint


def test_freed_missing_and_altered_bytes_are_told_apart(store):
    made = run(artifacts=tuple(file_artifact(store, "model", n, n.encode()) for n in ("freed", "gone", "wrong")))
    for name in ("freed", "gone"):
        os.unlink(store.objects.path(digest_of(name.encode())))
    os.chmod(path := store.objects.path(digest_of(b"wrong")), 0o600)
    Path(path).write_bytes(b"other")
    made = replace(made, expired=(digest_of(b"freed"),), expired_at="2026-11-22T21:54:03.120Z")
    gate = the(gates_of(store, made), "outputs in store")
    assert gate.value == "freed 2026-11-22: freed; missing: gone; altered: wrong"
    assert (
        f"freed: `exptrack undo gc` while they are in the trash; afterwards `exptrack reproduce {made.id}`" in gate.hint
    )
