"""Told to stop: what the run left is stored, its status says how it ended, and the record says who told it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drive import children, wait_for
from exptrack.record.rundir import ORDERS
from screen import Screen
from tool import EXPTRACK, Tool

SAVES = """
import os, pathlib, signal, sys, time
def save(number, frame):
    pathlib.Path("checkpoint.pt").write_text("step 7")
    if sys.argv[1] == "die":
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    if sys.argv[1] != "go on":
        sys.exit(int(sys.argv[1]))
for number in (signal.SIGTERM, signal.SIGUSR1): signal.signal(number, save)
print("step 7 loss: 0.5", flush=True)
pathlib.Path("ready").touch()
while not os.path.exists("enough"): time.sleep(0.005)
"""


class Preempted:
    """`exptrack run` in a session of its own, as a batch system starts it; `tell` signals all its processes."""

    def __init__(self, tool: Tool, how: str, **env: str) -> None:
        self.tool = tool
        tool.write("train.py", SAVES)
        words = [EXPTRACK, "run", "-o", "model=checkpoint.pt", "--", sys.executable, "train.py", how]
        self.process = subprocess.Popen(
            words,
            cwd=tool.folder,
            env=tool.env | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for((tool.folder / "ready").exists)
        self.directory = next((tool.folder / ".exptrack" / "live").iterdir())

    def tell(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def run(self) -> dict[str, object]:
        self.process.wait(20)
        return self.tool.json("show", "@")  # type: ignore[no-any-return]


def slurm(left: float) -> dict[str, str]:
    return {"SLURM_JOB_ID": "12", "SLURM_PROCID": "0", "SLURM_JOB_END_TIME": str(int(time.time() + left))}


@pytest.mark.parametrize(
    ("how", "code", "status"),
    [("die", -signal.SIGTERM, "killed"), ("0", 0, "finished"), ("143", 143, "killed"), ("1", 1, "failed")],
)
def test_at_the_time_limit(tool: Tool, how: str, code: int, status: str) -> None:
    job = Preempted(tool, how, **slurm(20))
    job.tell(signal.SIGTERM)
    run = job.run()
    assert job.process.returncode == (128 + signal.SIGTERM if code < 0 else code)
    assert run["status"] == status
    assert run["stopped_by"] == "SIGTERM sent to all its processes, in SLURM job 12, at its time limit"
    assert [a["kind"] for a in run["artifacts"]] == ["model"]
    text = tool("show", "@").stdout
    assert "told to stop  SIGTERM sent to all its processes, in SLURM job 12, at its time limit" in text
    assert json.loads(tool("ls", "stopped_by~time limit", "--json").stdout)[0]["id"] == run["id"]
    assert tool("ls", "stopped_by=", "--json").stdout.strip() == "[]"


SCONTROL = """#!/bin/sh
[ "$*" = "--oneliner show job 12" ] && cat {answer}
"""


def asked_slurm(tool: Tool, **said: str) -> dict[str, str]:
    """`scontrol` as it answers of job 12, and what SLURM sets where that does not tell the time limit (22.05)."""
    words = {"JobId": "12", "JobName": "long", "JobState": "COMPLETING", "Reason": "None", "Restarts": "0"} | said
    answer = tool.folder.parent / "answer"
    answer.write_text(" ".join(f"{name}={value}" for name, value in words.items()))
    program = tool.folder.parent / "slurm" / "scontrol"
    program.parent.mkdir(exist_ok=True)
    program.write_text(SCONTROL.format(answer=answer))
    program.chmod(0o755)
    tool.env["PATH"] = f"{program.parent}:{tool.env['PATH']}"
    return {"SLURM_JOB_ID": "12", "SLURM_JOB_NAME": "long", "SLURM_PROCID": "0"}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"Reason": "TimeLimit"}, "SIGTERM sent to exptrack alone, in SLURM job 12, at its time limit"),
        ({}, "SIGTERM sent to exptrack alone, in SLURM job 12, cancelled"),
        ({"Restarts": "1"}, "SIGTERM sent to exptrack alone, in SLURM job 12, preempted or requeued"),
    ],
)
def test_slurm_with_cgroups_signals_the_task_alone_and_knows_why(tool: Tool, said: dict[str, str], reason: str) -> None:
    job = Preempted(tool, "143", **asked_slurm(tool, **said))
    job.process.terminate()
    run = job.run()
    assert (run["status"], run["exit_code"], run["stopped_by"]) == ("killed", 143, reason)
    assert [a["kind"] for a in run["artifacts"]] == ["model"]


def test_a_batch_shell_that_was_told_takes_everything_with_it(tool: Tool) -> None:
    """SLURM signals the shell of a batch script alone; when that ends, everything else is killed. Nobody told us."""
    job = Preempted(tool, "143", **asked_slurm(tool, JobState="CANCELLED", ExitCode="0:9"))
    wait_for(lambda: '"machine"' in read(job.directory / "captured.json"))
    for pid in [job.process.pid, *children(job.process.pid)]:
        os.kill(pid, signal.SIGKILL)
    job.process.wait(20)
    wait_for(lambda: tool("recover", code=None) and tool.run_ids())
    run = job.run()
    assert (run["status"], run["stopped_by"]) == ("lost", "SLURM says of job 12: cancelled")


def test_a_warning_and_then_the_end(tool: Tool) -> None:
    job = Preempted(tool, "go on", **slurm(100))
    job.tell(signal.SIGUSR1)
    wait_for((tool.folder / "checkpoint.pt").exists)
    wait_for(lambda: (job.directory / ORDERS).exists())
    # Also of a run that still goes on.
    assert "SIGUSR1" in tool.json("show", "@")["stopped_by"]
    (tool.folder / "enough").touch()
    run = job.run()
    assert run["status"] == "finished"
    assert str(run["stopped_by"]).startswith("SIGUSR1 sent to all its processes, in SLURM job 12, ")
    assert str(run["stopped_by"]).endswith(" before its time limit")


def test_everything_is_killed_in_the_grace_period(tool: Tool) -> None:
    """As at the end of SLURM's KillWait: recorder included. The order is on disk, and recovery tells it."""
    job = Preempted(tool, "go on", **slurm(20))
    wait_for(lambda: '"machine"' in read(job.directory / "captured.json"))
    job.tell(signal.SIGTERM)
    wait_for(lambda: (job.directory / ORDERS).exists())
    family = [job.process.pid, *children(job.process.pid)]
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    job.process.wait(20)
    wait_for(lambda: tool("recover", code=None) and tool.run_ids())
    run = job.run()
    assert run["status"] == "lost"
    assert run["stopped_by"] == "SIGTERM sent to all its processes, in SLURM job 12, at its time limit"
    assert [a["kind"] for a in run["artifacts"]] == ["model"]


def test_a_second_order_does_not_cut_short_what_is_being_stored(tool: Tool) -> None:
    """In a container or a batch job the recorder ends with us; it is stopped here, so that storing takes its time."""
    job = Preempted(tool, "0")
    recorder = next(p for p in children(job.process.pid) if os.getsid(p) == p)
    os.kill(recorder, signal.SIGSTOP)
    job.process.terminate()
    wait_for((job.directory / "end.json").exists)
    for _ in range(3):
        job.process.terminate()
    os.kill(recorder, signal.SIGCONT)
    run = job.run()
    assert job.process.returncode == 0
    assert (run["status"], run["stopped_by"]) == ("finished", "SIGTERM sent to exptrack alone")


def test_killed_by_nobody_we_heard_of(tool: Tool) -> None:
    tool.write("train.py", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n")
    tool("run", "--", sys.executable, "train.py", code=137)
    assert tool.json("show", "@")["stopped_by"] == "SIGKILL, sent past exptrack: a memory limit, or kill -9"
    tool("run", "--", "true")
    assert tool.json("show", "@")["stopped_by"] is None


def test_ctrl_c_is_the_keyboard(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in tool.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tool.folder)
    tool.write("train.py", "import time\nprint('READY', flush=True)\ntime.sleep(100)\n")
    for command in (
        f"{EXPTRACK} run -- {sys.executable} train.py",
        f"{EXPTRACK} run -- {sys.executable} train.py | cat",
    ):
        with Screen(["bash", "-c", command]) as screen:
            screen.expect("READY")
            screen.type("\x03")
            screen.rest()
        wait_for(lambda: not any((tool.folder / ".exptrack" / "live").iterdir()))
        run = tool.json("show", "@")
        assert (run["status"], run["stopped_by"]) == ("killed", "SIGINT from the keyboard")


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
