"""The history of models: an edit, a deletion, a swap of lines shows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from exptrack.actions import ledger
from exptrack.actions.holdings import read_words
from exptrack.errors import Overtaken
from exptrack.store.place import Store, open_store
from made import AN_ID, ANOTHER_ID, manifest


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
