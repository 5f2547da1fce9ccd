"""The same held-out set: two numbers compare when they were measured on the same bytes."""

from __future__ import annotations

import pytest

from exptrack.actions.gates.data import input_gates
from exptrack.config import Gates
from exptrack.model import Input
from judged import case_of, checked
from made import ANOTHER_ID, run


def given(**digests):
    """Inputs by name; a digest of None: it was not there."""
    return tuple(
        Input(name=name, path=f"{name}.csv", digest=digest and digest * 64, size=1, files=1)
        for name, digest in digests.items()
    )


def asked(store, mine, before, names):
    table = Gates("m", same_inputs=names)
    current = None if before is None else run(ANOTHER_ID, inputs=before)
    case = case_of(store, run(inputs=mine), table, current=current)
    return [checked(gate) for gate in input_gates(case, table)]


def verdicts(*args):
    return {g.gate.removeprefix("same input "): g.passed for g in asked(*args)}


def test_named_inputs_have_the_digest_of_the_current_run(store):
    mine, before = given(test="a", train="b"), given(test="a", train="c")
    assert verdicts(store, mine, before, ("test",)) == {"test": True}
    assert verdicts(store, mine, before, ("test", "train")) == {"test": True, "train": False}
    gate = asked(store, mine, before, ("train",))[0]
    assert (gate.value, gate.wanted) == ("b" * 12, "c" * 12)
    assert "train.csv" in gate.hint
    assert ANOTHER_ID in gate.hint


def test_true_means_every_input_of_the_two(store):
    mine, before = given(test="a", new="b"), given(test="a", old="c")
    assert verdicts(store, mine, before, True) == {"new": False, "old": False, "test": True}


@pytest.mark.parametrize("mine", [given(), given(test=None)], ids=["not declared", "was not there"])
@pytest.mark.parametrize("before", [None, given(test="a"), given(test=None)], ids=["no current", "has", "has none"])
def test_a_run_without_the_input_compares_with_nothing(store, mine, before):
    """Also the first one: no later run could ever be compared with it."""
    gate = asked(store, mine, before, ("test",))[0]
    assert (gate.passed, gate.value) == (False, None)
    assert "-i test=PATH" in gate.hint


def test_the_first_run_has_nothing_to_be_the_same_as(store):
    assert verdicts(store, given(test="a"), None, ("test",)) == {"test": True}
    assert verdicts(store, given(), None, True) == {"same inputs": True}


def test_a_current_run_without_the_input_says_how_to_go_on(store):
    gate = asked(store, given(test="a"), given(), ("test",))[0]
    assert not gate.passed
    assert "`exptrack demote m`" in gate.hint


def test_nothing_declared_on_either_side_proves_nothing(store):
    gate = asked(store, given(), given(), True)[0]
    assert (gate.gate, gate.passed, gate.value) == ("same inputs", False, None)


def test_the_current_run_is_the_same_as_itself(store):
    made = run(inputs=given(test="a"))
    for names in (True, ("test",)):
        table = Gates("m", same_inputs=names)
        assert all(g.passed for g in input_gates(case_of(store, made, table, current=made), table))
