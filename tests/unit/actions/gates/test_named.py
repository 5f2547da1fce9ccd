"""Which names of models are asked about before anything is promoted to them."""

from __future__ import annotations

import pytest

from exptrack.actions.gates.named import named_gate
from exptrack.actions.promote import promote, why
from exptrack.config import Config, Gates
from exptrack.errors import Refused
from made import AN_ID, manifest

STRICT = Config(gates=(Gates("churn-*", metrics=("acc > 0.5",)), Gates("vision/prod")))


@pytest.mark.parametrize(
    ("config", "model"), [(Config(), "anything"), (STRICT, "churn-x"), (STRICT, "vision/prod"), (STRICT, "old")]
)
def test_names_that_are_right(project, store, config, model):
    """Without gates at all every name is; else one that has gates or a history."""
    store.records.add_manifest(manifest())
    promote(project, store, AN_ID, "old", None)
    assert list(named_gate(config, store.records, model, is_new=False)) == []


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("chrun-prod", "known are churn-*, vision/prod, old"),
        ("vison/prod", "did you mean `vision/prod`?"),
        ("odl", "old"),
    ],
)
def test_a_name_that_nobody_knows_is_refused_with_the_nearest(project, store, model, hint):
    store.records.add_manifest(manifest())
    promote(project, store, AN_ID, "old", None)
    (gate,) = named_gate(STRICT, store.records, model, is_new=False)
    assert (gate.gate, gate.passed) == ("model", False)
    assert hint in gate.hint
    assert "--new" in gate.hint


def test_it_is_promoted_when_somebody_says_that_it_is_new(project, store):
    store.records.add_manifest(manifest())
    project.config = STRICT
    with pytest.raises(Refused, match="model: new, and no gates are for it") as e:
        promote(project, store, AN_ID, "m", None)
    assert e.value.exit_code == 4
    verdict = why(project, store, AN_ID, "m", is_new=True)
    assert (verdict.is_allowed, verdict.gates[0].wanted) == (True, "new, as --new says")
    assert store.records.models() == []
