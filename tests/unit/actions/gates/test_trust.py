"""Reproductions and approvals: what counts, what does not, and what is too old."""

from __future__ import annotations

import pytest

from exptrack.actions.gates.trust import approval_gate, evidence, reproduction_gate
from exptrack.actions.ledger import manifest_digest
from exptrack.config import Gates
from judged import case_of, checked, event
from made import AN_ID, attempts, manifest, run

AGAIN = "01againagainagai"


@pytest.fixture
def digest(store):
    store.records.add_manifest(manifest(tags={"owner": "Vision@example.org"}))
    return manifest_digest(store.records, AN_ID)


@pytest.fixture
def owned():
    return run(tags={"owner": "Vision@example.org"})


# --- reproduction ----------------------------------------------------------------------------------------------------


def reproduced(number, verdict="reproduced", at="2026-11-22T21:58:00.000Z"):
    return event(number, "reproduced", at=at, data={"verdict": verdict, "again": AGAIN})


def asked(store, *said, most="30d", **more):
    table = Gates("m", reproduced=most)
    return checked(reproduction_gate(case_of(store, run(), table, said=said, **more), table))


@pytest.mark.parametrize("verdict", ["reproduced", "reproduced within tolerance"])
def test_a_good_verdict_that_is_not_too_old(store, verdict):
    gate = asked(store, reproduced(1, verdict))
    assert (gate.passed, gate.value) == (True, f"{verdict} 2026-11-22 by {AGAIN}")


@pytest.mark.parametrize("verdict", ["differs", "not reproducible", None, ["reproduced"]])
def test_no_other_verdict_will_do(store, verdict):
    assert not asked(store, reproduced(1, verdict)).passed


def test_the_latest_counts(store):
    assert not asked(store, reproduced(1), reproduced(2, "differs")).passed
    assert asked(store, reproduced(1, "differs"), reproduced(2)).passed


def test_one_that_is_too_old_says_so(store):
    at = "2026-11-22T21:58:00.000Z"
    assert asked(store, reproduced(1, at=at), most="120s").passed
    gate = asked(store, reproduced(1, at=at), most="119s")
    assert (gate.passed, f"exptrack reproduce {AN_ID}" in gate.hint) == (False, True)
    assert "nobody knows" in asked(store, reproduced(1, at="9999 one day")).hint


def test_nobody_has_reproduced_it(store):
    gate = asked(store, event(1, "tag", data={"verdict": "reproduced"}))
    assert (gate.passed, gate.value, gate.hint) == (False, None, f"exptrack reproduce {AN_ID}")


def test_what_was_said_before_its_end_was_of_an_earlier_attempt(store):
    assert not asked(store, reproduced(1, at="2026-11-22T21:55:03.000Z")).passed


# --- approval --------------------------------------------------------------------------------------------------------


def approved(number, who="bob", *, model="m", manifest="", action="approve", **data):
    return event(number, action, who, data={"model": model, "manifest": manifest, **data})


def approval(store, made, *said, most=1):
    table = Gates("m", approvals=most)
    return checked(approval_gate(case_of(store, made, table, said=said), table))


def test_somebody_else_approves(store, owned, digest):
    gate = approval(store, owned, approved(1, manifest=digest))
    assert (gate.passed, gate.value) == (True, "bob")
    assert gate.wanted == "1 person other than ada and Vision@example.org"


def test_nobody_has(store, owned, digest):
    gate = approval(store, owned)
    assert (gate.passed, gate.value) == (False, None)
    assert f"exptrack promote {AN_ID} m --approve" in gate.hint


@pytest.mark.parametrize(
    "said",
    [
        {"who": "Ada"},
        {"who": "ada@somewhere.org"},
        {"who": "vision@Example.ORG"},
        {"who": "vision"},
        {"who": "x", "email": "ada@example.org"},
        {"model": "m2"},
        {"manifest": "0" * 64},
        {"action": "unapprove"},
        {"action": "tag"},
    ],
    ids=str,
)
def test_what_is_no_approval(store, owned, digest, said):
    assert not approval(store, owned, approved(1, **{"manifest": digest, **said})).passed


def test_an_owner_stays_one_when_the_tag_is_changed(store, digest):
    made = run(tags={"owner": "vision"})
    now = case_of(store, made).run
    for tags in ({"owner": "somebody"}, {}):
        later = type(now)(manifest=now.manifest, status=now.status, tags=tags, note=None)
        assert not approval(store, later, approved(1, "vision", manifest=digest)).passed
    assert not approval(store, run(), approved(1, "ada", manifest=digest)).passed


def test_who_continued_the_run_owns_it_too(store):
    store.records.add_manifest(manifest(author="eve"))
    again = {"author": "ada", "attempts": attempts("eve", "ada")}
    store.records.add_manifest(manifest(**again))
    digest = manifest_digest(store.records, AN_ID)
    assert not approval(store, run(**again), approved(1, "eve", manifest=digest)).passed
    assert approval(store, run(**again), approved(1, "bob", manifest=digest)).passed


def test_people_count_and_not_approvals(store, owned, digest):
    twice = (approved(1, "bob", manifest=digest), approved(2, "Bob", manifest=digest))
    assert not approval(store, owned, *twice, most=2).passed
    gate = approval(store, owned, *twice, approved(3, "eve", manifest=digest), most=2)
    assert (gate.passed, gate.value) == (True, "Bob, eve")


def test_one_that_was_withdrawn_does_not_count_until_it_is_given_again(store, owned, digest):
    said = [approved(1, manifest=digest), approved(2, manifest=digest, action="unapprove")]
    assert not approval(store, owned, *said).passed
    assert approval(store, owned, *said, approved(3, manifest=digest)).passed


def test_one_of_an_earlier_state_of_the_run_is_told(store, owned, digest):
    assert "bob approved an earlier state of it" in approval(store, owned, approved(1, manifest="0" * 64)).hint


def test_a_run_that_is_not_sealed_has_none(store, owned):
    assert not approval(store, owned, approved(1, manifest=None)).passed


def test_what_a_promotion_rests_on(store, owned, digest):
    said = (approved(1, manifest=digest), approved(2, "ada", manifest=digest), reproduced(3), reproduced(4))
    ids = {n: said[n - 1].id for n in (1, 3, 4)}
    table = Gates("m", approvals=1, reproduced="1d")
    assert list(evidence(case_of(store, owned, table, said=said))) == [ids[1], ids[4]]
    assert list(evidence(case_of(store, owned, table._replace(approvals=0), said=said))) == [ids[4]]
    assert list(evidence(case_of(store, owned, said=said))) == []
