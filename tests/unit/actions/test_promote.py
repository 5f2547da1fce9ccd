"""A model's history: each line knows the one before it, whoever promotes at the same moment and whoever dies of it."""

from __future__ import annotations

import os

import pytest

from dying import die_at_every_step, race
from exptrack.actions.promote import demote, models, promote, why
from exptrack.actions.rollback import rollback
from exptrack.config import find_project
from exptrack.errors import Damaged, ExptrackError, NoSuchRun, Overtaken, Refused
from exptrack.store.place import open_store
from made import file_artifact, manifest, summary

IDS = [f"0{i}abcdefghjkmnpq" for i in range(10)]
TESTS = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))


@pytest.fixture
def runs(store):
    """Three finished runs, getting better."""
    for i, accuracy in enumerate((0.8, 0.9, 0.95)):
        store.records.add_manifest(manifest(IDS[i], name=f"run-{i}", metrics={"val/acc": summary(accuracy, "max")}))
    return IDS[:3]


@pytest.fixture
def strict(project, runs):
    """The same project with gates for churn-*."""
    with open(os.path.join(project.root, "exptrack.toml"), "w") as f:
        f.write('[promote."churn-*"]\nmetrics = ["val/acc >= 0.85"]\nbetter_than_current = "val/acc"\nclean = true\n')
    return find_project(project.root)


def history(store, model="m"):
    return [(p.sequence, p.run, p.previous) for p in store.records.promotions(model)]


def test_promotions_are_numbered_and_chained(project, store, runs):
    for run_id in runs:
        verdict, promotion = promote(project, store, run_id, "m", "better")
        assert (promotion.run, promotion.reason, promotion.gates) == (run_id, "better", verdict.gates)
        assert promotion.author
        assert verdict.is_allowed
    assert history(store) == [(1, runs[0], None), (2, runs[1], runs[0]), (3, runs[2], runs[1])]


def test_a_run_may_be_named_in_every_way(project, store, runs):
    assert promote(project, store, "run-1", "m", None)[1].run == runs[1]
    assert promote(project, store, "@", "m", None)[1].run == runs[2]
    assert promote(project, store, "m@1", "n", None)[1].run == runs[1]
    with pytest.raises(NoSuchRun):
        promote(project, store, "nobody", "m", None)


def test_promoting_what_is_current_changes_nothing(project, store, runs):
    first = promote(project, store, runs[0], "m", "first")[1]
    again = promote(project, store, runs[0], "m", "again")
    assert again[1] == first
    assert len(history(store)) == 1


def test_a_refusal_lists_every_unmet_gate_and_writes_nothing(strict, store, runs):
    with pytest.raises(Refused) as e:
        promote(strict, store, runs[0], "churn-prod", None)
    assert e.value.exit_code == 4
    assert "2 gates are not met" in e.value.message
    assert "val/acc >= 0.85: 0.8, wanted >= 0.85" in e.value.message
    assert "clean: not under git" in e.value.message
    assert f"exptrack why {runs[0]} churn-prod" in e.value.hint
    assert store.records.models() == []
    with pytest.raises(Refused) as e:
        promote(strict, store, runs[0], "churn-a b", None)
    assert f"exptrack why {runs[0]} 'churn-a b'`" in e.value.hint
    promote(strict, store, runs[0], "other", None)


def test_why_says_the_same_and_writes_nothing(strict, store, runs):
    verdict = why(strict, store, runs[0], "churn-prod")
    assert not verdict.is_allowed
    assert {g.gate: g.passed for g in verdict.gates} == {
        "status": True,
        "val/acc >= 0.85": False,
        "better_than_current val/acc": True,
        "clean": False,
    }
    assert verdict.current is None
    assert store.records.models() == []


def test_an_incomplete_run_is_refused(project, store):
    store.records.add_manifest(manifest(status="incomplete", missing=("metric val/acc",)))
    with pytest.raises(Refused, match="metric val/acc"):
        promote(project, store, "@", "m", None)


def test_a_run_whose_bytes_are_gone_is_refused(project, store):
    artifact = file_artifact(store, "model", "m.pt", b"m")
    store.records.add_manifest(manifest(artifacts=(artifact,)))
    os.unlink(store.objects.path(artifact.digest))
    with pytest.raises(Refused, match=r"missing: m\.pt"):
        promote(project, store, "@", "m", None)


def test_demote_leaves_a_model_without_a_current_run(project, store, runs):
    promote(project, store, runs[0], "m", None)
    gone = demote(store, "m", None)
    assert (gone.run, gone.previous, gone.sequence, gone.reason) == (None, runs[0], 2, "demoted")
    assert models(store, "m")[0].current is None
    with pytest.raises(ExptrackError, match="no current run") as e:
        demote(store, "m", None)
    assert e.value.exit_code == 1
    promote(project, store, runs[0], "m", None)
    assert history(store)[-1] == (3, runs[0], None)


def test_models_lists_all_or_one(project, store, runs):
    promote(project, store, runs[0], "b/x", None)
    promote(project, store, runs[1], "a", None)
    assert [(h.model, h.current) for h in models(store)] == [("a", runs[1]), ("b/x", runs[0])]
    with pytest.raises(NoSuchRun, match="no model c") as e:
        models(store, "c")
    assert "a, b/x" in e.value.hint


def test_an_empty_name_is_no_model_and_not_the_first_one(project, store, runs):
    """`exptrack demote "$UNSET"`."""
    promote(project, store, runs[0], "m", None)
    promote(project, store, runs[1], "m", None)
    for action in (
        lambda: demote(store, "", None),
        lambda: rollback(project, store, "", None, None),
        lambda: models(store, ""),
        lambda: promote(project, store, runs[2], "", None),
    ):
        with pytest.raises(ExptrackError, match="cannot name a model"):
            action()
    assert len(history(store)) == 2


def test_a_damaged_promotion_is_said_and_nothing_is_written_after_it(project, store, runs):
    promote(project, store, runs[0], "m", None)
    path = os.path.join(store.records.promotions_folder, "m", "1.json")
    with open(path, "wb") as f:
        f.write(b"{")
    with pytest.raises(Damaged):
        promote(project, store, runs[1], "m", None)
    assert os.listdir(os.path.dirname(path)) == ["1.json"]


# --- many at once ----------------------------------------------------------------------------------------------------

MADE = """
import os, sys
from made import manifest
from exptrack.actions import promote as module
from exptrack.config import find_project
from exptrack.errors import Overtaken
from exptrack.store.place import open_store
def go(root, who):
    project = find_project(root)
    return module.promote(project, open_store(project.store), f"0{who}abcdefghjkmnpq", "m", None)
"""
# Everybody has looked at the history before anybody writes.
TOGETHER = """
real = module.judge
def judge(*args):
    open(f"{sys.argv[4]}/looked-{sys.argv[3]}", "w").close()
    while len([n for n in os.listdir(sys.argv[4]) if n.startswith("looked")]) < 8:
        os.sched_yield()
    return real(*args)
module.judge = judge
"""
PROMOTE = """
try:
    print(go(sys.argv[4], sys.argv[3])[1].sequence)
except Overtaken as e:
    print("overtaken", e.exit_code)
"""


@pytest.fixture
def eight(project, store, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", TESTS, prepend=os.pathsep)
    for run_id in IDS[:8]:
        store.records.add_manifest(manifest(run_id))
    return project.root


def test_of_eight_that_saw_the_same_history_one_wins(eight, store):
    came = race(MADE + TOGETHER, PROMOTE, 8, eight)
    assert [code for code, _ in came] == [0] * 8
    said = [text.strip() for _, text in came]
    assert sorted(said) == ["1", *["overtaken 5"] * 7]
    assert history(store) == [(1, IDS[said.index("1")], None)]


def test_eight_at_once_leave_an_unbroken_chain(eight, store):
    came = race(MADE, PROMOTE, 8, eight)
    said = [text.strip() for _, text in came]
    numbers = sorted(int(s) for s in said if s != "overtaken 5")
    assert numbers == [*range(1, len(numbers) + 1)]
    lines = history(store)
    assert [n for n, _, _ in lines] == numbers
    assert [previous for _, _, previous in lines] == [None, *[run for _, run, _ in lines[:-1]]]
    for number, run, _ in lines:
        assert said[IDS.index(run)] == str(number), "who was told that it won has won"


def test_who_comes_too_late_is_told_to_look_again(project, store, runs, monkeypatch):
    from exptrack.actions import promote as module

    real = module.judge

    def judge(*args):
        monkeypatch.setattr(module, "judge", real)
        promote(project, store, runs[1], "m", None)
        return real(*args)

    monkeypatch.setattr(module, "judge", judge)
    with pytest.raises(Overtaken) as e:
        promote(project, store, runs[0], "m", None)
    assert (e.value.exit_code, "exptrack models m" in e.value.hint) == (5, True)
    assert history(store) == [(1, runs[1], None)]


def test_a_crash_at_any_step_leaves_the_promotion_or_none_and_can_be_repeated(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", TESTS, prepend=os.pathsep)
    setup = (
        "project = find_project(folder, create=True)\nstore = open_store(project.store, create=True)\n"
        f"store.records.add_manifest(manifest({IDS[0]!r}))\n"
    )
    code = f"module.promote(project, store, {IDS[0]!r}, 'm', None)"
    seen = set()
    for folder in die_at_every_step(code, tmp_path / "steps", prelude=MADE, setup=setup):
        project = find_project(str(folder), create=True)
        store = open_store(project.store)
        seen.add(tuple(history(store)))
        assert promote(project, store, IDS[0], "m", None)[1].sequence == 1
        assert history(store) == [(1, IDS[0], None)]
    assert seen == {(), ((1, IDS[0], None),)}
