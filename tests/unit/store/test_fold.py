"""Later words about a run: what `reproduce` said of it and of the run that repeated it."""

from __future__ import annotations

from exptrack.model import Event
from exptrack.store.fold import apply_events
from made import AN_ID, ANOTHER_ID, manifest


def event(number: int, action: str, data: dict, run: str = AN_ID) -> Event:
    return Event(
        id=f"01evt{number:011d}", run=run, action=action, at="2026-11-23T00:00:00.000Z", author="bob", data=data
    )


def test_verdicts_are_kept_in_order_and_name_the_other_run():
    said = [
        event(
            2, "reproduced", {"verdict": "differs", "again": ANOTHER_ID, "environment": "different", "differences": 2}
        ),
        event(1, "reproduced", {"verdict": "not reproducible", "again": None}),
        event(3, "reproduced", {"verdict": "reproduced"}, run=ANOTHER_ID),
    ]
    run = apply_events(manifest(), said)
    assert [(r.verdict, r.run, r.environment, r.differences) for r in run.reproductions] == [
        ("not reproducible", None, None, 0),
        ("differs", ANOTHER_ID, "different", 2),
    ]
    assert run.reproduces is None


def test_the_run_that_repeated_it_names_the_original():
    again = apply_events(manifest(), [event(1, "reproduction", {"of": ANOTHER_ID, "verdict": "reproduced"})])
    assert again.reproduces is not None
    assert (again.reproduces.run, again.reproduces.verdict) == (ANOTHER_ID, "reproduced")


def test_a_strangers_event_is_not_trusted_with_types():
    run = apply_events(manifest(), [event(1, "reproduced", {"verdict": 3, "again": ["x"], "differences": "many"})])
    assert (run.reproductions[0].run, run.reproductions[0].differences) == (None, 0)
