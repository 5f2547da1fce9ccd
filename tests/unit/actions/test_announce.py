"""Which hooks are told of what, and what they read."""

from __future__ import annotations

import json
import os
import shlex
import sys

import pytest

from exptrack.actions.announce import announce, announce_late, untold
from exptrack.actions.journal import Journal
from exptrack.actions.promote import demote, hooks_for, promote
from exptrack.actions.rollback import rollback
from exptrack.config import Config, Gates, find_project
from made import AN_ID, ANOTHER_ID, manifest, summary

WRITE = shlex.join([sys.executable, "-c", "import sys; open('told', 'a').write(sys.stdin.read())"])


@pytest.fixture
def told(project, store):
    """The project with a hook that writes down what it reads; call it for the messages so far."""
    store.records.add_manifest(manifest(metrics={"acc": summary(float("nan"))}))
    store.records.add_manifest(manifest(ANOTHER_ID))
    with open(os.path.join(project.root, "exptrack.toml"), "w") as f:
        f.write(f"[hooks]\non_promote = [{json.dumps(WRITE)}]\non_demote = [{json.dumps(WRITE)}]\n")

    def messages():
        with open(os.path.join(project.root, "told")) as f:
            return [json.loads(line) for line in f]

    messages.place = (find_project(project.root), store)
    return messages


def test_hooks_of_all_models_come_before_those_of_the_model():
    tables = (
        Gates("m*", on_promote=("b", "c"), on_demote=("y",)),
        Gates("other", on_promote=("no",)),
        Gates("*", on_promote=("d",)),
    )
    config = Config(on_promote=("a",), on_demote=("x",), gates=tables)
    assert hooks_for(config, "m", is_demotion=False) == ["a", "b", "c", "d"]
    assert hooks_for(config, "m", is_demotion=True) == ["x", "y"]


def test_each_change_is_told_with_its_line_of_history_and_the_run(told):
    place = told.place
    for run in (AN_ID, ANOTHER_ID):
        announce(*place, "promote", promote(*place, run, "m", "why")[1])
    announce(*place, "rollback", rollback(*place, "m", None, None).promotion)
    results = announce(*place, "demote", demote(place[1], "m", None))
    assert [(r.exit_code, r.problem) for r in results] == [(0, "")]
    first, second, back, gone = told()
    assert list(first) == ["action", "model", "previous", "promotion", "run"]
    assert [m["action"] for m in (first, second, back, gone)] == ["promote", "promote", "rollback", "demote"]
    assert (first["run"]["id"], first["previous"], first["promotion"]["reason"]) == (AN_ID, None, "why")
    assert first["run"]["models"] == ["m"]
    assert first["run"]["metrics"]["acc"]["last"] is None
    assert first["promotion"]["gates"][0]["gate"] == "status"
    assert (second["previous"], second["promotion"]["sequence"]) == (AN_ID, 2)
    assert (back["run"]["id"], back["previous"]) == (AN_ID, ANOTHER_ID)
    assert (gone["run"], gone["previous"], gone["promotion"]["run"]) == (None, AN_ID, None)


def test_without_hooks_nothing_runs(project, store):
    store.records.add_manifest(manifest())
    assert announce(project, store, "promote", promote(project, store, AN_ID, "m", None)[1]) == []


def test_one_that_fails_does_not_keep_the_next_from_being_told(told):
    project, store = told.place
    made = promote(project, store, AN_ID, "m", None)[1]
    project.config = project.config._replace(on_promote=("false", WRITE))
    assert [r.problem for r in announce(project, store, "promote", made)] == ["exited with 1", ""]
    assert len(told()) == 1


def test_who_was_not_told_is_known_and_told_late_once(told):
    project, store = told.place
    project.config = project.config._replace(on_promote=("true", WRITE))
    made = promote(project, store, AN_ID, "m", None)[1]
    assert untold(store, made) == ["true", WRITE]
    # Killed behind the first one.
    project.config = project.config._replace(on_promote=("true",))
    announce(project, store, "promote", made)
    assert untold(store, made) == [WRITE]
    project.config = project.config._replace(on_promote=("true", WRITE))
    assert [r.command for r in announce_late(project, store, made)] == [WRITE]
    assert [(m["action"], m["promotion"]["sequence"]) for m in told()] == [("promote", 1)]
    assert (untold(store, made), announce_late(project, store, made)) == ([], [])


def test_a_line_of_history_decides_of_no_command(told):
    """Who may write the store is not who may edit the policy file."""
    project, store = told.place
    made = promote(project, store, AN_ID, "m", None)[1]
    project.config = project.config._replace(on_promote=("true",))
    assert announce_late(project, store, made) == []
    assert untold(store, made) == [WRITE]


def test_words_that_somebody_forged_are_no_word_of_a_hook(told):
    project, store = told.place
    made = promote(project, store, AN_ID, "m", None)[1]
    for hook in (["true"], {}, None, 1):
        Journal(store).add(AN_ID, "told", {"model": "m", "sequence": 1, "hook": hook})
    Journal(store).add(AN_ID, "told", {"model": ["m"], "sequence": {}, "hook": WRITE})
    assert untold(store, made) == [WRITE]


def test_a_rollback_is_told_late_as_one(told):
    project, store = told.place
    for run in (AN_ID, ANOTHER_ID):
        announce(project, store, "promote", promote(project, store, run, "m", None)[1])
    announce_late(project, store, rollback(project, store, "m", None, None).promotion)
    assert told()[-1]["action"] == "rollback"
