from __future__ import annotations

import fcntl
import io
import os
import struct
import subprocess
import sys
import termios

import pytest

from exptrack.cli.screen import Column, Screen, Span, fitted, has_colour
from made_runs import piped, terminal, text_of

ROWS = [["a", "1"], ["日本", Span("22", "red")]]


@pytest.mark.parametrize(
    ("is_terminal", "environment", "expected"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),  # no-color.org: "when present and not an empty string"
        (True, {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (False, {"TERM": "xterm"}, False),
        (False, {"TERM": "xterm", "FORCE_COLOR": "1"}, False),  # the contract: a pipe is never coloured
    ],
)
def test_when_there_are_colours(is_terminal, environment, expected):
    assert has_colour(is_terminal, environment) is expected


def test_a_terminal_is_found_with_its_width():
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 132, 0, 0))
    with os.fdopen(theirs, "w") as file:
        screen = Screen.of(file, {"TERM": "xterm"})
        assert (screen.is_terminal, screen.has_colour, screen.width) == (True, True, 132)
        assert Screen.of(file, {"COLUMNS": "77"}).width == 77
        assert Screen.of(file, {"COLUMNS": "5"}).width == 40
        assert Screen.of(file, {"COLUMNS": "wide"}).width == 132
    os.close(ours)


def test_a_terminal_that_tells_no_width_counts_as_80():
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as file:
        assert Screen.of(file, {}).width == 80
    os.close(ours)


def test_a_pipe_is_no_terminal(tmp_path):
    with open(tmp_path / "out", "w") as file:
        screen = Screen.of(file, {"TERM": "xterm", "COLUMNS": "40"})
        assert (screen.is_terminal, screen.has_colour) == (False, False)


def test_tables_in_a_pipe_are_aligned_and_whole():
    screen = piped(width=10)
    screen.table([Column("name"), Column("value", is_right=True)], [*ROWS, ["x" * 200, "-"]])
    lines = text_of(screen).splitlines()
    assert lines[1] == "a" + " " * 199 + "      1"
    assert lines[2].startswith("日本" + " " * 196)
    assert lines[3] == "x" * 200 + "      -"


def test_tables_on_a_terminal_fit_it():
    screen = terminal(width=40)
    screen.table([Column("id", is_fixed=True), Column("text")], [["0123456789abcdef", "y" * 200]])
    lines = text_of(screen).splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert lines[1].startswith("0123456789abcdef  yyy")
    assert lines[1].endswith("…")


@pytest.mark.parametrize(
    ("widths", "is_fixed", "room", "expected"),
    [
        ([16, 10, 10], [True, False, False], 40, [16, 10, 10]),
        ([16, 100, 10], [True, False, False], 40, [16, 14, 10]),
        ([16, 100, 90], [True, False, False], 40, [16, 12, 12]),
        ([16, 100], [True, False], 18, [9, 9]),  # no room beside what is fixed
        ([50] * 30, [False] * 30, 40, [1] * 30),
    ],
)
def test_the_widest_columns_give_way_first(widths, is_fixed, room, expected):
    assert fitted(widths, is_fixed, room) == expected


def test_rows_may_have_different_lengths():
    screen = piped()
    screen.columns([["a"], ["bb", "c"], []], "  ")
    assert text_of(screen) == "  a\n  bb  c\n\n"


def test_a_table_without_rows_is_its_head():
    screen = piped()
    screen.table([Column("a"), Column("b")], [])
    screen.columns([])
    assert text_of(screen) == "a  b\n"


@pytest.mark.parametrize("make", [piped, terminal])
@pytest.mark.parametrize("is_coloured", [False, True])
def test_nothing_a_run_says_reaches_the_terminal_as_a_command(make, is_coloured):
    screen = make(has_colour=is_coloured)
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m[red]\u202e"
    screen.line(evil, Span(evil, "green"))
    screen.columns([[evil, evil]])
    screen.table([Column(evil)], [[evil], [Span(evil, "bold red")]])
    said = text_of(screen).replace("\x1b[", "\x1b" if is_coloured else "\x1b[")
    for raw in ("\x1b]", "\x1b[", "\x1b2J", "\x07", "\x9b", "\u202e"):
        assert raw not in said
    assert said.count("\\x1b[2J\\x9b31m[red]\\u202e") == 7


def test_colours_are_sent_where_there_are_some():
    screen = terminal(has_colour=True)
    screen.line(Span("bad", "red"), " ", Span("", "red"), Span("fine"))
    screen.table([Column("a")], [[Span("bad", "red")]])
    assert text_of(screen).startswith("\x1b[31mbad\x1b[0m fine\n")
    assert "\x1b[31mbad" in text_of(screen).splitlines()[2]


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_file_that_takes_only_ascii_gets_ascii(is_terminal):
    raw = io.BytesIO()
    screen = Screen(io.TextIOWrapper(raw, "ascii"), is_terminal=is_terminal)
    screen.line("↑ ✓ é")
    screen.table([Column("acc ↑")], [["… ü"]])
    screen.file.flush()
    assert [line.rstrip() for line in raw.getvalue().decode("ascii").splitlines()] == ["^ + \\xe9", "acc ^", "~ \\xfc"]


def test_exact_text_keeps_the_bytes_of_files_that_are_no_utf8():
    raw = io.BytesIO()
    screen = Screen(io.TextIOWrapper(raw, "utf-8"))
    screen.line("first")
    screen.write_exact("+caf\udce9\r\n")
    screen.file.flush()
    assert raw.getvalue() == b"first\n+caf\xe9\r\n"


def test_a_pipe_never_costs_the_import_of_rich():
    code = """
import sys
from exptrack.cli.table import print_runs
from exptrack.cli.show import print_run
from exptrack.cli.diffview import print_diff
from exptrack.cli.modelview import print_models
from exptrack.cli.screen import Column, Screen
screen = Screen.of()
screen.table([Column("a")], [["b"]])
print(sorted(m for m in sys.modules if m.split(".")[0] in ("rich", "typer", "git", "sqlite_utils")))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "a\nb\n[]\n"
