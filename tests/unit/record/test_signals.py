"""Signals as bytes: in order, none lost while blocked, everything given back afterwards."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from exptrack.record.signals import Signals, name_of, number_of


@pytest.fixture
def signals() -> Iterator[Signals]:
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    caught = Signals()
    yield caught
    caught.close()
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask


def read(signals: Signals) -> list[int]:
    select.select([signals.fd], [], [], 10)
    return list(signals.read())


def test_one_that_comes_before_unblock_waits(signals: Signals) -> None:
    # To this thread: another thread of the test process, left by another test, would take it at once.
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    assert signals.read() == b""
    signals.unblock()
    assert read(signals) == [signal.SIGUSR1]


def test_they_come_in_order(signals: Signals) -> None:
    signals.unblock()
    for number in (signal.SIGUSR2, signal.SIGHUP, signal.SIGTERM):
        os.kill(os.getpid(), number)
    assert read(signals) == [signal.SIGUSR2, signal.SIGHUP, signal.SIGTERM]


def test_ctrl_c_raises_nothing_here(signals: Signals) -> None:
    signals.unblock()
    os.kill(os.getpid(), signal.SIGINT)
    assert read(signals) == [signal.SIGINT]


def test_siblings_get_what_we_do_not() -> None:
    code = """
import os, signal, sys, time
from exptrack.record.signals import Signals
os.setpgid(0, 0)
signals = Signals()
sibling = os.fork()
if not sibling:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    time.sleep(60)
signals.unblock()
signals.send_to_siblings(signal.SIGINT)
print(os.waitstatus_to_exitcode(os.waitpid(sibling, 0)[1]), [n for n in signals.read() if n != signal.SIGCHLD])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout == "-2 []\n"


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGSTOP, signal.SIGTTIN])
def test_a_stop_is_the_stop_that_was_asked_for(number: int) -> None:
    code = """
import os, signal, sys
from exptrack.record.signals import Signals
os.setpgid(0, 0)
signals = Signals()
signals.unblock()
signals.stop(int(sys.argv[1]), is_whole_group=False)
sys.exit(len(signals.read()))
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(int(number))])
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert os.WSTOPSIG(status) == number
    process.send_signal(signal.SIGCONT)
    # 0: the SIGCONT that ended the stop is not reported as one that somebody sent.
    assert process.wait(20) == 0


def test_names() -> None:
    assert name_of(signal.SIGKILL) == "SIGKILL"
    assert name_of(signal.SIGRTMIN + 2) == "SIGRTMIN+2"
    assert name_of(32) == "SIG32"
    assert all(number_of(name_of(number)) == number for number in range(1, 65))
