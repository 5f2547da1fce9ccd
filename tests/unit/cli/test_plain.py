from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.cli.plain import print_csv, print_json
from exptrack.cli.screen import Screen
from made_runs import piped, terminal, text_of

any_text = st.text(st.characters(codec=None, exclude_categories=()))


def test_one_line_in_a_pipe_and_indented_on_a_terminal():
    pipe, term = piped(), terminal()
    print_json(pipe, {"b": 1, "a": [True, None]})
    print_json(term, {"b": 1})
    assert (text_of(pipe), text_of(term)) == ('{"b":1,"a":[true,null]}\n', '{\n  "b": 1\n}\n')


def test_a_list_is_one_line_an_element():
    screen = piped()
    print_json(screen, [{"a": 1}, {"a": 2}])
    print_json(screen, [])
    assert text_of(screen) == '[\n{"a":1},\n{"a":2}\n]\n[]\n'


def test_what_json_cannot_say_is_a_bug_and_not_output():
    screen = piped()
    with pytest.raises(ValueError, match="Out of range"):
        print_json(screen, {"a": float("nan")})
    assert text_of(screen) == ""


@given(any_text)
def test_json_carries_any_text_and_no_control_character(text):
    screen = piped()
    print_json(screen, {"name": text})
    said = text_of(screen)
    assert json.loads(said.encode("utf-8")) == {"name": text}
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in said[:-1])


def test_json_for_an_ascii_pipe():
    raw = io.BytesIO()
    screen = Screen(io.TextIOWrapper(raw, "ascii"))
    print_json(screen, {"name": "日本 ↑"})
    screen.file.flush()
    assert json.loads(raw.getvalue()) == {"name": "日本 ↑"}


def test_csv_quotes_what_needs_it():
    screen = piped()
    rows = [["id", "note"], ["1", 'a,"b"\nc']]
    print_csv(screen, rows)
    assert text_of(screen) == 'id,note\n1,"a,""b""\nc"\n'
    assert list(csv.reader(io.StringIO(text_of(screen)))) == rows


def test_csv_keeps_what_was_recorded_but_never_commands_a_terminal():
    pipe, term = piped(), terminal()
    for screen in (pipe, term):
        print_csv(screen, [["\x1b[2Jé", "caf\udce9"]])
    assert (text_of(pipe), text_of(term)) == ("\x1b[2Jé,caf\\udce9\n", "\\x1b[2Jé,caf\\xe9\n")
