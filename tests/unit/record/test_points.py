"""Points on disk: columns that survive torn tails, full disks, a million points, odd numbers and forged files."""

from __future__ import annotations

import json
import math
import os
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.model import MetricSummary, Point
from exptrack.record.columns import Column
from exptrack.record.points import (
    MAX_NAME,
    MAX_NAMES,
    PER_LINE,
    READ_AT_ONCE,
    PointWriter,
    blocks_of,
    read_blocks,
)
from exptrack.record.summaries import summaries_of, summarise
from exptrack.wire import decode, encode

NAN, INF = math.nan, math.inf


@pytest.fixture
def writer(tmp_path):
    return PointWriter(str(tmp_path / "points.jsonl"))


def no_goal(_):
    return None


def back(writer):
    """Every point of the file as (name, source, value, step, epoch, at)."""
    return [
        (s.name, s.source, *row)
        for s in blocks_of(writer.path)
        for row in zip(s.values, s.steps, s.epochs, s.at, strict=True)
    ]


# --- writing ---------------------------------------------------------------------------------------------------------


def test_points_come_back_in_order_of_their_metric(writer):
    writer.add([Point("a", 1.0, 5, 0.5, 7.0), Point("b", 2.0), Point("a", 3.0, 6)], "stdout", 100.0)
    writer.add([Point("b", 4.0)], "stderr", 101.0)
    writer.finish()
    assert back(writer) == [
        ("a", "stdout", 1.0, 5, 0.5, 7.0),
        ("a", "stdout", 3.0, 6, None, 100.0),
        ("b", "stdout", 2.0, 0, None, 100.0),
        ("b", "stderr", 4.0, 0, None, 101.0),
    ]
    assert writer.warnings == []


def test_a_point_without_a_step_gets_its_epoch_else_its_number(writer):
    writer.add([Point("a", 1.0, None, 2.5), Point("b", 1.0), Point("b", 1.0)], "stdout", 0.0)
    writer.flush()
    writer.add([Point("b", 1.0)], "stdout", 0.0)
    writer.finish()
    assert [(name, step) for name, _, _, step, _, _ in back(writer)] == [("a", 2.5), ("b", 0), ("b", 1), ("b", 2)]


def test_times_that_differ_only_in_the_middle_are_kept(writer):
    writer.add([Point("a", 1.0, at=t) for t in (1.0, 2.0, 1.0)], "sidecar", 0.0)
    writer.finish()
    assert [at for *_, at in back(writer)] == [1.0, 2.0, 1.0]


def test_nothing_said_is_no_file(writer):
    writer.add([], "stdout", 0.0)
    writer.finish()
    assert not os.path.exists(writer.path)
    assert [*blocks_of(writer.path)] == []


numbers = st.floats() | st.integers(-(10**400), 10**400)


@given(
    points=st.lists(
        st.builds(
            Point,
            name=st.text(st.characters(), max_size=4),
            value=st.floats(),
            step=st.none() | numbers,
            epoch=st.none() | st.floats(),
            at=st.none() | st.floats(),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_the_numbers_the_values_survive_and_the_lines_are_json(tmp_path_factory, points):
    writer = PointWriter(str(tmp_path_factory.mktemp("p") / "points.jsonl"))
    writer.add(points, "stdout", 1.0)
    writer.finish()
    with open(writer.path, "rb") as f:
        for line in f:
            json.loads(line, parse_constant=lambda c: pytest.fail(f"{c} is not JSON"))
    found = {}
    for name, _, value, *_ in back(writer):
        found.setdefault(name, []).append(repr(value))
    for name in {p.name for p in points}:
        assert found[name] == [repr(p.value) for p in points if p.name == name]
    for summary in summaries_of(writer.path, no_goal).values():
        assert repr(decode(MetricSummary, encode(summary), "it").last) == repr(summary.last)


def test_a_hundred_thousand_names_are_capped_and_said(writer):
    for start in range(0, 100_000, 1000):
        writer.add([Point(f"m{i}", 1.0) for i in range(start, start + 1000)], "stdout", 0.0)
    writer.add([Point("m0", 2.0), Point("late", 1.0)], "stdout", 0.0)
    writer.finish()
    names = {name for name, *_ in back(writer)}
    assert len(names) == MAX_NAMES
    assert "late" not in names
    assert [row[2] for row in back(writer) if row[0] == "m0"] == [1.0, 2.0], "a known metric goes on"
    assert writer.warnings == [f"{100_001 - MAX_NAMES} points left out: more than {MAX_NAMES} different metric names"]


def test_columns_are_under_the_same_cap(writer):
    writer.add([Point(str(n), 0.0) for n in range(MAX_NAMES)], "stdout", 0.0)
    writer.add_columns([Column("7", b"1,2", b"5,6", b"", 2), Column("new", b"1,2", b"5,6", b"", 2)], "stdout", 0.0)
    writer.finish()
    assert "2 points left out" in writer.warnings[0]
    assert [row[2:4] for row in back(writer) if row[0] == "7"] == [(0.0, 0), (1.0, 5), (2.0, 6)]
    assert "new" not in {row[0] for row in back(writer)}


def test_a_name_of_ten_kilobytes_is_cut(writer):
    writer.add([Point("x" * 10_000, 1.0), Point("x" * 10_000, 2.0), Point("y" * MAX_NAME, 3.0)], "stdout", 0.0)
    writer.finish()
    assert [(name, value) for name, _, value, *_ in back(writer)] == [
        ("x" * MAX_NAME, 1.0),
        ("x" * MAX_NAME, 2.0),
        ("y" * MAX_NAME, 3.0),
    ]


def test_however_many_points_come_at_once_every_line_can_be_read(writer):
    """A line longer than a reader takes at once would be passed over with all its points."""
    many = 400_000
    writer.add([Point("loss", i / 7, i, i / 3, i / 11) for i in range(many)], "sidecar", 0.0)
    assert writer.is_due
    writer.finish()
    with open(writer.path, "rb") as f:
        assert max(map(len, f)) < READ_AT_ONCE / 2
    assert summaries_of(writer.path, no_goal)["loss"].count == many
    assert [row[2] for row in back(writer)] == [i / 7 for i in range(many)]


def test_the_widest_numbers_do_not_make_a_line_too_long():
    widest = json.dumps([10**308 - 1, -2.2250738585072014e-308, 10**308 - 1, -1.7976931348623157e308])
    assert len(widest) * PER_LINE < READ_AT_ONCE


def test_a_full_disk_leaves_no_torn_block_and_loses_nothing_when_there_is_room_again(writer):
    writer.add([Point("a", float(i)) for i in range(10)], "stdout", 0.0)
    writer.flush()
    with open(writer.path, "rb") as f:
        before = f.read()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        writer.add([Point("a", float(i)) for i in range(10, 20)] + [Point("b", 1.0)], "stdout", 0.0)
        for _ in range(2):
            with pytest.raises(OSError, match="large"):
                writer.flush()
            with open(writer.path, "rb") as f:
                assert f.read() == before
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    writer.add([Point("a", 20.0)], "stdout", 0.0)
    writer.finish()
    assert [row[2] for row in back(writer) if row[0] == "a"] == [float(i) for i in range(21)]
    assert [row[2] for row in back(writer) if row[0] == "b"] == [1.0]


# --- reading ---------------------------------------------------------------------------------------------------------

GOOD = {"name": "loss", "source": "stdout", "values": [1, "nan"], "steps": [1, 2], "at": 5}


def test_blocks_as_documented_are_read():
    (found,) = read_blocks([json.dumps(GOOD).encode()])
    assert (found.name, found.source, found.steps) == ("loss", "stdout", [1, 2])
    assert repr(found.values) == "[1.0, nan]"
    assert (found.epochs, found.at) == ([None, None], [5, 5])


ODD = {
    "torn": json.dumps(GOOD).encode()[:-5],
    "empty": b"",
    "a list": b"[]",
    "a number": b"5",
    "deep": b"[" * 10_000,
    "not UTF-8": b'{"name": "\xff"}',
    "no values": {**GOOD, "values": None},
    "values that are no numbers": {**GOOD, "values": ["many", 1]},
    "values beyond every float": {**GOOD, "values": [10**400, 1]},
    "fewer steps": {**GOOD, "steps": [1]},
    "no steps": {k: v for k, v in GOOD.items() if k != "steps"},
    "steps that are texts": {**GOOD, "steps": ["1", "2"]},
    "steps that are null": {**GOOD, "steps": [None, None]},
    "steps that are true": {**GOOD, "steps": [True, False]},
    "steps that are an object": {**GOOD, "steps": {"0": 1, "1": 2}},
    "a name that is a number": {**GOOD, "name": 5},
    "a name that is a list": {**GOOD, "name": ["loss"]},
    "a source that is null": {**GOOD, "source": None},
    "epochs that do not fit": {**GOOD, "epochs": [1]},
    "epochs that are texts": {**GOOD, "epochs": ["a", "b"]},
    "times that are texts": {**GOOD, "at": "now"},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_line_that_is_no_block_is_passed_over(odd):
    line = odd if isinstance(odd, bytes) else json.dumps(odd).encode()
    good = json.dumps(GOOD).encode()
    found = [*read_blocks([good, line, good])]
    assert len(found) == 2
    assert summarise(found, no_goal)["loss"].count == 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(changes=st.dictionaries(st.sampled_from([*GOOD, "epochs"]), JSON, max_size=3))
def test_no_forged_block_breaks_the_summary(changes):
    for name, summary in summarise(read_blocks([json.dumps({**GOOD, **changes}).encode()]), lambda _: "max").items():
        assert isinstance(name, str)
        assert decode(MetricSummary, encode(summary), "it")


def test_a_torn_tail_is_not_read_until_it_is_whole(writer):
    writer.add([Point("a", 1.0)], "stdout", 0.0)
    writer.flush()
    with open(writer.path, "ab") as f:
        f.write(json.dumps({**GOOD, "name": "a"}).encode())
    assert summaries_of(writer.path, no_goal)["a"].count == 1
