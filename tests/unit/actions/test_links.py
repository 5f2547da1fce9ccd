"""Which run made another's input: by digest, in time."""

from __future__ import annotations

import hashlib

from exptrack.actions.links import NOTHING, Made, Span, Used, link
from exptrack.store.trees import encode_tree

SPANS = {name: Span(f"2026-01-0{day}T00", f"2026-01-0{day}T12") for day, name in enumerate("abcd", 1)}
D = "d" * 64


def linked(made, used, spans=SPANS):
    return [(m.run, u.run) for m, u in link(spans, made, used)]


def made(*runs, digest=D):
    return [Made(run, digest, "model", "m.pt") for run in runs]


def test_the_last_that_had_ended_is_the_source():
    assert linked(made("a", "b", "d"), [Used("c", D, "init", "w")]) == [("b", "c")]


def test_the_run_that_made_more_of_the_inputs_is_the_source():
    """A sweep: every run wrote the same tokenizer, only the first these weights."""
    weights, tokenizer = "1" * 64, "2" * 64
    of_all = [*made("a", digest=weights), *made("a", "b", digest=tokenizer)]
    used = [Used("c", weights, "model", "w"), Used("c", tokenizer, "tokenizer", "t")]
    assert linked(of_all, used) == [("a", "c"), ("a", "c")]
    assert linked(of_all, used[1:]) == [("b", "c")]


def test_nobody_comes_from_the_future_or_from_itself():
    assert linked(made("c", "d"), [Used("c", D, "init", "w")]) == []


def test_a_run_still_going_on_may_have_made_it():
    spans = {**SPANS, "a": Span("2026-01-01T00", ""), "b": Span("2026-01-02T00", "2026-01-09")}
    assert linked(made("a", "b"), [Used("c", D, "init", "w")], spans) == [("b", "c")]
    assert linked(made("a"), [Used("c", D, "init", "w")], spans) == [("a", "c")]


def test_nothing_proves_nothing():
    assert {hashlib.sha256(b"").hexdigest(), hashlib.sha256(encode_tree(())).hexdigest()} == NOTHING
    for digest in NOTHING:
        assert linked(made("a", digest=digest), [Used("c", digest, "init", "w")]) == []
