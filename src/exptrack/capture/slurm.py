"""Why SLURM ended a job, asked of SLURM: a signal carries no reason, and of a SIGKILL to everything nobody is told.

`scontrol show job` knows a job for some minutes after its end (MinJobAge). Asked only of a run that was told to stop or
is lost, never before a training; no answer is an answer. Seen with SLURM 22.05 (docs/clusters.md).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

# Seconds. SLURM kills what is left of a job after KillWait (30 by default), and outputs are to be sealed before that.
PATIENCE = 2.0
AT_LIMIT = "at its time limit"
_STATES = {
    "TIMEOUT": AT_LIMIT,
    "PREEMPTED": "preempted",
    "CANCELLED": "cancelled",
    "DEADLINE": "at its deadline",
    "NODE_FAIL": "a node failed",
    "OUT_OF_MEMORY": "out of memory",
}
# Programs that did not answer in time: a controller that is down must cost `ls` those seconds once, not for each run.
_silent: set[str] = set()
_NEVER = ("", "None", "N/A", "Unknown")


def why_it_ended(scheduler: Mapping[str, str], *, is_told: bool) -> str | None:
    """How the job of these facts (machine.scheduler) came to its end, as the end of a sentence; None where SLURM does
    not say, or is not here. `is_told`: a signal came. Takes at most PATIENCE seconds, and that once a process."""
    job = "_".join(scheduler[fact] for fact in ("job", "task") if scheduler.get(fact))
    # The record may be somebody else's: no word of it becomes an option.
    if not scheduler.get("name") or not job.replace("_", "").isdecimal():
        return None
    program = shutil.which("scontrol")
    if program is None or program in _silent:
        return None
    asked = [program, "--oneliner", "show", "job", job]
    try:
        answer = subprocess.run(asked, capture_output=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return None
    except subprocess.TimeoutExpired:
        _silent.add(program)
        return None
    return reason_of(answer.stdout.decode("utf-8", "replace"), scheduler, is_told=is_told)


def reason_of(answer: str, scheduler: Mapping[str, str], *, is_told: bool) -> str | None:
    """The same, of what `scontrol --oneliner show job` answered: words of the form Name=value."""
    said = dict(word.split("=", 1) for word in answer.split() if "=" in word)
    if "JobState" not in said or f" JobName={scheduler.get('name')} " not in answer:
        return None  # the number is another job's by now, or another cluster's
    if _count(said.get("Restarts")) > _count(scheduler.get("restarts")):
        return "preempted or requeued"
    state, is_preempted = said["JobState"], said.get("PreemptTime", "") not in _NEVER
    if state in _STATES:
        return _STATES[state]
    if said.get("Reason") == "TimeLimit":
        return AT_LIMIT
    if is_told and is_preempted:
        return "preempted"
    # While its processes have their grace period SLURM says of a cancelled job only that it is no longer wanted.
    if is_told and state == "COMPLETING" and said.get("Reason") == "None" and said.get("ExitCode", "0:0") == "0:0":
        return "cancelled"
    return None


def _count(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0
