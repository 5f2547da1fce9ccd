"""What SLURM says of a job's end, in the words of a real `scontrol --oneliner show job` (22.05.8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from exptrack.capture import slurm

JOB = {"kind": "slurm", "job": "12", "name": "train"}
LINE = (
    "JobId=12 JobName={name} UserId=a(1) JobState={state} Reason={reason} Dependency=(null) Requeue=1 "
    "Restarts={restarts} BatchFlag=1 ExitCode={code} TimeLimit=00:01:00 PreemptTime={preempted} "
)


def line(state, reason="None", restarts=0, code="0:0", preempted="None", name="train"):
    return LINE.format(**locals())


@pytest.mark.parametrize(
    ("answer", "is_told", "reason"),
    [
        # While its processes have KillWait, and when they are gone.
        (line("COMPLETING", "TimeLimit"), True, "at its time limit"),
        (line("TIMEOUT", "TimeLimit"), False, "at its time limit"),
        (line("COMPLETING"), True, "cancelled"),
        (line("CANCELLED", code="0:9"), False, "cancelled"),
        (line("COMPLETING", restarts=1), True, "preempted or requeued"),
        (line("PENDING", "BeginTime", restarts=1), False, "preempted or requeued"),
        (line("RUNNING", preempted="2026-11-23T04:20:51"), True, "preempted"),
        (line("PREEMPTED", preempted="2026-11-23T04:20:51"), False, "preempted"),
        (line("NODE_FAIL"), False, "a node failed"),
        (line("OUT_OF_MEMORY"), False, "out of memory"),
        # It goes on: somebody's kill, or a step that another rank ended. It failed, or was done.
        (line("RUNNING"), True, None),
        (line("COMPLETING", "NonZeroExitCode", code="3:0"), True, None),
        (line("COMPLETING", code="3:0"), True, None),
        (line("COMPLETING"), False, None),
        (line("COMPLETED"), False, None),
        # Another job has the number by now.
        (line("CANCELLED", name="other"), True, None),
        ("", True, None),
        ("slurm_load_jobs error: Invalid job id specified", True, None),
    ],
)
def test_what_it_says(answer, is_told, reason):
    assert slurm.reason_of(answer, JOB, is_told=is_told) == reason


def test_a_later_start_of_a_requeued_job():
    assert slurm.reason_of(line("CANCELLED", restarts=2), {**JOB, "restarts": "2"}, is_told=True) == "cancelled"


@pytest.fixture
def scontrol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A stand-in that notes what it was asked for."""

    def make(text: str) -> Path:
        program = tmp_path / "bin" / "scontrol"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n{text}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        return tmp_path / "asked"

    return make


def test_it_is_asked_for_the_task_of_an_array(scontrol):
    asked = scontrol(f"echo '{line('TIMEOUT')}'")
    assert slurm.why_it_ended({**JOB, "task": "3"}, is_told=False) == "at its time limit"
    assert asked.read_text() == "--oneliner show job 12_3\n"


@pytest.mark.parametrize("job", ["", "--help", "12;x", "-1"])
def test_what_is_no_number_is_not_asked_for(scontrol, job):
    asked = scontrol(f"echo '{line('TIMEOUT')}'")
    assert slurm.why_it_ended({**JOB, "job": job}, is_told=False) is None
    assert not asked.exists()


def test_a_controller_that_does_not_answer_is_not_waited_for(scontrol, monkeypatch):
    """A real one that is down costs 18 seconds a question; `ls` may have sixty lost runs to seal."""
    asked = scontrol("exec sleep 100")
    monkeypatch.setattr(slurm, "PATIENCE", 0.5)
    monkeypatch.setattr(slurm, "_silent", set())
    assert slurm.why_it_ended(JOB, is_told=True) is None
    asked.unlink(missing_ok=True)
    assert slurm.why_it_ended(JOB, is_told=True) is None
    assert not asked.exists()


def test_without_slurm_nobody_is_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slurm.why_it_ended(JOB, is_told=True) is None
