from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.cli import humane

NOW = 1795384800.0  # 2026-11-22T22:00:00Z


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),  # never "1024.0 KiB"
        (80 << 30, "80.0 GiB"),
        (5 << 50, "5.0 PiB"),
        (1 << 70, "1048576.0 PiB"),
    ],
)
def test_sizes(number, text):
    assert humane.size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (math.nan, "-"),
        (0.004, "0.00 s"),
        (0.42, "0.42 s"),
        (9.996, "10.0 s"),
        (12.34, "12.3 s"),
        (59.96, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (86399, "1 d 0 h"),
        (357_000, "4 d 3 h"),
        (-2, "-2.00 s"),
    ],
)
def test_durations(seconds, text):
    assert humane.duration(seconds) == text


@given(st.floats(min_value=0, max_value=1e8))
def test_a_duration_never_shows_a_full_unit_below_the_next(seconds):
    text = humane.duration(seconds)
    for full in ("60.0 s", "60 s", "60 min", "24 h"):
        assert f" {full}" not in f" {text}"


@pytest.mark.parametrize(
    ("iso", "text"),
    [
        ("2026-11-22T22:00:00.000Z", "just now"),
        ("2026-11-22T21:59:48.000Z", "12 s ago"),
        ("2026-11-22T21:57:00.000Z", "3 min ago"),
        ("2026-11-22T20:00:01.000Z", "1 h ago"),
        ("2026-11-17T22:00:00.000Z", "5 d ago"),
        ("2026-09-01T12:00:00.000Z", "2026-09-01"),
        ("2026-11-22T22:00:30.000Z", "just now"),  # another machine's clock
        ("2027-01-01T00:00:00.000Z", "2027-01-01 00:00"),
        ("not a time", "not a time"),
        (None, "-"),
    ],
)
def test_ages(iso, text):
    assert humane.age(iso, NOW) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (12345678, "12345678"),
        (3.0, "3"),
        (12345678.0, "12345678"),
        (1e20, "1e+20"),
        (0.1 + 0.2, "0.3"),
        (0.91234567, "0.912346"),
        (1e-5, "1e-05"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers(value, text):
    assert humane.number(value) == text


def test_two_numbers_get_as_many_digits_as_tell_them_apart():
    assert humane.two_numbers(0.5, 0.25) == ("0.5", "0.25")
    assert humane.two_numbers(0.90000001, 0.90000002) == ("0.90000001", "0.90000002")


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_two_numbers_that_differ_never_look_equal(a, b):
    before, after = humane.two_numbers(a, b)
    assert (before == after) == (a == b)


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), ("adam", "adam"), (None, "-"), (2, "2")])
def test_scalars(value, text):
    assert humane.scalar(value) == text


@pytest.mark.parametrize(
    ("joules", "text"), [(None, "-"), (12.34, "12.3 J"), (5000, "1.39 Wh"), (7_200_000, "2 kWh"), (math.nan, "-")]
)
def test_energy(joules, text):
    assert humane.energy(joules) == text


def test_what_a_terminal_would_obey_is_made_visible():
    assert humane.clean("\x1b[31mred\x9b0m\x07\r\n\t\x7f") == "\\x1b[31mred\\x9b0m\\x07\\r\\n\\t\\x7f"
    assert humane.clean("\u202egnp.exe\u2066\u2028") == "\\u202egnp.exe\\u2066\\u2028"
    assert humane.clean("caf\udce9 \ud800") == "caf\\xe9 \\ud800"
    assert humane.clean("Ångström 日本 🎉") == "Ångström 日本 🎉"
    assert humane.clean("\ta\n", keep="\t") == "\ta\\n"


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_clean_text_can_be_sent_anywhere(text):
    safe = humane.clean(text)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in safe)
    safe.encode("utf-8")


def test_wide_and_combining_characters_are_counted_as_a_terminal_does():
    assert humane.cells("日本") == 4
    assert humane.cells("e\u0301") == 1
    assert humane.cells("abc") == 3
