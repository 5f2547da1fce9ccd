"""`gc` in words: what stays is explained by a run that can be looked at."""

from __future__ import annotations

import pytest

from exptrack.actions.retain import RECENT, SHARED, Fate, Plan
from exptrack.cli.trustview import print_gc
from made_runs import made_run, piped, text_of


def said(held: dict[str, int], *sharers: str) -> str:
    screen = piped()
    fate = Fate(made_run(1), (), {}, held, (), 7, sharers)
    print_gc(screen, Plan((fate,), 7, None, ()), None, (), grace=0.0)
    return " ".join(text_of(screen).split())


@pytest.mark.parametrize(
    ("sharers", "words"),
    [
        (("b",), "2 B are also outputs of b, which stays"),
        (("c", "b", "a"), "2 B are also outputs of c and of 2 more runs, which stay"),
        ((), "2 B are a code snapshot's or a record's that stays"),
    ],
)
def test_a_run_that_has_the_bytes_too_is_named(sharers, words):
    assert words in said({SHARED: 2}, *sharers)
    assert "an hour ago" not in said({SHARED: 2}, *sharers)


def test_the_hour_of_fresh_bytes_is_explained():
    assert "2 B were stored less than an hour ago" in said({RECENT: 2})
    assert "may be about to name it" in said({RECENT: 2})
