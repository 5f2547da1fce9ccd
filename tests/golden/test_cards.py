"""Whole documents of one fixed run: the model card, the data set card and the provenance statement."""

from __future__ import annotations

import json

import pytest

from exptrack.actions.cards.card import ModelFacts, Subject
from exptrack.actions.cards.dataset import DataFacts, Use
from exptrack.actions.cards.merge import new
from exptrack.actions.cards.provenance import provenance
from exptrack.actions.links import Made
from exptrack.actions.promote import History
from exptrack.cli.datasetcard import dataset_card
from exptrack.cli.modelcard import model_card
from exptrack.store.place import open_store
from golden_text import assert_golden
from made_runs import GATES, full_run, promotion, run_id


@pytest.fixture
def run():
    return full_run(missing=(), expired_at="2026-12-01T00:00:00.000Z")


def test_model_card(run):
    lines = (promotion(1, run_id(3), reason="the first one"), promotion(2, run.id, run_id(3), gates=GATES[:2]))
    history = History("digits-prod", run.id, lines)
    source = {"1" * 64: Made(run_id(8), "1" * 64, "data", "out/train")}
    facts = ModelFacts(Subject(run, "digits-prod", lines[1]), (history,), source, True)
    assert_golden("card-model", new(model_card(facts, 380.0)))


def test_dataset_card(run):
    item = run.manifest.inputs[0]
    uses = (Use(run, item, ("digits-prod@2",)), Use(full_run(2, name=None), item, ()))
    assert_golden("card-dataset", new(dataset_card(DataFacts("train", "1" * 64, item.size, item.files, uses, (), ()))))


def test_provenance(run, tmp_path):
    store = open_store(str(tmp_path), create=True)
    store.records.add_manifest(run.manifest)
    made = provenance(store, run, "digits-prod@2")
    # The digest of the manifest changes with every field a newer version adds to it.
    made.data["predicate"]["runDetails"]["byproducts"][0]["digest"] = {}
    assert_golden("provenance", json.dumps(made.data, indent=2) + "\n")
    assert len(made.warnings) == 2
