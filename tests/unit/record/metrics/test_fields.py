"""Printed mappings after the first of their shape are read unparsed: what is read must be what parsing each gives."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.record.metrics import Recogniser
from exptrack.record.metrics.families.dicts import read
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.state import State


def parsed_and_swept(lines):
    data = "".join(line + "\n" for line in lines).encode()
    out = []
    for way in (Recogniser(witness=lambda *_: None), Recogniser()):
        found = way.feed(data) + way.close()
        out.append(sorted((p.name, repr(p.value), repr(p.step), repr(p.epoch)) for p in found))
    return out


def is_remembered(text):
    line = Line(text)
    assert read(line, State())
    return line.reading is not None


@pytest.mark.parametrize(
    "text",
    [
        '{"step": 3, "loss": 0.5, "time": 5, "phase": "train", "is_best": true}',
        "{'loss': 0.5, 'grad_norm': 1.25e-05, 'epoch': 0.02}",
        "{'loss': '0.5', 'epoch': '0.02'}",
        '2026-01-01 10:00:00 | INFO | train | {"epoch": 2, "train_loss": "3.5"}',
        'json_stats: {"iter":55080,"loss":0.000645}',
    ],
)
def test_flat_mappings_with_a_position_are_remembered(text):
    assert is_remembered(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"loss": 0.5}',
        '{"step": 3, "eval": {"loss": 0.5}}',
        '{"step": 3, "loss": [0.5]}',
        '{"step": 3, "accuracy": "50.5%"}',
        '{"step": 3, "a\\"b loss": 0.5}',
        'epoch 2: {"step": 3, "loss": 0.5}',
        "{'step': 3, 'loss': np.float64(0.5)}",
        '{"step": 3, "loss": "-5"}',
    ],
)
def test_others_are_parsed_each(text):
    assert not is_remembered(text)


KEYS = st.sampled_from(
    ["step", "epoch", "global_step", "loss", "val/acc", "lr", "learning_rate", "time", "x", "seed", "batch_size", "m_2"]
)
VALUES = st.one_of(
    st.integers(-20, 2**53 - 20),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from(["0.5", "-5", "7", "50%", "a 1", ""]),
)


@given(
    records=st.lists(st.dictionaries(KEYS, VALUES, min_size=1), min_size=1, max_size=3),
    order=st.lists(st.integers(0, 2), min_size=1, max_size=12),
    is_json=st.booleans(),
    before=st.sampled_from(["", "INFO: ", "[rank1]: ", "val: ", "epoch 3: ", "config: "]),
)
def test_parsed_or_remembered_the_points_are_the_same(records, order, is_json, before):
    lines = []
    for n, which in enumerate(order):
        record = records[which % len(records)]
        moved = {k: v + n if isinstance(v, (int, float)) and not isinstance(v, bool) else v for k, v in record.items()}
        lines.append(before + (json.dumps(moved) if is_json else str(moved)))
    parsed, swept = parsed_and_swept(lines)
    assert swept == parsed


def test_a_whole_number_where_a_fraction_was_is_judged_anew():
    """`x` is recorded beside a step as 0.5, but not as 1: counts are no metrics."""
    parsed, swept = parsed_and_swept([f'{{"step": {i}, "x": {"0.5" if i % 2 else i}}}' for i in range(20)])
    assert swept == parsed
    assert len(swept) == 10
