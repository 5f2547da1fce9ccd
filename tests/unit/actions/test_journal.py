"""Later words keep the order in which they were said, whatever the clock does."""

from __future__ import annotations

import time

import pytest

from exptrack.actions.journal import Journal
from exptrack.model import Event
from exptrack.record.rundir import new_id, time_of_id
from made import AN_ID

NOW = 1_795_390_000.0


@pytest.fixture
def clock(monkeypatch):
    """clock(seconds): what the wall clock says from now on."""
    return lambda seconds: monkeypatch.setattr(time, "time", lambda: seconds)


def test_a_word_has_the_time_it_was_said(store, clock):
    clock(NOW)
    event = Journal(store).add(AN_ID, "note", {"note": "x"}, by="ada")
    assert (event.at, event.author) == ("2026-11-22T23:26:40.000Z", "ada")
    assert time_of_id(event.id) == NOW
    assert store.records.event(event.id) == event


@pytest.mark.parametrize("is_one", [True, False], ids=["one journal", "a journal each"])
@pytest.mark.parametrize("later", [NOW - 86400, NOW, NOW + 0.5], ids=["set back", "at once", "later"])
def test_what_is_said_later_sorts_later(store, clock, is_one, later):
    clock(NOW)
    journal = Journal(store)
    first = journal.add(AN_ID, "pin", {})
    clock(later)
    rest = [(journal if is_one else Journal(store)).add(AN_ID, "unpin", {}) for _ in range(20)]
    ids = [e.id for e in (first, *rest)]
    assert ids == sorted(ids)
    assert {e.at for e in rest} == {rest[0].at}


def test_an_id_from_the_end_of_time_leaves_room_for_no_later_one(store, clock):
    """Somebody else's file; our words are added all the same."""
    store.records.add_event(Event(id="z" * 16, run=AN_ID, action="pin", at="x", author="eve", data={}))
    clock(NOW)
    assert time_of_id(Journal(store).add(AN_ID, "unpin", {}).id) == NOW


def test_an_id_of_a_far_day_is_outlived(store, clock):
    store.records.add_event(Event(id=new_id(NOW * 2), run=AN_ID, action="pin", at="x", author="eve", data={}))
    clock(NOW)
    assert Journal(store).add(AN_ID, "unpin", {}).id > new_id(NOW * 2)
