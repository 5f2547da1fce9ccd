"""Back to an earlier run: which one, and what may keep one from it: bytes, and nothing else."""

from __future__ import annotations

import os

import pytest

from exptrack.actions.promote import demote, promote
from exptrack.actions.rollback import rollback
from exptrack.config import find_project
from exptrack.errors import Damaged, ExptrackError, NoSuchRun
from exptrack.model import Event
from made import file_artifact, manifest, summary

IDS = [f"0{i}abcdefghjkmnpq" for i in range(3)]


@pytest.fixture
def runs(store):
    """Three finished runs, getting better, each with its own weights."""
    for i, accuracy in enumerate((0.8, 0.9, 0.95)):
        model = file_artifact(store, "model", "m.pt", b"weights %d" % i)
        metrics = {"val/acc": summary(accuracy, "max")}
        store.records.add_manifest(manifest(IDS[i], name=f"run-{i}", metrics=metrics, artifacts=(model,)))
    return IDS


def history(store):
    return [(p.sequence, p.run, p.previous) for p in store.records.promotions("m")]


def stricter(project, **gates):
    """The project after somebody changed its policy."""
    with open(os.path.join(project.root, "exptrack.toml"), "w") as f:
        f.write("[promote.m]\n" + "\n".join(f"{key} = {value}" for key, value in gates.items()))
    return find_project(project.root)


def test_rollback_goes_to_the_last_other_run_or_to_a_number(project, store, runs):
    for run_id in runs:
        promote(project, store, run_id, "m", None)
    assert rollback(project, store, "m", None, None).promotion.run == runs[1]
    back = rollback(project, store, "m", 1, None).promotion
    assert (back.run, back.previous, back.sequence, back.reason) == (runs[0], runs[1], 5, "rolled back to 1")
    for number in (0, 9, 99):
        with pytest.raises(ExptrackError, match=f"no promotion {number}") as e:
            rollback(project, store, "m", number, None)
        assert e.value.exit_code == 3


def test_rollbacks_in_a_row_go_further_back_and_never_forward(project, store, runs):
    for run_id in runs:
        promote(project, store, run_id, "m", None)
    assert [rollback(project, store, "m", None, None).promotion.run for _ in range(2)] == [runs[1], runs[0]]
    with pytest.raises(ExptrackError, match="no earlier run"):
        rollback(project, store, "m", None, None)
    # Promoted again, it is a run to go back from; what was rolled back from is still none to go back to.
    promote(project, store, runs[2], "m", None)
    assert rollback(project, store, "m", None, "odd").promotion.run == runs[0]


def test_a_run_promoted_a_second_time_lies_on_top(project, store, runs):
    for n in (0, 1, 0):
        promote(project, store, runs[n], "m", None)
    assert [rollback(project, store, "m", None, None).promotion.run for _ in range(2)] == [runs[1], runs[0]]


def test_what_was_rolled_back_from_can_be_named(project, store, runs):
    for run_id in runs:
        promote(project, store, run_id, "m", None)
    rollback(project, store, "m", 1, None)
    assert rollback(project, store, "m", 3, None).promotion.run == runs[2]
    assert rollback(project, store, "m", None, None).promotion.run == runs[0]


def test_a_rollback_to_what_is_current_adds_nothing(project, store, runs):
    promote(project, store, runs[0], "m", None)
    with pytest.raises(ExptrackError, match="is current already") as e:
        rollback(project, store, "m", 1, None)
    assert e.value.exit_code == 1
    assert len(history(store)) == 1


def test_a_mistyped_model_is_asked_about(project, store, runs):
    promote(project, store, runs[0], "churn-prod", None)
    with pytest.raises(NoSuchRun) as e:
        rollback(project, store, "chrun-prod", None, None)
    assert e.value.hint == "did you mean `churn-prod`?"


def test_a_rollback_to_a_demotion_says_what_it_was(project, store, runs):
    promote(project, store, runs[0], "m", None)
    demote(store, "m", None)
    with pytest.raises(ExptrackError, match="promotion 2 of m was a demotion") as e:
        rollback(project, store, "m", 2, None)
    assert e.value.exit_code == 1


def test_there_is_nothing_before_the_first_promotion(project, store, runs):
    promote(project, store, runs[0], "m", None)
    with pytest.raises(ExptrackError, match="no earlier run"):
        rollback(project, store, "m", None, None)


def test_a_rollback_after_a_demotion_brings_the_run_back(project, store, runs):
    promote(project, store, runs[0], "m", None)
    demote(store, "m", None)
    assert rollback(project, store, "m", None, None).promotion.run == runs[0]


def test_a_rollback_to_a_run_that_is_gone_is_refused(project, store, runs):
    promote(project, store, runs[0], "m", None)
    promote(project, store, runs[1], "m", None)
    os.unlink(os.path.join(store.records.runs, runs[0] + ".json"))
    with pytest.raises(NoSuchRun):
        rollback(project, store, "m", None, None)
    assert len(history(store)) == 2


def test_gates_of_today_keep_nobody_from_going_back_and_are_told(project, store, runs):
    for run_id in runs[:2]:
        promote(project, store, run_id, "m", None)
    strict = stricter(project, metrics='["val/acc >= 0.85"]', better_than_current='"val/acc"', approvals="1")
    done = rollback(strict, store, "m", None, None)
    assert done.promotion.run == runs[0]
    # Not that it is no better than the run that is left: that is why one goes back, or beside the point.
    assert [(g.gate, g.value) for g in done.unmet] == [("val/acc >= 0.85", 0.8), ("approvals 1", None)]
    assert done.unasked == ""
    assert not done.promotion.gates
    assert rollback(strict, store, "m", 2, None).unmet[0].gate == "approvals 1"


def test_gates_that_cannot_be_asked_keep_nobody_either(project, store, runs):
    for run_id in runs[:2]:
        promote(project, store, run_id, "m", None)
    event = Event(id=IDS[2], run=runs[0], action="approve", at="2026-11-22T21:58:00.000Z", author="bob")
    store.records.add_event(event)
    path = os.path.join(store.records.events, IDS[2] + ".json")
    os.chmod(path, 0o600)
    with open(path, "w") as f:
        f.write("{" + runs[0])
    done = rollback(stricter(project, approvals="1"), store, "m", None, None)
    assert (done.promotion.run, done.unmet) == (runs[0], ())
    assert "event" in done.unasked


@pytest.mark.parametrize(("harm", "word"), [("missing", "missing: m.pt"), ("altered", "altered: m.pt")])
def test_bytes_that_are_not_whole_keep_one_from_going_back(project, store, runs, harm, word):
    for run_id in runs:
        promote(project, store, run_id, "m", None)
    path = store.objects.path(store.records.manifest(runs[1]).artifacts[0].digest)
    if harm == "missing":
        os.unlink(path)
    else:
        os.chmod(path, 0o600)
        with open(path, "r+b") as f:
            f.write(b"W")
    with pytest.raises(Damaged, match=word) as e:
        rollback(project, store, "m", None, None)
    assert (e.value.exit_code, "`exptrack rollback m N`" in e.value.hint) == (6, True)
    assert len(history(store)) == 3
    assert rollback(project, store, "m", 1, None).promotion.run == runs[0]


def test_a_name_that_a_shell_would_obey_is_quoted_in_what_is_to_be_typed(project, store, runs):
    name = "m; rm -r x"
    promote(project, store, runs[0], name, None)
    for wrong, hint in ((None, "models 'm; rm -r x'"), (9, "models 'm; rm -r x'")):
        with pytest.raises(ExptrackError) as e:
            rollback(project, store, name, wrong, None)
        assert f"`exptrack {hint}`" in e.value.hint
