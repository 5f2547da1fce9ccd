"""Lines of one shape read in one go tell what they tell one by one: every value, step, epoch and their order."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.record.columns import WORTH_IT, Shapes
from exptrack.record.points import READ_AT_ONCE, PointWriter, blocks_of
from exptrack.record.sidecar import Sidecar

MANY = WORTH_IT + 50


def told(tmp_path, lines):
    """(points read in one go where that can be, points of the same lines each read alone), by metric."""
    path = tmp_path / "lines"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    together, alone, one = Sidecar(str(path)).poll(), [], Sidecar(str(tmp_path / "one"))
    for line in lines:
        with open(one.path, "ab") as f:
            f.write(line + b"\n")
        alone += one.poll()
    return [sorted(points, key=lambda p: p.name) for points in (together, alone)]


def is_in_columns(*lines):
    return any(columns for _, columns in Shapes().runs(lines))


def numbered(text, n=MANY):
    return [text.replace("#", str(i)).encode() for i in range(n)]


def test_lines_of_a_training_are_columns():
    (run,) = Shapes().runs(numbered('{"step": #, "epoch": 1.5, "loss": 0.#5, "val/acc": -#e-2}'))
    columns = {c.name: c for c in run[1]}
    assert columns.keys() == {"loss", "val/acc"}
    assert columns["loss"].size == MANY
    assert columns["loss"].points()[3] == ("loss", 0.35, 3, 1.5, None)
    assert is_in_columns(*numbered('{"step":#,"loss":#}')), "other writers leave the blanks out"
    assert is_in_columns(*numbered('{"epoch": #, "loss": 0.5}')), "the epoch is the step then"


ODD = {
    "no step": '{"loss": 0.5}',
    "a step alone": '{"step": #}',
    "a time of its own": '{"step": #, "at": 5.0, "loss": 0.5}',
    "nan": '{"step": #, "loss": NaN}',
    "an infinity": '{"step": #, "loss": 1e999}',
    "a text": '{"step": #, "loss": "0.5"}',
    "truth": '{"step": #, "loss": true}',
    "nested": '{"step": #, "val": {"loss": 0.5}}',
    "parameters": '{"step": #, "loss": 0.5, "params": {"lr": 1}}',
    "a name twice": '{"step": #, "loss": 0.5, "loss": 0.25}',
    "a name with an escape": '{"step": #, "\\u00e9": 0.5}',
    "an integer beyond every float": '{"step": #, "loss": 1' + "0" * 400 + "}",
    "a number JSON does not know": '{"step": 1, "loss": 00.5}',
    "torn": '{"step": #, "loss": 0.5',
    "two objects": '{"step": #, "loss": 0.5}{"step": 1, "loss": 0.5}',
    "an object begun twice": '{"step": #{"loss": 0.5}',
    "nothing": "",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_what_may_mean_more_than_its_numbers_is_read_line_by_line(tmp_path, odd):
    lines = numbered(odd)
    assert not is_in_columns(*lines)
    together, alone = told(tmp_path, lines)
    assert repr(together) == repr(alone)


def test_one_line_of_another_kind_does_not_cost_the_others_their_order(tmp_path):
    lines = [*numbered('{"step": #, "loss": 0.#}'), b'{"step": 7, "loss": NaN}', *numbered('{"step": #, "loss": 1.#}')]
    lines[40:40] = [b'{"step": 39, "val": 0.5}']
    lines += numbered('{"epoch": #, "loss": 2.#}')
    together, alone = told(tmp_path, lines)
    assert repr(together) == repr(alone)
    assert [len(runs) for runs, _ in Shapes().runs(lines)] == [41, MANY - 40, 1, MANY, MANY]


NUMBERS = st.one_of(
    st.floats(allow_nan=False), st.integers(), st.sampled_from([0, -0.0, 1e-7, 5e-324, 1e22, 10**18, -(10**17), 0.1])
)
RECORDS = st.dictionaries(st.sampled_from(["step", "epoch", "loss", "m1", "a b", "x/y", "é"]), NUMBERS, min_size=1)


@given(shapes=st.lists(RECORDS, min_size=1, max_size=3), order=st.lists(st.integers(0, 2), min_size=1, max_size=4))
def test_read_together_or_alone_the_points_are_the_same(tmp_path_factory, shapes, order):
    lines = []
    for which in order:
        record = shapes[which % len(shapes)]
        lines += [json.dumps({k: v + i for k, v in record.items()}).encode() for i in range(WORTH_IT)]
    together, alone = told(tmp_path_factory.mktemp("c"), lines)
    assert repr(together) == repr(alone)


def test_columns_are_written_as_points_are(tmp_path):
    """Before and behind single points of the same metric; and no line gets longer than a reader takes."""
    sidecar = Sidecar(str(tmp_path / "lines"))
    wide = "-" + "1" * 18 + "." + "3" * 30 + "e-99"
    lines = numbered('{"step": ' + wide + ', "epoch": ' + wide + ', "loss": ' + wide + "}", 5_000)
    lines[2_500:2_500] = [b'{"step": 3, "loss": NaN}']
    lines += numbered('{"epoch": #, "acc": 0.5}')
    with open(sidecar.path, "wb") as f:
        f.write(b"\n".join(lines) + b"\n")
    writer = PointWriter(str(tmp_path / "points"))
    for points, columns in sidecar.read():
        writer.add(points, "sidecar", 5.0)
        writer.add_columns(columns, "sidecar", 5.0)
    writer.finish()
    (acc,) = (b for b in blocks_of(writer.path) if b.name == "acc")
    assert acc.steps == acc.epochs == [*range(MANY)], "the epoch is the step then"
    values = [v for block in blocks_of(writer.path) if block.name == "loss" for v in block.values]
    assert len(values) == 5_001
    assert [i for i, v in enumerate(values) if math.isnan(v)] == [2_500]
    assert {v for v in values if v == v} == {float(wide)}
    assert {b.source for b in blocks_of(writer.path)} == {"sidecar"}
    with open(writer.path, "rb") as f:
        assert max(map(len, f)) < READ_AT_ONCE // 2
