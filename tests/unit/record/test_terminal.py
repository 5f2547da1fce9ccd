"""Terminal modes and sizes on real ptys."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

from exptrack.record.terminal import (
    Terminal,
    copy_window_size,
    device,
    has_terminal,
    open_pty,
    take_terminal,
    typed_signals,
    window_size,
)
from screen import Screen


@pytest.fixture
def pty() -> Iterator[tuple[int, int]]:
    ours, theirs = os.openpty()
    yield ours, theirs
    for fd in (ours, theirs):
        os.close(fd)


def test_the_device_is_the_same_for_every_descriptor_of_a_terminal(pty: tuple[int, int]) -> None:
    again = os.open(os.ttyname(pty[1]), os.O_RDWR | os.O_NOCTTY)
    assert device(again) == device(pty[1]) != 0
    os.close(again)


def test_what_is_no_terminal_has_no_device() -> None:
    read, write = os.pipe()
    assert (device(read), device(write)) == (0, 0)
    for fd in (read, write):
        os.close(fd)


def test_a_new_terminal_has_the_modes_and_the_size_of_the_old_one(pty: tuple[int, int]) -> None:
    modes = termios.tcgetattr(pty[1])
    modes[3] &= ~termios.ECHO
    modes[6][termios.VINTR] = b"\x07"
    termios.tcsetattr(pty[1], termios.TCSANOW, modes)
    termios.tcsetwinsize(pty[1], (11, 222))
    ours, theirs = open_pty(pty[1], is_output_only=False)
    assert termios.tcgetattr(theirs) == modes
    assert termios.tcgetwinsize(theirs) == (11, 222)
    for fd in (ours, theirs):
        os.close(fd)


def test_an_output_only_terminal_leaves_the_bytes_alone(pty: tuple[int, int]) -> None:
    ours, theirs = open_pty(pty[1], is_output_only=True)
    os.write(theirs, b"a\nb\r\tc\n")
    assert os.read(ours, 100) == b"a\nb\r\tc\n"
    assert os.isatty(theirs)
    for fd in (ours, theirs):
        os.close(fd)


def test_the_size_is_copied_when_it_changed(pty: tuple[int, int]) -> None:
    other, end = os.openpty()
    termios.tcsetwinsize(pty[1], (30, 100))
    assert copy_window_size(pty[1], other)
    assert not copy_window_size(pty[1], other)
    assert struct.unpack("HHHH", window_size(end))[:2] == (30, 100)
    for fd in (other, end):
        os.close(fd)


def test_raw_and_back(pty: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    before = termios.tcgetattr(pty[1])
    terminal = Terminal(os.dup(pty[1]))
    terminal.make_raw()
    raw = termios.tcgetattr(pty[1])
    assert not raw[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
    assert not raw[1] & termios.OPOST
    # This process is not in the foreground of that terminal: it may not touch it.
    terminal.restore()
    assert termios.tcgetattr(pty[1]) == raw
    terminal.make_raw()
    monkeypatch.setattr(Terminal, "is_in_foreground", lambda _: True)
    terminal.close()
    assert termios.tcgetattr(pty[1]) == before


def test_modes_that_the_shell_changed_meanwhile_are_the_ones_to_restore(
    pty: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Terminal, "is_in_foreground", lambda _: True)
    terminal = Terminal(os.dup(pty[1]))
    terminal.make_raw()
    terminal.restore()
    modes = termios.tcgetattr(pty[1])
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(pty[1], termios.TCSANOW, modes)
    terminal.make_raw()
    terminal.close()
    assert termios.tcgetattr(pty[1]) == modes


def test_our_own_raw_modes_are_never_taken_for_somebody_elses(
    pty: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Terminal, "is_in_foreground", lambda _: True)
    before = termios.tcgetattr(pty[1])
    terminal = Terminal(os.dup(pty[1]))
    terminal.make_raw()
    terminal.forget_modes()
    terminal.make_raw()
    terminal.close()
    assert termios.tcgetattr(pty[1]) == before


# Prints what keys would mean, asked on our end of the terminal whose leader this program is.
TYPED = """
import os, sys, termios, fcntl
from exptrack.record.terminal import typed_signals
ours, theirs = os.openpty()
pid = os.fork()
if not pid:
    os.setsid()
    fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
    if "raw" in sys.argv:
        modes = termios.tcgetattr(theirs); modes[3] &= ~termios.ISIG
        termios.tcsetattr(theirs, termios.TCSANOW, modes)
    os.write(theirs, b"ready")
    os.read(theirs, 1)
    os._exit(0)
os.read(ours, 5)
print([typed_signals(ours, keys, pid) for keys in (b"abc", b"\\x03", b"x\\x1cy")], typed_signals(ours, b"\\x03", 1))
os.write(ours, b"\\n")
os.waitpid(pid, 0)
"""


def test_keys_that_are_signals() -> None:
    def ask(*words: str) -> str:
        return subprocess.run([sys.executable, "-c", TYPED, *words], capture_output=True, text=True, check=True).stdout

    assert ask() == f"[[], [{signal.SIGINT!r}], [{signal.SIGQUIT!r}]] []\n"
    assert ask("raw") == "[[], [], []] []\n"


def test_keys_mean_nothing_on_a_terminal_without_a_session(pty: tuple[int, int]) -> None:
    assert typed_signals(pty[0], b"\x03", os.getpgrp()) == []


TAKE = "from exptrack.record.terminal import *; t = take_terminal(); print(t is not None, has_terminal())"


def test_the_terminal_is_taken_in_the_foreground() -> None:
    with Screen([sys.executable, "-c", TAKE]) as screen:
        assert screen.expect("\n").strip() == b"True True"


@pytest.mark.parametrize("where", ["< /dev/null", "| cat", "2>&1 > /dev/stderr | cat", "& wait"])
def test_and_nowhere_else(where: str) -> None:
    # `set -m`: job control, so that & gives a process group of its own.
    with Screen(["bash", "-c", f"set -m; {sys.executable} -c '{TAKE}' {where}"]) as screen:
        screen.expect("(True|False) True")
        taken = screen.rest()
        assert b"True True" not in taken


def test_no_terminal_at_all() -> None:
    done = subprocess.run([sys.executable, "-c", TAKE], capture_output=True, text=True, start_new_session=True)
    assert done.stdout == "False False\n"
    assert take_terminal() is None or has_terminal()
