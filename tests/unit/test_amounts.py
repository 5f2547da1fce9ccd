"""Counts and sizes in messages."""

from __future__ import annotations

import pytest

from exptrack.amounts import counted, size


def test_one_is_no_plural():
    assert [counted(n, "run") for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert counted(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (-(3 * 1024**3), "-3.0 GiB"),
    ],
)
def test_bytes_in_powers_of_1024(number, text):
    assert size(number) == text
