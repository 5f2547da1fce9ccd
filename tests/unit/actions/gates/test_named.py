"""Which names of models are asked about before anything is promoted to them."""

from __future__ import annotations

import pytest

from exptrack.actions.gates.named import is_slip, named_gate
from exptrack.actions.promote import promote, why
from exptrack.config import Config, Gates
from exptrack.errors import Refused
from made import AN_ID, manifest

STRICT = Config(gates=(Gates("churn-*", metrics=("acc > 0.5",)), Gates("vision/prod")))


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (Config(), "anything"),
        (STRICT, "churn-x"),
        (STRICT, "vision/prod"),
        (STRICT, "older"),
        (STRICT, "vision/staging"),
        (STRICT, "m"),
    ],
)
def test_names_that_are_right_or_just_new(project, store, config, model):
    store.records.add_manifest(manifest())
    promote(project, store, AN_ID, "older", None)
    assert list(named_gate(config, store.records, model, is_new=False)) == []


@pytest.mark.parametrize(
    ("model", "meant"), [("chrun-prod", "churn-*"), ("vison/prod", "vision/prod"), ("oldr", "older")]
)
def test_a_slip_in_a_known_name_is_refused_with_it(project, store, model, meant):
    store.records.add_manifest(manifest())
    promote(project, store, AN_ID, "older", None)
    (gate,) = named_gate(STRICT, store.records, model, is_new=False)
    assert (gate.gate, gate.passed) == ("model", False)
    assert gate.hint.startswith(f"did you mean `{meant}`?")
    assert "--new" in gate.hint


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("churn-pord", "churn-prod"),
        ("churn-prd", "churn-prod"),
        ("churnprod", "churn-prod"),
        ("Churn_Prod", "churn-prod"),
        ("chrun-eu-prod", "churn-*"),
        ("churnPord", "churnProd"),
    ],
)
def test_slips(name, known):
    assert is_slip(name, known)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("churn-prod2", "churn-prod"),
        ("churn-v1", "churn-v2"),
        ("model-a", "model-b"),
        ("modelA", "modelB"),
        ("us-prod", "eu-prod"),
        ("churn-staging", "churn-stage"),
        ("churn-prod-eu", "churn-prod"),
        ("best", "test"),
        ("other", "prod"),
        ("anything", "*"),
        ("", "churn-prod"),
    ],
)
def test_names_that_somebody_may_mean(name, known):
    assert not is_slip(name, known)


def test_it_is_promoted_when_somebody_says_that_it_is_new(project, store):
    store.records.add_manifest(manifest())
    project.config = STRICT
    with pytest.raises(Refused, match="model: new, and no gates are for it") as e:
        promote(project, store, AN_ID, "vison/prod", None)
    assert e.value.exit_code == 4
    verdict = why(project, store, AN_ID, "vison/prod", is_new=True)
    assert (verdict.is_allowed, verdict.gates[0].wanted) == (True, "new, as --new says")
    assert store.records.models() == []
