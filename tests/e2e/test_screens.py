"""Whole screens as a person sees them, kept as text: each program once bare and once behind `exptrack run`.

test_terminal.py asks for single facts (modes, signals, bytes); here everything on the screen counts: characters,
colours, cursor. `./train` is the program itself or `exec exptrack run -- program`: the shell's own words are equal too.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rendered import Rendered, Take
from tool import BIN, EXPTRACK

PY = sys.executable
Start = Callable[..., Take]


@pytest.fixture(params=["bare", "wrapped"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / ".exptrack").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def start(place: Path, way: str) -> Start:
    """start(name, code): `code` as ./train, on a terminal whose screens are golden/screens/NAME.txt; `line` is given to
    `sh -c` around it, `shell` types into an interactive bash instead."""
    env = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(place.parent),
        "TERM": "linux",
        "LANG": "C.UTF-8",
        "LESSHISTFILE": "-",
        "INPUTRC": "/dev/null",
        "PS1": "READY> ",
    }

    def begin(name: str, code: str, *, line: str = "exec ./train", shell: bool = False) -> Take:
        program(place, code, f"exec {EXPTRACK} run -q --" if way == "wrapped" else "exec")
        words = ["bash", "--norc", "--noprofile", "--noediting", "-i"] if shell else ["sh", "-c", line]
        return Take(name, way, words, env=env)

    return begin


def program(place: Path, code: str, how: str) -> None:
    """./train: the Python program, or the command line when `code` starts with one (`$ less text`)."""
    if code.startswith("$ "):
        command = code[2:]
    else:
        (place / "program.py").write_text(code)
        command = f"{PY} program.py"
    (place / "train").write_text(f"#!/bin/sh\n{how} {command}\n")
    (place / "train").chmod(0o755)


# Waits for a file: what is on the screen until then is what the test looks at.
WAIT = """
import os, time
def wait(name):
    while not os.path.exists(name): time.sleep(0.01)
"""

# Without times and rates, which are never the same twice; every step is drawn.
BARS = (
    WAIT
    + """
from tqdm import tqdm
look = dict(bar_format="{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}", mininterval=0, miniters=1)
for epoch in tqdm(range(2), desc="epoch", position=0, colour="green", **look):
    with tqdm(total=40, desc="batch", position=1, leave=False, dynamic_ncols=True, **look) as batches:
        for batch in range(40):
            if batch == 30: wait(f"go{epoch}")
            batches.set_postfix(loss=f"{1 / (batch + 1):.4f}", refresh=False)
            batches.update()
    tqdm.write(f"epoch {epoch}: val/acc=0.{epoch + 8}")
print("\\x1b[1;32mdone\\x1b[0m")
"""
)


def test_tqdm_with_two_bars(start: Start, place: Path) -> None:
    with start("tqdm", BARS) as screen:
        screen.shows("the first epoch at three quarters", "30/40")
        (place / "go0").touch()
        screen.shows("the second one, below what was written", "30/40")
        (place / "go1").touch()
        screen.shows("the end", "done")
        screen.end(0)


def test_ctrl_z_and_fg_in_the_middle_of_a_bar(start: Start, place: Path) -> None:
    with start("ctrl-z", BARS, shell=True) as screen:
        screen.shows("the shell", "READY>")
        screen.type("./train\n")
        screen.shows("running", "30/40")
        screen.type("\x1a")
        screen.shows("stopped", "Stopped")
        screen.type("fg\n")
        screen.shows("in the foreground again", "fg")
        for name in ("go0", "go1"):
            (place / name).touch()
        screen.shows("the end", "done")
        screen.type("exit 7\n")
        screen.end(7)


TABLE = """
import os, shutil, signal, sys, time
changes = ["start"]
signal.signal(signal.SIGWINCH, lambda *_: changes.append("size"))
while not os.path.exists("go"):
    if changes:
        changes.pop()
        columns, rows = shutil.get_terminal_size()
        sys.stdout.write("\\x1b[2J\\x1b[H" + f"{columns} x {rows}".center(columns, "=") + "\\n")
        sys.stdout.write("right".rjust(columns))
        sys.stdout.write(f"\\x1b[{rows};1H\\x1b[7mlast row\\x1b[0m")
        sys.stdout.flush()
    time.sleep(0.01)
"""


def test_a_window_that_changes_its_size(start: Start, place: Path) -> None:
    with start("resize", TABLE) as screen:
        screen.shows("as it was started", "60 x 12")
        screen.resize(8, 40)
        screen.shows("smaller", "40 x 8")
        screen.resize(14, 72)
        screen.shows("larger", "72 x 14")
        (place / "go").touch()
        screen.end(0)


@pytest.mark.skipif(shutil.which("less") is None, reason="no less on this machine; the pager in Python is tried anyhow")
def test_less(start: Start, place: Path) -> None:
    (place / "text").write_text("".join(f"line {i} of the text\n" for i in range(1, 101)))
    with start("less", "$ less text") as screen:
        screen.shows("the first page", "line 11 of")
        screen.type(" ")
        screen.shows("the next one", "line 22 of")
        screen.type("/line 5.\n")
        screen.shows("searched", "line 50 of")
        screen.resize(8, 50)
        screen.shows("in a smaller window", "line 50 of")
        screen.type("G")
        screen.shows("the end of the text", "(END)")
        screen.type("q")
        screen.end(0)


PAGER = """
import os, sys, termios, tty
keys = os.open("/dev/tty", os.O_RDWR)
rows = os.get_terminal_size(keys).lines
lines = sys.stdin.read().splitlines()
before = termios.tcgetattr(keys)
tty.setcbreak(keys)
try:
    for i, line in enumerate(lines, 1):
        print(line)
        if i % (rows - 1) == 0:
            print("\\x1b[7m--more--\\x1b[0m", end="", flush=True)
            key = os.read(keys, 1)
            print("\\r\\x1b[K", end="", flush=True)
            if key == b"q": break
finally:
    termios.tcsetattr(keys, termios.TCSADRAIN, before)
"""


@pytest.mark.parametrize("line", ["seq 1 100 | ./train", "sh -c 'seq 1 100 | ./train'; exit 0"])
def test_a_pager_that_reads_text_from_a_pipe_and_keys_from_the_terminal(start: Start, line: str) -> None:
    with start("pager", PAGER, line=line) as screen:
        screen.shows("the first page", "--more--")
        screen.type(" ")
        screen.shows("the next one", "22")
        screen.type("q")
        screen.shows("left", "22")
        screen.end(0)


PASSWORD = """
import getpass
print("registry.example.invalid wants to know")
password = getpass.getpass("Password for ada: ")
print("thank you,", len(password), "characters")
"""


def test_a_password_prompt(start: Start) -> None:
    with start("password", PASSWORD) as screen:
        screen.shows("asked", "Password for ada:")
        screen.type("hunter2")
        screen.shows("typed, and nothing of it shown", "Password for ada:")
        screen.type("x\x7f\n")
        screen.shows("answered", "7 characters")
        screen.end(0)


CURSES = """
import curses
def main(window):
    curses.curs_set(0)
    curses.use_default_colors()
    curses.init_pair(1, curses.COLOR_YELLOW, curses.COLOR_BLUE)
    key, count = "", 0
    while key != "q":
        window.erase()
        window.border()
        height, width = window.getmaxyx()
        window.addstr(0, 2, f" {width} x {height} ", curses.A_BOLD)
        window.addstr(2, 4, f"key {count}: {key}", curses.color_pair(1))
        window.addstr(height - 2, 4, "q quits", curses.A_REVERSE)
        window.refresh()
        key = window.getkey()
        count += 1
curses.wrapper(main)
print("good bye")
"""


def test_a_curses_program(start: Start) -> None:
    with start("curses", CURSES) as screen:
        screen.shows("drawn", "q quits")
        screen.type("a")
        screen.shows("a key", "key 1: a")
        screen.type("\x1b[A")
        screen.shows("an arrow", "KEY_UP")
        screen.resize(9, 40)
        screen.shows("in a smaller window", "KEY_RESIZE")
        screen.type("q")
        screen.shows("left", "good bye")
        screen.end(0)


INPUT = """
name = input("What is your name? ")
import readline
readline.add_history("an earlier answer")
print("Hello,", input("And with line editing? "))
try:
    input("Ctrl-D: ")
except EOFError:
    print("(the end)")
try:
    input("Ctrl-C: ")
except KeyboardInterrupt:
    print("(interrupted)")
"""


def test_input_with_and_without_line_editing(start: Start) -> None:
    with start("input", INPUT) as screen:
        screen.shows("asked", "What is your name?")
        screen.type("Adx\x7fa\n")
        screen.shows("asked again", "And with line editing?")
        screen.type("\x1b[A")
        screen.shows("the answer before", "an earlier answer")
        screen.type("\x15wrong\x1b[D\x1b[D\x7f\x7f\n")
        screen.shows("edited", "Ctrl-D:")
        screen.type("\x04")
        screen.shows("the end of input", "Ctrl-C:")
        screen.type("half\x03")
        screen.shows("interrupted", "(interrupted)")
        screen.end(0)


WIDE = """
import shutil
print("café 日本語 ▏▎▍▌▋▊▉█ \\x1b[38;5;208morange\\x1b[0m \\x1b[48;2;10;20;30mtrue colour\\x1b[0m")
print("a line that is longer than the terminal is wide and goes on in the next row", end="|\\n")
print("\\ttab\\b\\b\\bTAB\\x1b[s\\x1b[5;5Hplaced\\x1b[u back", "\\x1b]0;title\\x07")
print("one\\rONE", "\\x1b[4munder\\x1b[24m", "\\x1b[A\\x1b[20Cup\\n", sep="")
"""


def test_wide_characters_colours_and_a_moving_cursor(start: Start) -> None:
    with start("escapes", WIDE) as screen:
        screen.shows("printed", "up")
        screen.end(0)


def test_what_exptrack_says_itself_is_one_line_before_and_one_after(place: Path) -> None:
    """Not quiet, the rest of the screen is still the program's own."""
    command = [EXPTRACK, "run", "--", PY, "-c", "print('epoch 1 loss=0.5')"]
    with Rendered(command, env=dict(os.environ), rows=6, columns=90) as screen:
        screen.rest()
        first, said, last = (line.rstrip() for line in screen.drawn.display if line.strip())
    assert first.startswith("exptrack: recording ")
    assert said == "epoch 1 loss=0.5"
    assert last.startswith("exptrack: finished ")
