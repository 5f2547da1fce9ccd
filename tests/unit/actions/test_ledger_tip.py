"""What keeps one from promoting on top of a history that somebody changed, and what is only told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from exptrack.actions.annotate import note
from exptrack.actions.holdings import read_words
from exptrack.actions.ledger import check_ledger
from exptrack.actions.ledger_tip import check_tip
from exptrack.actions.promote import demote, promote, why
from exptrack.actions.rollback import rollback
from exptrack.errors import Damaged
from made import manifest

IDS = [f"0{i}abcdefghjkmnpq" for i in range(4)]


@pytest.fixture
def runs(project, store):
    """Four runs; the first three were promoted in turn."""
    for run_id in IDS:
        store.records.add_manifest(manifest(run_id))
    for run_id in IDS[:3]:
        promote(project, store, run_id, "m", None)
    return IDS


def path_of(store, number):
    return Path(store.records.promotions_folder, "m", f"{number}.json")


def forge(store, number, **fields):
    path = path_of(store, number)
    os.chmod(path, 0o600)
    path.write_bytes(json.dumps({**json.loads(path.read_bytes()), **fields}, sort_keys=True).encode() + b"\n")


def tip(store):
    return check_tip(store, "m", store.records.promotions("m"))


def test_an_untouched_history_is_one_to_stand_on(project, store, runs):
    note(project, store, runs[0], "about m")
    assert tip(store) == ((), ())
    assert check_tip(store, "new", []) == ((), ())
    assert why(project, store, runs[3], "m").altered == ()


@pytest.mark.parametrize("fields", [{"run": IDS[0]}, {"author": "eve"}, {"at": "2020-01-01T00:00:00.000Z"}])
def test_nothing_is_promoted_on_a_forged_last_line(project, store, runs, fields):
    forge(store, 3, **fields)
    with pytest.raises(Damaged, match=r"m@3 promotion: altered since it was made") as e:
        promote(project, store, runs[3], "m", None)
    assert (e.value.exit_code, "rollback m N" in e.value.hint) == (6, True)
    assert len(store.records.promotions("m")) == 3


@pytest.mark.parametrize("gone", [(3,), (2, 3), (1, 2, 3)])
def test_nor_where_the_newest_lines_were_taken_away(project, store, runs, gone):
    for number in gone:
        path_of(store, number).unlink()
    with pytest.raises(Damaged, match=r"m@3 promotion: missing"):
        promote(project, store, runs[3], "m", None)


def test_nor_where_the_current_run_has_another_manifest(project, store, runs):
    path = Path(store.records.runs, runs[2] + ".json")
    os.chmod(path, 0o600)
    path.write_bytes(path.read_bytes().replace(b'"ada"', b'"eve"'))
    with pytest.raises(Damaged, match="manifest: altered since it was promoted as m@3"):
        promote(project, store, runs[3], "m", None)


@pytest.mark.parametrize("number", [1, 2])
def test_an_edit_further_back_is_told_and_keeps_nobody(project, store, runs, number):
    forge(store, number, author="eve")
    verdict, made = promote(project, store, runs[3], "m", None)
    assert made.sequence == 4
    assert any(f"m@{number} promotion: altered" in problem for problem in verdict.altered)


@pytest.mark.parametrize("harm", ["forged", "taken away"])
@pytest.mark.parametrize("way", ["rollback", "demote"])
def test_a_rollback_or_a_demotion_is_a_line_to_stand_on_and_verify_forgets_nothing(project, store, runs, harm, way):
    if harm == "forged":
        forge(store, 3, author="eve")
    else:
        path_of(store, 3).unlink()
    if way == "rollback":
        assert any("m@3" in problem for problem in rollback(project, store, "m", 1, None).altered)
    else:
        demote(store, "m", None)
    verdict, _ = promote(project, store, runs[3], "m", None)
    assert any("m@3" in problem for problem in verdict.altered)
    assert "m@3" in {where for where, *_ in check_ledger(store, read_words(store))}


def test_a_promotion_that_died_before_it_was_vouched_for_is_in_nobodys_way(project, store, runs):
    event = store.records.event_ids()[-1]
    os.unlink(os.path.join(store.records.events, event + ".json"))
    assert tip(store) == ((), ())


def test_events_that_are_no_events_are_in_nobodys_way(project, store, runs):
    Path(store.records.events, "7zzzzzzzzzzzzzzz.json").write_text('{"m"')
    Path(store.records.events, "7zzzzzzzzzzzzzzy.json").mkdir()
    assert tip(store) == ((), ())
