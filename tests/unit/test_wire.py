"""Records survive the way to bytes and back; bytes that are none are said to be, whatever they hold."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exptrack import model, wire
from exptrack.errors import Damaged, ExptrackError
from exptrack.typed import Any
from made import AN_ID, manifest

TOP = (model.RunManifest, model.Start, model.End, model.Event, model.Promotion, model.StoredFile)
# Any str at all, lone surrogates (file names that are not UTF-8) too.
ANY_TEXT = st.text(st.characters(), max_size=6)
few = settings(max_examples=settings.default.max_examples // 3)  # a RunManifest has forty fields: each example is many
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
EXACT_JSON = JSON.filter(lambda v: not any_not_finite(v))


def exact(value):
    """A value so that equal means the same: NaN is NaN, -0.0 is not 0.0, 1 is neither 1.0 nor True."""
    if is_dataclass(value):
        return type(value), {f.name: exact(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {k: exact(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [exact(v) for v in value]
    return repr(value)


def outcome(cls, data):
    """What decoding gives: a record, or our own error; any other exception is the bug these tests look for."""
    try:
        return wire.decode(cls, data, "it")
    except ExptrackError as e:
        return e


def any_not_finite(value):
    """NaN inside `extra` and event data comes back as the text "nan": nothing says there that it was a number."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, (list, dict)):
        return any(any_not_finite(v) for v in (value.values() if isinstance(value, dict) else value))
    return False


def strategy(kind):
    """Values of an annotated type."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return EXACT_JSON
    if kind == model.Scalar:
        # A NaN among parameters and tags is text: only fields that are numbers know what "nan" means.
        return st.none() | st.booleans() | st.integers() | ANY_TEXT | st.floats(allow_nan=False, allow_infinity=False)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(strategy(k) for k in inner))
    if origin is tuple:
        return st.lists(strategy(inner[0]), max_size=3).map(tuple)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(ANY_TEXT, strategy(inner[1]), max_size=3)
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        known = {f.name: strategy(hints[f.name]) for f in fields(kind) if f.name != "extra"}
        if "extra" in hints:
            names = {f.name for f in fields(kind)} | {"format"}
            known["extra"] = st.dictionaries(ANY_TEXT.filter(lambda n: n not in names), EXACT_JSON, max_size=3)
        return st.fixed_dictionaries(known).map(lambda values: kind(**values))
    return {
        type(None): st.none(),
        bool: st.booleans(),
        int: st.integers(),
        float: st.floats(),
        str: ANY_TEXT,
    }[kind]


@pytest.mark.parametrize("cls", TOP, ids=lambda c: c.__name__)
@few
@given(data=st.data())
def test_every_record_comes_back_as_it_went(cls, data):
    record = data.draw(strategy(cls))
    again = wire.decode(cls, wire.encode(record), "it")
    assert exact(again) == exact(record)
    assert wire.encode(again) == wire.encode(record)


@pytest.mark.parametrize("cls", TOP, ids=lambda c: c.__name__)
@few
@given(data=st.data())
def test_the_bytes_are_one_line_of_ascii_that_any_json_reader_takes(cls, data):
    written = wire.encode(data.draw(strategy(cls)))
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1
    assert written.isascii()

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    read = json.loads(written, parse_constant=refuse)
    assert read["format"] == wire.FORMAT
    assert list(read) == sorted(read)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.0])
def test_numbers_keep_their_last_bit(value):
    metric = model.MetricSummary(first=value, last=value, min=value, max=value, count=1)
    again = wire.decode(model.RunManifest, wire.encode(manifest(metrics={"loss": metric})), "it")
    assert repr(again.metrics["loss"].last) == repr(value)


def test_an_integer_where_a_number_belongs_becomes_one():
    raw = json.loads(wire.encode(manifest()))
    again = wire.decode(model.RunManifest, json.dumps({**raw, "seconds": 60}).encode(), "it")
    assert again.seconds == 60.0
    assert isinstance(again.seconds, float)


@given(name=st.text(min_size=1), value=EXACT_JSON)
def test_fields_of_a_newer_version_survive(name, value):
    raw = json.loads(wire.encode(manifest()))
    if name in raw or name == "extra":
        return
    again = wire.decode(model.RunManifest, json.dumps({**raw, name: value}).encode(), "it")
    assert again.extra == {name: value}
    assert json.loads(wire.encode(again))[name] == value


def test_a_field_a_newer_version_put_inside_a_record_does_no_harm():
    raw = json.loads(wire.encode(manifest()))
    raw["code"]["from_the_future"] = 1
    assert wire.decode(model.RunManifest, json.dumps(raw).encode(), "it").code == model.CodeState()


def test_a_newer_format_is_refused_with_what_to_do():
    data = wire.encode(manifest()).replace(b'"format":1', b'"format":2')
    with pytest.raises(ExptrackError) as e:
        wire.decode(model.RunManifest, data, "manifest of run x")
    assert e.value.exit_code == 2
    assert "manifest of run x" in e.value.message
    assert "format 2" in e.value.message
    assert "upgrade" in e.value.hint


@given(data=st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v).encode()))
@pytest.mark.parametrize("cls", TOP, ids=lambda c: c.__name__)
def test_whatever_the_bytes_are_only_our_own_error_comes_out(cls, data):
    came = outcome(cls, data)
    if isinstance(came, ExptrackError):
        assert came.exit_code in (2, 6)
        assert "it" in came.message
        assert came.hint


@pytest.mark.parametrize("cls", TOP, ids=lambda c: c.__name__)
@few
@given(data=st.data())
def test_one_field_of_another_type_is_damage_not_a_crash(cls, data):
    raw = json.loads(wire.encode(data.draw(strategy(cls))))
    raw[data.draw(st.sampled_from(sorted(set(raw) - {"format"})))] = data.draw(JSON)
    came = outcome(cls, json.dumps(raw).encode())
    if isinstance(came, ExptrackError):
        assert came.exit_code == 6
    else:
        assert exact(wire.decode(cls, wire.encode(came), "it")) == exact(came)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("where", ['"extra_of_a_newer_version":', '"asked":{"a":', '"params":{"lr":'])
def test_a_foreign_number_that_json_does_not_have_becomes_the_text_we_write_for_it(where, text):
    raw = json.loads(wire.encode(manifest()))
    name = where.split('"')[1]
    raw.pop(name, None)
    closing = "}" * where.count("{")
    data = wire.dump(raw).rstrip()[:-1] + f",{where}{text}{closing}}}".encode()
    came = wire.decode(model.RunManifest, data, "it")
    assert f'{where}"{float(text)!r}"'.encode() in wire.encode(came)
    assert exact(wire.decode(model.RunManifest, wire.encode(came), "it")) == exact(came)


@pytest.mark.parametrize("cls", TOP, ids=lambda c: c.__name__)
def test_a_record_that_lacks_a_field_is_damaged_and_says_which(cls):
    required = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    with pytest.raises(Damaged) as e:
        wire.decode(cls, b"{}", "it")
    for name in required:
        assert name in e.value.message


DAMAGED = {
    "nothing": b"",
    "half": wire.encode(manifest())[:-40],
    "a list": b"[]",
    "a number": b"1",
    "not UTF-8": b'{"id": "\xff"}',
    "nested ten thousand deep": b'{"id": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "nested ten thousand deep, unclosed": b'{"a":' * 10_000,
    "objects ten thousand deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a number of ten thousand digits": b'{"id": ' + b"9" * 10_000 + b"}",
    "a number no float can be": wire.encode(manifest()).replace(b'"seconds":60.0', b'"seconds":1' + b"0" * 400),
    "a text that stands for no number": wire.encode(manifest()).replace(b'"seconds":60.0', b'"seconds":"many"'),
    "true for a number": wire.encode(manifest()).replace(b'"seconds":60.0', b'"seconds":true'),
    "a text for a list": wire.encode(manifest()).replace(b'"command":["python","train.py"]', b'"command":"rm"'),
    "null for an id": wire.encode(manifest()).replace(f'"id":"{AN_ID}"'.encode(), b'"id":null'),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_bytes_that_are_no_record_are_damage(data):
    with pytest.raises(Damaged) as e:
        wire.decode(model.RunManifest, data, "manifest of run x")
    assert e.value.exit_code == 6
    assert "manifest of run x" in e.value.message
    assert len(e.value.message) < 500


def test_of_a_key_that_stands_twice_every_reader_takes_the_last():
    data = wire.encode(manifest()).replace(b'"status":"finished"', b'"status":"failed","status":"finished"')
    assert wire.decode(model.RunManifest, data, "it").status == "finished"


@pytest.mark.parametrize("depth", [50, 300, 900, 2_000])
def test_what_could_be_read_can_be_written_again(depth):
    raw = wire.encode(manifest())[:-2] + b',"deep":' + b"[" * depth + b"]" * depth + b"}"
    record = outcome(model.RunManifest, raw)
    if isinstance(record, Damaged):
        assert depth > wire.MAX_DEPTH
    else:
        assert wire.decode(model.RunManifest, wire.encode(record), "it") == record


def test_a_record_of_absurd_size_is_not_even_parsed(monkeypatch):
    monkeypatch.setattr(wire, "MAX_RECORD_BYTES", 100)
    with pytest.raises(Damaged, match="bytes long"):
        wire.decode(model.RunManifest, wire.encode(manifest()), "it")
