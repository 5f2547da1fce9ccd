"""Somebody else says that a run may be promoted: recorded beside the run, once a person, never by an owner."""

from __future__ import annotations

import os

import pytest

from exptrack.actions.approve import approve, withdraw
from exptrack.actions.ledger import manifest_digest
from exptrack.actions.promote import promote
from exptrack.config import find_project
from exptrack.errors import ExptrackError, Refused
from made import AN_ID, ANOTHER_ID, manifest


@pytest.fixture(autouse=True)
def bob(monkeypatch):
    monkeypatch.setenv("EXPTRACK_AUTHOR", "bob")


@pytest.fixture
def asking(project, store):
    """The project with a gate that asks for one approval, and a run of ada's with the owner vision."""
    store.records.add_manifest(manifest(tags={"owner": "vision"}))
    with open(os.path.join(project.root, "exptrack.toml"), "w") as f:
        f.write("[promote.m]\napprovals = 1\n")
    return find_project(project.root)


def events(store):
    return [(e.action, e.author, e.data) for e in store.records.events_about(AN_ID)]


def test_an_approval_is_recorded_and_promotes_nothing(asking, store):
    done = approve(asking, store, "@", "m", "read the errors, ghp_" + "a" * 36)
    assert (done.is_new, done.verdict.is_allowed) == (True, True)
    [(action, author, data)] = events(store)
    assert (action, author) == ("approve", "bob")
    assert (data["model"], data["manifest"]) == ("m", manifest_digest(store.records, AN_ID))
    assert data["reason"].startswith("read the errors, ")
    assert "ghp_" not in data["reason"]
    assert store.records.models() == []


def test_with_it_the_run_may_be_promoted_and_the_promotion_vouches_for_it(asking, store):
    with pytest.raises(Refused, match="approvals 1"):
        promote(asking, store, AN_ID, "m", None)
    given = approve(asking, store, AN_ID, "m", None).event
    _, made = promote(asking, store, AN_ID, "m", None)
    assert list(made.evidence) == [given.id]
    assert [g.value for g in made.gates if g.gate == "approvals 1"] == ["bob"]


def test_twice_is_once(asking, store):
    first = approve(asking, store, AN_ID, "m", None)
    again = approve(asking, store, AN_ID, "m", "more words")
    assert (again.is_new, again.event) == (False, first.event)
    assert len(events(store)) == 1
    assert approve(asking, store, AN_ID, "other", None).is_new


@pytest.mark.parametrize("who", ["ada", "Vision", "ada@example.org"])
def test_an_owner_is_refused(asking, store, monkeypatch, who):
    monkeypatch.setenv("EXPTRACK_AUTHOR", who)
    with pytest.raises(Refused, match="may not approve") as e:
        approve(asking, store, AN_ID, "m", None)
    assert e.value.exit_code == 4
    assert f"EXPTRACK_AUTHOR says {who}, and the owner is {'vision' if who == 'Vision' else 'ada'}" in e.value.hint
    assert events(store) == []


def test_an_owner_under_another_name_is_known_to_git(asking, store, monkeypatch):
    os.system(f"git init -q {asking.root}")
    assert approve(asking, store, AN_ID, "m", None).event.data["email"] == "t@example.invalid"
    monkeypatch.setenv("EXPTRACK_AUTHOR", "eve")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "ada@example.org")
    with pytest.raises(Refused, match=r"git knows you as ada@example\.org") as e:
        approve(asking, store, AN_ID, "m", None)
    assert "GIT_AUTHOR_EMAIL says ada@example.org, and the owner is ada" in e.value.hint
    monkeypatch.delenv("GIT_AUTHOR_EMAIL")
    os.system(f"git -C {asking.root} config user.email ada@example.org")
    with pytest.raises(Refused) as e:
        approve(asking, store, AN_ID, "m", None)
    assert "git config user.email says ada@example.org" in e.value.hint


def test_ones_own_is_taken_back(asking, store, monkeypatch):
    approve(asking, store, AN_ID, "m", None)
    done = withdraw(asking, store, AN_ID, "m", "looked again")
    assert (done.is_new, done.verdict.is_allowed, done.event.data["reason"]) == (True, False, "looked again")
    with pytest.raises(ExptrackError, match="bob has not approved") as e:
        withdraw(asking, store, AN_ID, "m", None)
    assert e.value.exit_code == 1
    assert approve(asking, store, AN_ID, "m", None).is_new
    monkeypatch.setenv("EXPTRACK_AUTHOR", "eve")
    with pytest.raises(ExptrackError, match="eve has not approved"):
        withdraw(asking, store, AN_ID, "m", None)


def test_an_approval_of_an_earlier_state_is_given_anew(asking, store):
    """What the record says has changed since: the old approval does not count, and a new one is no repetition."""
    approve(asking, store, AN_ID, "m", None)
    os.unlink(os.path.join(store.records.runs, AN_ID + ".json"))
    store.records.add_manifest(manifest(tags={"owner": "vision"}, note="another"))
    done = approve(asking, store, AN_ID, "m", None)
    assert (done.is_new, done.verdict.is_allowed) == (True, True)


def test_a_model_that_cannot_be_and_a_run_that_is_not_there(asking, store):
    for run, model in ((AN_ID, ""), (ANOTHER_ID, "m")):
        with pytest.raises(ExptrackError):
            approve(asking, store, run, model, None)
    assert events(store) == []
