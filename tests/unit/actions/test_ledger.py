"""The history of models: an edit, a deletion, a swap of lines shows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from exptrack.actions import ledger
from exptrack.actions.holdings import read_words
from exptrack.errors import Overtaken
from exptrack.model import Event
from exptrack.record.rundir import new_id
from exptrack.store.place import Store, open_store
from made import AN_ID, ANOTHER_ID, attempts, manifest


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = open_store(str(tmp_path / "store"), create=True)
    for run_id in (AN_ID, ANOTHER_ID):
        made.records.add_manifest(manifest(run_id))
    for run_id in (AN_ID, ANOTHER_ID, AN_ID):
        ledger.append(made, "m", run_id, after=made.records.promotions("m"), reason=None)
    return made


def line(store: Store, number: int) -> str:
    return os.path.join(store.root, "promotions", "m", f"{number}.json")


def edit(path: str, **fields) -> None:
    data = json.loads(Path(path).read_bytes())
    os.chmod(path, 0o600)
    Path(path).write_bytes(json.dumps({**data, **fields}, sort_keys=True, separators=(",", ":")).encode() + b"\n")


def problems(store: Store) -> list[tuple[str, str]]:
    return [(run, wrong) for run, _, wrong in ledger.check_ledger(store, read_words(store))]


def test_an_untouched_history_is_whole_and_its_head_is_the_last_file(store):
    assert problems(store) == []
    ledger.append(store, "m", None, after=store.records.promotions("m"), reason="off")
    assert problems(store) == []
    heads = ledger.heads(store, read_words(store))
    assert heads == {"m": ledger._digest(store.records, "m", 4)}


def test_each_line_vouches_for_the_one_before_and_for_the_manifest(store):
    first, second, _ = store.records.promotions("m")
    assert first.previous_digest is None
    assert second.previous_digest == ledger._digest(store.records, "m", 1)
    assert second.manifest == ledger.manifest_digest(store.records, ANOTHER_ID)
    assert second.previous == AN_ID


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_edit_shows(store, number):
    edit(line(store, number), reason="I was never here")
    assert any(run == f"m@{number}" and "altered" in wrong for run, wrong in problems(store))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_deletion_shows(store, number):
    os.unlink(line(store, number))
    assert any(run == f"m@{number}" and "missing" in wrong for run, wrong in problems(store))


def test_all_of_it_deleted_shows(store):
    for number in (1, 2, 3):
        os.unlink(line(store, number))
    assert {run for run, _ in problems(store)} == {"m@1", "m@2", "m@3"}


def test_a_swap_shows(store):
    edit(line(store, 1), run=ANOTHER_ID)
    edit(line(store, 2), run=AN_ID, previous=ANOTHER_ID)
    assert {"m@1", "m@2"} <= {run for run, _ in problems(store)}


def test_a_forged_line_without_a_chain_shows(store):
    data = json.loads(Path(line(store, 3)).read_bytes())
    forged = {**data, "sequence": 4, "run": ANOTHER_ID, "previous": AN_ID, "previous_digest": None, "manifest": None}
    Path(line(store, 4)).write_bytes(json.dumps(forged).encode())
    assert ("m@4", "altered: it does not vouch for the one before") in problems(store)


def test_a_promoted_manifest_that_was_edited_or_lost_shows(store):
    path = os.path.join(store.root, "runs", ANOTHER_ID + ".json")
    edit(path, exit_code=7)
    assert problems(store) == [(ANOTHER_ID, "altered since it was promoted as m@2")]
    os.unlink(path)
    assert problems(store) == [(ANOTHER_ID, "missing, and it is m@2")]


def said(store: Store, action: str, **data) -> Event:
    made = Event(id=new_id(), run=AN_ID, action=action, at="2026-11-23T00:00:00.000Z", author="bob", data=data)
    store.records.add_event(made)
    return made


def event_file(store: Store, made: Event) -> str:
    return os.path.join(store.records.events, made.id + ".json")


def test_a_promotion_vouches_for_what_it_rests_on(store):
    seen = said(store, "reproduced", verdict="reproduced")
    past = store.records.promotions("m")
    made = ledger.append(store, "m", ANOTHER_ID, after=past, reason=None, evidence=[seen.id])
    assert list(made.evidence) == [seen.id]
    assert problems(store) == []
    edit(event_file(store, seen), author="eve")
    assert problems(store) == [(ANOTHER_ID, "altered, and m@4 rests on it")]
    os.unlink(event_file(store, seen))
    assert problems(store) == [(ANOTHER_ID, "missing, and m@4 rests on it")]


@pytest.mark.parametrize("model", ["..", "", "m@2", "x" * 300, "\udcff"], ids=ascii)
def test_an_event_that_vouches_for_what_can_be_no_model_shows(store, model):
    said(store, "promote", model=model, sequence=1, digest="0" * 64)
    assert problems(store) == [(AN_ID, "altered: it names no promotion")]


def test_a_line_that_became_a_folder_shows(store):
    os.unlink(line(store, 3))
    os.mkdir(line(store, 3))
    assert ("m@3", "altered since it was made") in problems(store)


def test_an_approval_of_another_manifest_shows(store):
    said(store, "approve", model="n", manifest=ledger.manifest_digest(store.records, AN_ID))
    assert problems(store) == []
    said(store, "approve", model="n", manifest="0" * 64)
    assert problems(store) == [(AN_ID, "bob approved another manifest than the run's")]


def test_an_approval_of_an_earlier_attempt_is_no_damage(store):
    run_id = "0" + ANOTHER_ID[1:-1] + "s"
    store.records.add_manifest(manifest(run_id))
    digest = ledger.manifest_digest(store.records, run_id)
    store.records.add_manifest(manifest(run_id, attempts=attempts("ada", "ada")))
    assert ledger.manifest_digest(store.records, run_id) != digest
    data = {"model": "n", "manifest": digest}
    store.records.add_event(
        Event(id=new_id(), run=run_id, action="approve", at="2026-11-23T00:00:00.000Z", author="bob", data=data)
    )
    assert problems(store) == []


def test_an_approved_manifest_that_was_lost_shows(store):
    alone = "0" + ANOTHER_ID[1:-1] + "s"
    store.records.add_manifest(manifest(alone))
    approved = Event(
        id=new_id(), run=alone, action="approve", at="2026-11-23T00:00:00.000Z", author="bob", data={"model": "n"}
    )
    store.records.add_event(approved)
    os.unlink(os.path.join(store.root, "runs", alone + ".json"))
    assert problems(store) == [(alone, "missing, and bob approved it on 2026-11-23")]


def test_histories_from_before_the_chain_are_no_damage(store):
    for number in (1, 2, 3):
        edit(line(store, number), previous_digest=None, manifest=None)
    for name in os.listdir(store.records.events):
        os.unlink(os.path.join(store.records.events, name))
    assert problems(store) == []
    ledger.append(store, "m", ANOTHER_ID, after=store.records.promotions("m"), reason=None)
    assert problems(store) == []


def test_whoever_decided_on_an_older_history_is_overtaken(store):
    with pytest.raises(Overtaken):
        ledger.append(store, "m", AN_ID, after=store.records.promotions("m")[:2], reason=None)
    assert problems(store) == []
