"""What two attempts told becomes one curve: repeated steps give way, everything else stays, in order and once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.model import Point
from exptrack.record.continued import continued, encoded
from exptrack.record.points import PER_LINE, PointWriter, Series, blocks_of, read_blocks


def series(name, values, steps=None, *, source="stdout", epochs=None, counted=()):
    n = len(values)
    return Series(
        name=name,
        source=source,
        values=list(values),
        steps=list(range(n)) if steps is None else list(steps),
        epochs=[None] * n if epochs is None else list(epochs),
        at=[0.0] * n,
        counted=counted,
    )


def merged(old, new, name="loss"):
    """(source, step, value) of one metric."""
    return [
        (s.source, step, value)
        for s in continued(lambda: old, lambda: new)
        if s.name == name
        for step, value in zip(s.steps, s.values, strict=True)
    ]


def steps(old, new, name="loss"):
    return [step for _, step, _ in merged(old, new, name)]


def test_repeated_steps_give_way():
    old = [series("loss", [9, 8, 7, 6, 5], range(5))]
    new = [series("loss", [1, 2, 3], [3, 4, 5])]
    assert [(s, v) for _, s, v in merged(old, new)] == [(0, 9), (1, 8), (2, 7), (3, 1), (4, 2), (5, 3)]


def test_from_scratch_everything_gives_way():
    assert [v for *_, v in merged([series("loss", [9, 8], [1, 2])], [series("loss", [5, 4], [1, 2])])] == [5, 4]


def test_each_metric_by_its_own_first_step():
    old = [series("loss", [1] * 10, range(10)), series("acc", [1, 1], [4, 9])]
    new = [series("loss", [2] * 4, range(7, 11)), series("acc", [2], [9])]
    assert steps(old, new) == [*range(11)]
    assert merged(old, new, "acc") == [("stdout", 4, 1), ("stdout", 9, 2)]


def test_what_only_one_of_them_tells_stays_as_it_is():
    old = [series("old", [1, 2]), series("old", [1.5, 2.5], source="sidecar")]
    new = [series("new", [3])]
    assert [*continued(lambda: old, lambda: new)] == [*old, *new]


def test_what_was_told_behind_the_checkpoint_and_never_again_goes_too():
    """Died at 12 345, went on from 12 000, died again before the next evaluation: 12 200 is of weights nobody has."""
    old = [series("loss", [1] * 345, range(12000, 12345)), series("acc", [0.5, 0.6, 0.7], [11800, 12000, 12200])]
    new = [series("loss", [2] * 50, range(12000, 12050))]
    lost = {}
    blocks = [*continued(lambda: old, lambda: new, lost)]
    assert [s for b in blocks if b.name == "acc" for s in b.steps] == [11800, 12000]
    assert lost == {"acc": 1}
    # When the next attempt comes to it, it is a curve like any other; 12 200 does not come back.
    more = [series("loss", [3] * 600, range(12020, 12620)), series("acc", [0.8], [12500])]
    assert steps(blocks, more, "acc") == [11800, 12000, 12500]
    at_once = [series("loss", [2] * 600, range(12000, 12600)), series("acc", [0.8], [12500])]
    assert steps(old, at_once, "acc") == [11800, 12000, 12500]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(series("loss", [1] * 5, range(1, 6)), series("loss", [2], [3]), id="epochs beside batches"),
        pytest.param(
            series("loss", [1] * 400, [*range(1, 201)] * 2), series("loss", [2], [50]), id="steps begin again"
        ),
        pytest.param(series("loss", [1] * 400, counted=range(400)), series("loss", [2], counted=[0]), id="no steps"),
        pytest.param(series("loss", [1] * 400), series("other", [2], [50]), id="nothing in common"),
        pytest.param(series("loss", [1] * 400), series("loss", [2], [400]), id="goes on behind it"),
    ],
)
def test_where_nobody_can_tell_a_metric_keeps_what_it_has(old, new):
    acc = series("acc", [0.1, 0.2, 0.3], [100, 200, 300])
    lost = {}
    assert [b for b in continued(lambda: [old, acc], lambda: [new], lost) if b.name == "acc"] == [acc]
    assert lost == {}


def test_one_that_is_told_at_every_start_does_not_say_where_it_began():
    old = [series("loss", [1] * 400), series("sanity", [1], [0]), series("acc", [1] * 3, [0, 200, 300])]
    new = [series("sanity", [2], [0]), series("loss", [2] * 20, range(250, 270))]
    assert steps(old, new, "acc") == [0, 200]


def test_points_without_steps_follow_and_go_on_counting():
    old = [series("lr", [1, 2, 3], counted=range(3))]
    new = [series("lr", [4, 5], counted=range(2))]
    assert merged(old, new, "lr") == [("stdout", n, n + 1) for n in range(5)]


def test_a_first_point_without_a_step_does_not_decide_what_is_repeated():
    """An evaluation before the first step, printed by every attempt."""
    old = [series("acc", [0.1, 0.5, 0.6, 0.7], [0, 100, 200, 300], counted=[0])]
    new = [series("acc", [0.6, 0.65, 0.75], [0, 300, 400], counted=[0])]
    assert [v for *_, v in merged(old, new, "acc")] == [0.1, 0.5, 0.6, 0.6, 0.65, 0.75]


def test_steps_that_start_again_with_each_epoch():
    two_and_a_half = [(e, s) for e in (1, 2, 3) for s in range(1, 5)][:10]
    old = [series("loss", [1] * 10, [s for _, s in two_and_a_half], epochs=[e for e, _ in two_and_a_half])]
    again = [(2, 3), (2, 4), (3, 1), (3, 2)]
    new = [series("loss", [2] * 4, [s for _, s in again], epochs=[e for e, _ in again])]
    assert merged(old, new) == [("stdout", s, 1) for _, s in two_and_a_half[:6]] + [("stdout", s, 2) for _, s in again]


def test_steps_that_start_again_without_epochs_repeat_the_last_pass():
    old = [series("loss", [1] * 10, [1, 2, 3, 4, 1, 2, 3, 4, 1, 2])]
    assert steps(old, [series("loss", [2] * 4, [1, 2, 3, 4])]) == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]
    assert steps(old, [series("loss", [2] * 3, [2, 3, 4])]) == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]


def test_steps_that_are_a_little_out_of_order_are_no_new_epoch():
    old = [series("loss", [1] * 6, [1, 2, 4, 3, 5, 6])]
    assert steps(old, [series("loss", [2, 2], [3, 4])]) == [1, 2, 3, 4]


def test_a_metric_that_changes_its_source_is_one_curve():
    old = [series("loss", [1, 2], source="terminal"), series("loss", [1.25, 2.25], source="sidecar")]
    new = [series("loss", [3], [2], source="stderr")]
    assert merged(old, new) == [("stderr", 0, 1.25), ("stderr", 1, 2.25), ("stderr", 2, 3)]


def test_blocks_that_end_anywhere_change_nothing():
    old = [series("loss", [n], [n]) for n in range(6)]
    new = [series("loss", [-n], [n]) for n in range(4, 8)]
    assert merged(old, new) == merged([series("loss", range(6))], [series("loss", [-4, -5, -6, -7], range(4, 8))])


def test_an_attempt_that_told_nothing_takes_nothing_away():
    old = [series("loss", [1, 2])]
    assert [*continued(lambda: old, list)] == old
    assert [*continued(list, lambda: old)] == old


@given(k=st.integers(0, 40), more=st.integers(0, 40), cut=st.lists(st.integers(1, 7), max_size=5))
def test_a_training_that_goes_on_anywhere_tells_each_step_once(k, more, cut):
    """Whatever the checkpoint and however often: the curve is that of a training that was never stopped."""

    def told(first, last, attempt):
        return [series("loss", [(s, attempt) for s in range(first, last)], range(first, last))]

    run, owner = told(0, 40, 1), dict.fromkeys(range(40), 1)
    for attempt, back in enumerate([*cut, 1], 2):
        first = max(0, max(owner) - k - back)
        last = first + more + 1
        run = [*continued(lambda run=run: run, lambda f=first, n=last, a=attempt: told(f, n, a))]
        owner = {s: a for s, a in owner.items() if s < first} | dict.fromkeys(range(first, last), attempt)
    assert [v for s in run for v in s.values] == sorted(owner.items())


# --- on disk ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def attempt(tmp_path):
    """Points as an attempt writes them; returns its file as blocks."""
    count = iter(range(9))

    def write(*points):
        writer = PointWriter(str(tmp_path / f"{next(count)}.jsonl"))
        writer.add([Point(*p) for p in points], "stdout", 1.0)
        writer.finish()
        return lambda: blocks_of(writer.path)

    return write


def test_lines_of_a_file_come_back_the_same(attempt):
    old = attempt(*(("loss", 1.0, n) for n in range(2 * PER_LINE)), ("lr", 0.5), ("lr", 0.25))
    new = attempt(
        *(("loss", 2.0, n) for n in range(PER_LINE, 3 * PER_LINE)), ("lr", 0.125), ("mixed", 1.0), ("mixed", 2.0, 7)
    )
    blocks = [*continued(old, new)]
    lines = [line.rstrip(b"\n") for line in encoded(blocks)]
    back = [*read_blocks(lines)]
    assert [(b.name, b.values, b.steps, list(b.counted)) for b in back] == [
        (b.name, b.values, b.steps, list(b.counted)) for b in blocks
    ]
    assert [v for b in back if b.name == "loss" for v in b.values] == [1.0] * PER_LINE + [2.0] * 2 * PER_LINE
    assert [s for b in back if b.name == "lr" for s in b.steps] == [0, 1, 2]
    assert [(list(b.counted), b.steps) for b in back if b.name == "mixed"] == [([0], [0, 7])]


def test_a_third_attempt_goes_on_where_two_have_counted(attempt):
    two = [*continued(attempt(("lr", 1.0), ("lr", 2.0)), attempt(("lr", 3.0)))]
    three = [*continued(lambda: two, attempt(("lr", 4.0), ("lr", 5.0)))]
    assert [(s, v) for b in three for s, v in zip(b.steps, b.values, strict=True)] == [(n, n + 1.0) for n in range(5)]
