"""What a program says about itself in $EXPTRACK_METRICS: whole lines once, odd ones as warnings, never an error."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.model import Declared, Point
from exptrack.record.sidecar import MAX_WARNINGS, Sidecar, flatten


@pytest.fixture
def sidecar(tmp_path):
    return Sidecar(str(tmp_path / "metrics.jsonl"))


def say(sidecar, *lines):
    with open(sidecar.path, "ab") as f:
        for line in lines:
            f.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")


def test_a_file_that_is_not_there_yet_says_nothing(sidecar):
    assert sidecar.poll() == []
    say(sidecar, {"loss": 1})
    assert sidecar.poll() == [Point("loss", 1.0)]


def test_metrics_carry_the_step_epoch_and_time_of_their_line(sidecar):
    say(sidecar, {"step": 10, "epoch": 0.5, "at": 1763.25, "loss": 0.3, "val/acc": 0.9}, {"step": 1.5, "loss": 1})
    assert sidecar.poll() == [
        Point("loss", 0.3, 10, 0.5, 1763.25),
        Point("val/acc", 0.9, 10, 0.5, 1763.25),
        Point("loss", 1.0, 1.5),
    ]
    assert sidecar.poll() == []
    assert sidecar.warnings == []


def test_nested_metrics_join_with_slashes_and_what_is_no_number_is_left(sidecar):
    say(sidecar, {"val": {"acc": 0.5, "per class": {"a": 1}}, "name": "x", "ok": True, "none": None, "list": [1]})
    assert sidecar.poll() == [Point("val/acc", 0.5), Point("val/per class/a", 1.0)]


def test_not_a_number_and_infinities_in_every_spelling(sidecar):
    say(sidecar, b'{"a": NaN, "b": Infinity, "c": -Infinity, "d": "nan", "e": "Inf", "f": "-inf", "g": "Infinity"}\n')
    values = {p.name: p.value for p in sidecar.poll()}
    assert math.isnan(values.pop("a"))
    assert math.isnan(values.pop("d"))
    assert values == {"b": math.inf, "c": -math.inf, "e": math.inf, "f": -math.inf, "g": math.inf}


@given(value=st.floats(), step=st.none() | st.integers() | st.floats())
def test_every_bit_of_a_float_arrives(tmp_path_factory, value, step):
    sidecar = Sidecar(str(tmp_path_factory.mktemp("s") / "m"))
    say(sidecar, {"x": value, "step": step})
    (point,) = sidecar.poll()
    assert repr(point.value) == repr(value)
    is_usable = step is not None and math.isfinite(step)
    assert point.step == (step if is_usable else None)


def test_params_tags_and_artifacts_are_collected(sidecar):
    say(
        sidecar,
        {"params": {"lr": 0.1, "model": {"depth": 4, "layers": [1, 2]}, "x": None}},
        {"params": {"lr": 0.2}},
        {"tags": {"data": "v2", "n": 5}},
        {"artifact": {"kind": "model", "path": "m.pt"}},
        {"artifact": {"kind": "model", "path": "m.pt"}},
        {"artifact": {"path": "r.html"}},
    )
    assert sidecar.poll() == []
    assert sidecar.params == {"lr": 0.2, "model.depth": 4, "model.layers": "[1, 2]", "x": None}
    assert sidecar.tags == {"data": "v2", "n": "5"}
    assert sidecar.artifacts == [Declared(label="model", pattern="m.pt"), Declared(label="output", pattern="r.html")]


def test_a_torn_last_line_waits_until_it_is_whole(sidecar):
    say(sidecar, {"a": 1}, b'{"b"')
    assert sidecar.poll() == [Point("a", 1.0)]
    assert sidecar.poll() == []
    say(sidecar, b": 2}")
    assert sidecar.poll() == []
    say(sidecar, b"\n")
    assert sidecar.poll() == [Point("b", 2.0)]
    assert sidecar.warnings == []


@given(cuts=st.lists(st.integers(0, 60), max_size=5))
def test_it_does_not_matter_where_a_write_was_cut(tmp_path_factory, cuts):
    sidecar = Sidecar(str(tmp_path_factory.mktemp("s") / "m"))
    data = b'{"a": 1, "step": 1}\n\n{"b": 2}\r\n{"params": {"x": 1}}\n{"a": 3}\n'
    points, start = [], 0
    for cut in sorted({*cuts, len(data)}):
        say(sidecar, data[start:cut])
        start = max(start, cut)
        points += sidecar.poll()
    assert points == [Point("a", 1.0, 1), Point("b", 2.0), Point("a", 3.0)]
    assert (sidecar.params, sidecar.warnings) == ({"x": 1}, [])


ODD = {
    "not JSON": b"loss: 1",
    "a list": b"[1]",
    "a number": b"5",
    "not UTF-8": b'{"a\xff": 1}',
    "binary": bytes(range(11, 256)),
    "deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep list": b"[" * 100_000,
    "deep params": b'{"params": ' + b'{"a":' * 900 + b"1" + b"}" * 901,
    "an artifact without a path": b'{"artifact": {"kind": "model"}}',
    "an artifact whose path is a number": b'{"artifact": {"kind": "model", "path": 5}}',
    "an artifact whose path is empty": b'{"artifact": {"kind": "model", "path": ""}}',
    "a number of five thousand digits": b'{"a": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("line", ODD.values(), ids=ODD)
def test_an_odd_line_is_a_warning_and_costs_no_other(sidecar, line):
    say(sidecar, {"before": 1}, line + b"\n", {"after": 2})
    points = {p.name: p.value for p in sidecar.poll()}
    assert points["before"] == 1.0
    assert points["after"] == 2.0
    if line != ODD["deep params"]:  # that one may fit, as the stack allows
        assert len(sidecar.warnings) == 1
        assert "not understood" in sidecar.warnings[0]
        assert len(sidecar.warnings[0]) < 300


def test_a_number_beyond_every_float_is_infinite_and_costs_no_other(sidecar):
    say(sidecar, b'{"a": 1' + b"0" * 400 + b', "b": -1' + b"0" * 400 + b', "c": 1, "step": 1' + b"0" * 400 + b"}\n")
    assert sidecar.poll() == [Point("a", math.inf), Point("b", -math.inf), Point("c", 1.0)]
    assert sidecar.warnings == []


def test_a_million_odd_lines_are_not_a_million_warnings(sidecar):
    say(sidecar, b"what\n" * 1000)
    sidecar.poll()
    assert len(sidecar.warnings) == MAX_WARNINGS + 1
    assert sidecar.warnings[-1] == f"{1000 - MAX_WARNINGS} more sidecar lines not understood"


@given(lines=st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_are_an_error(tmp_path_factory, lines):
    sidecar = Sidecar(str(tmp_path_factory.mktemp("s") / "m"))
    say(sidecar, *(line + b"\n" for line in lines), {"last": 1})
    assert sidecar.poll()[-1] == Point("last", 1.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.sampled_from(["step", "epoch", "at", "params", "tags", "artifact", "loss"])


@given(data=st.dictionaries(WORDS, JSON, max_size=4))
def test_no_json_is_an_error(tmp_path_factory, data):
    sidecar = Sidecar(str(tmp_path_factory.mktemp("s") / "m"))
    say(sidecar, data)
    for point in sidecar.poll():
        assert isinstance(point.value, float)
        assert point.step is None or math.isfinite(point.step)
    assert all(isinstance(v, (str, int, float, bool, type(None))) for v in sidecar.params.values())
    assert all(isinstance(v, str) for v in sidecar.tags.values())


def test_the_package_and_the_reader_agree(sidecar):
    """What `import exptrack` writes is what is read here."""
    code = (
        "import exptrack\nexptrack.log({'val/acc': 0.1 + 0.2, 'x': float('nan')}, step=3)\n"
        "exptrack.params(lr=1e-4, deep={'a': 1})\nexptrack.tags(a='b')\nexptrack.artifact('model', '/m.pt')\n"
    )
    env = {**os.environ, "EXPTRACK_METRICS": sidecar.path}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    accuracy, nan = sidecar.poll()
    assert accuracy == Point("val/acc", 0.1 + 0.2, 3)
    assert math.isnan(nan.value)
    assert sidecar.params == {"lr": 1e-4, "deep.a": 1}
    assert (sidecar.tags, sidecar.artifacts) == ({"a": "b"}, [Declared(label="model", pattern="/m.pt")])
    assert sidecar.warnings == []


def test_flatten_keeps_scalars_and_makes_text_of_the_rest():
    assert flatten({"a": {"b": {"c": 1}}, "d": [1, {"e": 2}], "f": {}, 5: True}) == {
        "a.b.c": 1,
        "d": '[1, {"e": 2}]',
        "5": True,
    }


def test_a_last_object_without_its_line_feed_counts_when_the_program_has_ended(sidecar):
    say(sidecar, {"step": 1, "loss": 0.5}, b'{"step": 2, "loss": 0.25}')
    assert sidecar.poll() == [Point("loss", 0.5, 1)]
    assert sidecar.poll() == []
    sidecar.end()
    assert sidecar.poll() == [Point("loss", 0.25, 2)]
    assert sidecar.poll() == []


@pytest.mark.parametrize("torn", [b'{"step": 2, "lo', b'{"a": {"b": 1}', b'{"a": 1}}', b"2}", b"[1]", b"\xff}"])
def test_a_torn_last_line_never_counts(sidecar, torn):
    say(sidecar, {"loss": 0.5}, torn)
    sidecar.end()
    assert sidecar.poll() == [Point("loss", 0.5)]
    assert sidecar.warnings == []
