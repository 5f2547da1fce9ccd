"""Every key of the statement is explained in docs/provenance.md, every part of a card in docs/cards.md."""

from __future__ import annotations

from pathlib import Path

from exptrack.actions.cards.card import ModelFacts, Subject
from exptrack.actions.cards.dataset import DataFacts, Use
from exptrack.actions.cards.provenance import BUILD_TYPE, BUILDER, PREDICATE_TYPE, STATEMENT_TYPE, TREE, provenance
from exptrack.cli.datasetcard import dataset_card
from exptrack.cli.modelcard import model_card
from exptrack.cli.modelfront import LIST_KEYS, TAG_KEYS
from exptrack.store.place import open_store
from made_runs import full_run

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_statement(tmp_path):
    store, run = open_store(str(tmp_path), create=True), full_run(expired=())
    store.records.add_manifest(run.manifest)
    data = provenance(store, run, "m@1").data
    assert list(data) == ["_type", "subject", "predicateType", "predicate"]
    definition, details = data["predicate"]["buildDefinition"], data["predicate"]["runDetails"]
    assert list(definition) == ["buildType", "externalParameters", "internalParameters", "resolvedDependencies"]
    assert list(details) == ["builder", "metadata", "byproducts"]
    keys = {*definition, *details, *definition["externalParameters"], *definition["internalParameters"]}
    for found in (*data["subject"], *definition["resolvedDependencies"], *details["byproducts"]):
        keys |= {*found, *found.get("digest", {}), *found.get("annotations", {})}
    text = (DOCS / "provenance.md").read_text()
    assert [k for k in sorted(keys) if f"`{k}`" not in text] == []
    assert [v for v in (STATEMENT_TYPE, PREDICATE_TYPE, BUILDER, BUILD_TYPE, TREE) if v not in text] == []


def test_the_parts_of_cards():
    run = full_run()
    item = run.manifest.inputs[0]
    cards = (
        model_card(ModelFacts(Subject(run), (), {}, True)),
        dataset_card(DataFacts("train", "1" * 64, 1, 1, (Use(run, item, ()),), (), ())),
    )
    text = (DOCS / "cards.md").read_text()
    assert [name for card in cards for name in card.blocks() if f"`{name}`" not in text] == []
    assert [key for card in cards for key, _ in card.to_fill if f"`{key}`" not in text] == []
    assert [key for key in (*TAG_KEYS, *LIST_KEYS) if f"`{key}`" not in text] == []
