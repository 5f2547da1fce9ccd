"""Who told a run to stop, in one sentence, and nothing that is not known."""

from __future__ import annotations

import pytest

from exptrack.record.stopping import is_obeyed, stopped_by

SLURM = {"kind": "slurm", "job": "12", "ends_at": "10000"}


def order(name="SIGTERM", reach="group", at=9990.0):
    return {"signal": name, "reach": reach, "at": at}


@pytest.mark.parametrize(
    ("orders", "died_of", "scheduler", "text"),
    [
        ([], None, {}, None),
        ([], None, SLURM, None),
        ([order("SIGINT", "keyboard")], "SIGINT", {}, "SIGINT from the keyboard"),
        ([order("SIGINT", "keyboard")], "SIGINT", SLURM, "SIGINT from the keyboard"),
        ([order("SIGHUP", "terminal")], "SIGHUP", {}, "SIGHUP as its terminal was closed"),
        ([order(reach="process")], "SIGTERM", {}, "SIGTERM sent to exptrack alone"),
        ([order()], None, {}, "SIGTERM sent to all its processes"),
        ([order()], "SIGTERM", SLURM, "SIGTERM sent to all its processes, in SLURM job 12, at its time limit"),
        ([order(at=10020)], "SIGTERM", SLURM, "SIGTERM sent to all its processes, in SLURM job 12, at its time limit"),
        (
            [order("SIGUSR1", at=9880)],
            None,
            SLURM,
            "SIGUSR1 sent to all its processes, in SLURM job 12, 2 min before its time limit",
        ),
        (
            [order("SIGUSR1", at=9910), order(at=10000)],
            "SIGTERM",
            SLURM,
            "SIGUSR1 sent to all its processes, in SLURM job 12, 90 s before its time limit; then SIGTERM 90 s later",
        ),
        (
            [order(at=0)],
            "SIGTERM",
            {**SLURM, "task": "3"},
            "SIGTERM sent to all its processes, in SLURM job 12_3, 3 h before its time limit: preempted or cancelled",
        ),
        (
            [order()],
            "SIGKILL",
            {"kind": "slurm", "job": "12"},
            "SIGTERM sent to all its processes, in SLURM job 12: its time limit, preemption, scancel or a failed task; "
            "it died of SIGKILL",
        ),
        (
            [order(reach="process", at=0)],
            "SIGTERM",
            SLURM,
            "SIGTERM sent to exptrack alone, in SLURM job 12, 3 h before its time limit: preempted or cancelled",
        ),
        # With cgroups SLURM signals only the first process of a task.
        (
            [order(reach="process")],
            "SIGTERM",
            {"kind": "slurm", "job": "12"},
            "SIGTERM sent to exptrack alone, in SLURM job 12: its time limit, preemption, scancel or a failed task",
        ),
        # Sent to one process it may well be a person's.
        ([order(reach="process")], None, {"kind": "lsf", "job": "5"}, "SIGTERM sent to exptrack alone, in LSF job 5"),
        (
            [order(reach="process")],
            None,
            {"kind": "kubernetes", "pod": "p-1", "job": "train"},
            "SIGTERM sent to exptrack alone, in Kubernetes pod p-1: evicted, preempted or deleted",
        ),
        # A program's own use of SIGUSR1, where nobody else would send it.
        ([order("SIGUSR1")], None, {}, None),
        ([order("SIGUSR1"), order()], None, {"launcher": "torchrun"}, "SIGTERM sent to all its processes"),
        ([], "SIGKILL", {}, "SIGKILL, sent past exptrack: a memory limit, or kill -9"),
        ([], "SIGTERM", SLURM, "SIGTERM, sent to the command alone"),
        ([], "SIGXCPU", {}, "SIGXCPU, its limit of processor time"),
        ([], "SIGSEGV", {}, None),
        # Records that somebody else wrote.
        ([{"signal": 3}, {"at": 1}, order(at="x"), order("; rm"), order(at=1e300), {}], None, {}, None),
        ([order(reach=3)], None, {"kind": "lsf", "ends_at": "²"}, "SIGTERM sent to exptrack alone, in LSF job"),
    ],
)
def test_the_sentence(orders, died_of, scheduler, text):
    assert stopped_by(orders, died_of, scheduler) == text


@pytest.mark.parametrize(
    ("orders", "died_of", "scheduler", "cause", "text"),
    [
        ([order()], "SIGTERM", SLURM, "cancelled", "SIGTERM sent to all its processes, in SLURM job 12, cancelled"),
        (
            [order("SIGUSR1", "process", 9900), order(reach="process", at=9990)],
            "SIGTERM",
            SLURM,
            "at its time limit",
            "SIGUSR1 sent to exptrack alone, in SLURM job 12, 100 s before its time limit; then SIGTERM 90 s later",
        ),
        (
            [order("SIGUSR1", "process"), order(reach="process")],
            "SIGTERM",
            {"kind": "slurm", "job": "12"},
            "at its time limit",
            "SIGUSR1 sent to exptrack alone, in SLURM job 12, before its time limit; then SIGTERM 0 s later",
        ),
        ([order("SIGINT", "keyboard")], "SIGINT", SLURM, "cancelled", "SIGINT from the keyboard"),
        # Nobody was told: the batch shell ended, and everything with it.
        ([], None, SLURM, "at its time limit", "SLURM says of job 12: at its time limit"),
        ([], None, {}, "cancelled", "SLURM says of job : cancelled"),
    ],
)
def test_the_sentence_with_what_the_batch_system_says(orders, died_of, scheduler, cause, text):
    assert stopped_by(orders, died_of, scheduler, cause) == text


@pytest.mark.parametrize(
    ("orders", "exit_code", "obeyed"),
    [
        ([order()], 143, True),
        ([order("SIGUSR1"), order()], 138, True),
        ([order()], 130, False),
        ([], 143, False),
        ([order()], 128, False),
        ([order()], 0, False),
        ([order()], None, False),
        ([{"signal": "SIG_DFL", "at": 1}], 128, False),
    ],
)
def test_a_shell_that_tells_of_a_signal(orders, exit_code, obeyed):
    assert is_obeyed(orders, exit_code) is obeyed
