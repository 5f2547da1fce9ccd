"""Signals sent to exptrack, to its group, to everybody: the command gets each exactly once, and decides by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drive import Driven, children, driver, is_alive, wait_for

PY = sys.executable
# Notes every signal and ends with 0 when told to by a file.
COUNTER = """
import os, signal, time
names = ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "CONT", "WINCH"]
def note(number, frame):
    with open("came", "a") as f: f.write(signal.Signals(number).name[3:] + "\\n")
for name in names: signal.signal(getattr(signal, "SIG" + name), note)
open("ready", "w")
while not os.path.exists("enough"): time.sleep(0.005)
"""


class Counting(Driven):
    def __init__(self, folder: Path, **options: object) -> None:
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        super().__init__(folder, [PY, "-c", COUNTER], **nowhere, **options)
        self.place = folder
        wait_for((folder / "ready").exists)
        # The witness has to be there before anything is sent to the group.
        wait_for(lambda: len(children(self.process.pid)) == 2)

    def came(self) -> list[str]:
        return (self.place / "came").read_text().split() if (self.place / "came").exists() else []

    def came_in_all(self) -> list[str]:
        """After a signal that is certainly the last one: USR2 to exptrack alone."""
        self.process.send_signal(signal.SIGUSR2)
        wait_for(lambda: "USR2" in self.came())
        (self.place / "enough").touch()
        self.end()
        assert self.code == 0
        return [name for name in self.came() if name != "USR2"]


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Counting]:
    run = Counting(tmp_path)
    yield run
    (tmp_path / "enough").touch()
    run.process.wait(20)


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "USR1", "TERM", "CONT", "WINCH"])
def test_sent_to_exptrack_it_arrives_once(counting: Counting, name: str) -> None:
    counting.process.send_signal(getattr(signal, "SIG" + name))
    wait_for(lambda: counting.came() == [name])
    assert counting.came_in_all() == [name]


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM"])
def test_an_order_to_stop_is_noted_with_how_far_it_went(counting: Counting, name: str) -> None:
    counting.process.send_signal(getattr(signal, "SIG" + name))
    wait_for(lambda: name in counting.came())
    os.killpg(counting.process.pid, getattr(signal, "SIG" + name))
    wait_for(lambda: counting.came().count(name) == 2)
    counting.came_in_all()
    orders = [o for o in counting.outcome()["orders"] if o["signal"] == "SIG" + name][:2]
    assert [o["reach"] for o in orders] == ["process", "group"]
    assert orders[0]["at"] <= orders[1]["at"] <= time.time()


def test_a_doorbell_is_noted_four_times(counting: Counting) -> None:
    for count in range(1, 7):
        counting.process.send_signal(signal.SIGUSR1)
        wait_for(lambda n=count: counting.came() == ["USR1"] * n)
    counting.came_in_all()
    assert [o["signal"] for o in counting.outcome()["orders"]].count("SIGUSR1") == 4


def test_what_is_no_order_is_not_noted(counting: Counting) -> None:
    for name in ("CONT", "WINCH"):
        counting.process.send_signal(getattr(signal, "SIG" + name))
        wait_for(lambda n=name: n in counting.came())
    counting.came_in_all()
    assert {o["signal"] for o in counting.outcome()["orders"]} == {"SIGUSR2"}


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "USR1", "TERM", "CONT", "WINCH"])
def test_sent_to_the_whole_group_it_arrives_once(counting: Counting, name: str) -> None:
    os.killpg(counting.process.pid, getattr(signal, "SIG" + name))
    wait_for(lambda: counting.came() == [name])
    assert counting.came_in_all() == [name]


def test_sent_to_exptrack_and_then_to_its_group_it_arrives_once(counting: Counting) -> None:
    counting.process.send_signal(signal.SIGTERM)
    os.killpg(counting.process.pid, signal.SIGTERM)
    wait_for(lambda: counting.came() == ["TERM"])
    assert counting.came_in_all() == ["TERM"]


def test_sent_to_every_process_one_by_one_it_arrives_once(counting: Counting) -> None:
    # As batch systems and systemd do with all processes of a job.
    for pid in [counting.process.pid, *children(counting.process.pid)]:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: counting.came() == ["TERM"])
    assert counting.came_in_all() == ["TERM"]


def test_several_signals_at_once_all_arrive(counting: Counting) -> None:
    for name in ("HUP", "INT", "TERM", "USR1"):
        counting.process.send_signal(getattr(signal, "SIG" + name))
    assert sorted(counting.came_in_all()) == ["HUP", "INT", "TERM", "USR1"]


def test_two_orders_after_each_other_both_arrive(counting: Counting) -> None:
    for count in (1, 2):
        counting.process.send_signal(signal.SIGUSR1)
        wait_for(lambda n=count: counting.came() == ["USR1"] * n)
    assert counting.came_in_all() == ["USR1"] * 2


def test_timeout_signals_once(tmp_path: Path) -> None:
    words = ["timeout", "1", *driver(tmp_path / "run"), PY, "-c", COUNTER]
    run = subprocess.Popen(words, cwd=tmp_path, start_new_session=True)
    wait_for(lambda: (tmp_path / "came").exists())
    (tmp_path / "enough").touch()
    run.wait(20)
    # timeout sends SIGCONT behind, in case the command was stopped.
    came = (tmp_path / "came").read_text().split()
    assert came.count("TERM") == 1
    assert came.count("CONT") <= 1


def test_the_default_action_is_the_commands_own(tmp_path: Path) -> None:
    run = Driven(tmp_path, ["sleep", "100"])
    pid = run.pid()
    run.process.terminate()
    run.end()
    assert run.code == 128 + signal.SIGTERM
    assert run.outcome()["signal"] == "SIGTERM"
    assert not is_alive(pid)


def test_a_signal_at_the_very_start_is_not_lost(tmp_path: Path) -> None:
    run = Driven(tmp_path, ["sleep", "100"])
    wait_for((run.folder / "pid").exists)
    run.process.terminate()
    run.end()
    assert run.code == 128 + signal.SIGTERM


IGNORES = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: open("told", "a").write("x"))
open("ready", "w")
while not os.path.exists("enough"): time.sleep(0.005)
"""


def told(folder: Path, times: int) -> None:
    wait_for(lambda: (folder / "told").exists() and (folder / "told").read_text() == "x" * times)


def test_a_command_that_ignores_sigterm_ends_when_it_wants_to(tmp_path: Path) -> None:
    run = Driven(tmp_path, [PY, "-c", IGNORES], env={**os.environ, "TEST_GRACE": "0"})
    wait_for((tmp_path / "ready").exists)
    run.process.terminate()
    told(tmp_path, 1)
    (tmp_path / "enough").touch()
    run.end()
    assert run.code == 0
    assert run.outcome()["warnings"] == []


def test_told_to_stop_twice_it_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    run = Driven(tmp_path, [PY, "-c", IGNORES], env={**os.environ, "TEST_GRACE": "0.3", "TEST_SECOND": "0"})
    wait_for((tmp_path / "ready").exists)
    run.process.terminate()
    told(tmp_path, 1)
    wait_for(lambda: run.process.send_signal(signal.SIGTERM) or (tmp_path / "told").read_text() > "x")
    run.end()
    assert run.code == 128 + signal.SIGKILL
    assert any("told to stop twice" in w for w in run.outcome()["warnings"])


def test_told_through_the_group_it_is_never_killed(tmp_path: Path) -> None:
    run = Driven(tmp_path, [PY, "-c", IGNORES], env={**os.environ, "TEST_GRACE": "0", "TEST_SECOND": "0"})
    wait_for((tmp_path / "ready").exists)
    for times in (1, 2, 3):
        os.killpg(run.process.pid, signal.SIGTERM)
        told(tmp_path, times)
    (tmp_path / "enough").touch()
    run.end()
    assert run.code == 0


STATE = "print([l for l in open('/proc/self/status') if l.startswith(('SigBlk', 'SigIgn', 'SigCgt'))])"


@pytest.mark.parametrize("ignored", [[], ["SIGINT", "SIGQUIT"], ["SIGHUP"], ["SIGCHLD", "SIGTTOU", "SIGTSTP"]])
def test_what_was_ignored_or_blocked_is_so_in_the_command(tmp_path: Path, ignored: list[str]) -> None:
    def prepare() -> None:
        for name in ignored:
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGALRM])

    bare = subprocess.run([PY, "-c", STATE], capture_output=True, check=True, preexec_fn=prepare).stdout
    run = Driven(tmp_path, [PY, "-c", STATE], preexec_fn=prepare)
    assert run.end()[0] == bare


def test_nohup_holds(tmp_path: Path) -> None:
    code = "import os, time\nopen('ready', 'w')\nwhile not os.path.exists('enough'): time.sleep(0.005)"
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    words = ["nohup", *driver(tmp_path / "run"), PY, "-c", code]
    run = subprocess.Popen(words, cwd=tmp_path, start_new_session=True, **nowhere)
    wait_for((tmp_path / "ready").exists)
    os.killpg(run.pid, signal.SIGHUP)
    run.send_signal(signal.SIGHUP)
    (tmp_path / "enough").touch()
    assert run.wait(20) == 0
    # The command never heard of it: it was no order.
    assert json.loads((tmp_path / "run" / "outcome.json").read_text())["orders"] == []


def test_a_stopped_command_without_a_terminal_does_not_stop_us(tmp_path: Path) -> None:
    run = Counting(tmp_path)
    pid = run.pid()
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: state(pid) == "T")
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: run.came() == ["CONT"])
    assert state(run.process.pid) != "T"
    assert run.came_in_all() == ["CONT"]


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_without_its_witness_signals_are_passed_on(tmp_path: Path) -> None:
    run = Counting(tmp_path)
    witness = next(p for p in children(run.process.pid) if p != run.pid())
    os.kill(witness, signal.SIGKILL)
    run.process.send_signal(signal.SIGTERM)
    wait_for(lambda: run.came() == ["TERM"])
    assert run.came_in_all() == ["TERM"]
