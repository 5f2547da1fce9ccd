"""Who told a run to stop, in one sentence: from the orders that came, the signal it died of, and the batch system.

Pure, and only as far as it is known: a signal does not say who sent it. What a batch system does with which signal is
in docs/clusters.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exptrack.typed import Any

_HOW = {
    "keyboard": "from the keyboard",
    "terminal": "as its terminal was closed",
    "process": "sent to exptrack alone",
    "group": "sent to all its processes",
}
# Only where a batch system is, these are warnings before the end; elsewhere they mean what the program wants.
_WARNINGS = ("SIGUSR1", "SIGUSR2")
# kind: (its name, what it may have been)
_SYSTEMS = {
    "slurm": ("SLURM job", "its time limit, preemption, scancel or a failed task"),
    "lsf": ("LSF job", "its run limit, preemption or bkill"),
    "pbs": ("PBS job", "its wall time, preemption or qdel"),
    "sge": ("SGE job", "a limit, qmod or qdel"),
    "flux": ("Flux job", "its time limit or flux cancel"),
    "kubernetes": ("Kubernetes pod", "evicted, preempted or deleted"),
    "sagemaker": ("SageMaker job", "stopped, out of time, or its spot instance was taken"),
    "vertex": ("Vertex job", "cancelled, out of time or preempted"),
    "azureml": ("Azure ML job", "cancelled, out of time or preempted"),
    "ray": ("Ray job", "stopped, or its node was taken"),
}
# There the command is the first process of a container, and what stops the container signals that one alone.
_CONTAINERS = ("kubernetes", "sagemaker", "vertex", "azureml")
# What no order went before, by the signal it died of. Others (SIGSEGV, SIGABRT ...) are its own doing, and no order.
_UNSEEN = {
    "SIGKILL": "sent past exptrack: a memory limit, or kill -9",
    "SIGXCPU": "its limit of processor time",
    "SIGPIPE": "nobody reads its output any more",
    **dict.fromkeys(("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"), "sent to the command alone"),
}
# SLURM signals a step's first processes where it follows them by cgroups, and all of them elsewhere: no person's doing.
_ALONE_TOO = (*_CONTAINERS, "slurm")
_AT_THE_LIMIT = 30.0
_LIMIT = "at its time limit"


def stopped_by(
    orders: Sequence[Mapping[str, Any]], died_of: str | None, scheduler: Mapping[str, str], cause: str | None = None
) -> str | None:
    """`died_of`: the signal that killed it; `scheduler`: machine.scheduler; `cause`: how the batch system says that it
    ended the job. None for a run nobody told to stop."""
    told = [o for o in orders if _is_order(o) and (o["signal"] not in _WARNINGS or scheduler.get("kind") in _SYSTEMS)]
    if not told:
        if cause and died_of is None:
            return f"SLURM says of job {_number(scheduler)}: {cause}"
        return f"{died_of}, {_UNSEEN[died_of]}" if died_of in _UNSEEN else None
    first, last = told[0], told[-1]
    text = f"{first['signal']} {_how(first)}{_system(first, scheduler, cause)}"
    if last["signal"] != first["signal"]:
        text += f"; then {last['signal']} {_span(last['at'] - first['at'])} later"
    if died_of and died_of not in (first["signal"], last["signal"]):
        text += f"; it died of {died_of}"
    return text


def is_obeyed(orders: Sequence[Mapping[str, Any]], exit_code: int | None) -> bool:
    """Did a shell around the training say 128+N for a signal that was sent to all of them?"""
    import signal

    numbers = {int(getattr(signal, str(o["signal"]), 0)) for o in orders if _is_order(o)}
    return exit_code is not None and exit_code - 128 in numbers - {0}


def _is_order(order: Mapping[str, Any]) -> bool:
    """end.json may be somebody else's."""
    name, at = order.get("signal"), order.get("at")
    return isinstance(name, str) and name in _UNSEEN and isinstance(at, (int, float)) and abs(at) < 1e12


def _how(order: Mapping[str, Any]) -> str:
    return _HOW.get(str(order.get("reach")), _HOW["process"])


def _number(scheduler: Mapping[str, str]) -> str:
    """12_3; a pod's name is what Kubernetes calls its job by."""
    kind = scheduler.get("kind", "")
    job = scheduler.get("pod" if kind == "kubernetes" else "job", "")
    task = f"_{scheduler['task']}" if kind == "slurm" and scheduler.get("task") else ""
    return f"{job}{task}"


def _system(order: Mapping[str, Any], scheduler: Mapping[str, str], cause: str | None) -> str:
    """`, in SLURM job 12, 90 s before its time limit`; empty for what a person did, and where there is no system."""
    kind = scheduler.get("kind", "")
    if kind not in _SYSTEMS or order.get("reach") in ("keyboard", "terminal"):
        return ""
    name, causes = _SYSTEMS[kind]
    text = f", in {name} {_number(scheduler)}".rstrip()
    # What a person sends goes to one process; so does what ends a container, to its first.
    is_likely = order.get("reach") == "group" or kind in _ALONE_TOO
    ends_at = scheduler.get("ends_at", "")
    if cause in (None, _LIMIT) and ends_at.isascii() and ends_at.isdigit() and len(ends_at) < 12:
        left = int(ends_at) - float(order["at"])
        if left <= _AT_THE_LIMIT:
            return f"{text}, {_LIMIT}"
        return f"{text}, {_span(left)} before its time limit" + (
            ": preempted or cancelled" if is_likely and left >= 3600 else ""
        )
    if cause == _LIMIT and order["signal"] in _WARNINGS:
        return f"{text}, before its time limit"
    return f"{text}, {cause}" if cause else f"{text}: {causes}" if is_likely else text


def _span(seconds: float) -> str:
    """About how long: 90 s, 12 min, 5 h."""
    if seconds < 120:
        return f"{max(0.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
