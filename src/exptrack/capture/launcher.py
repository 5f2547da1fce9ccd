"""Which process of a distributed job this one is, by the variables of its launcher: one of them is recorded.

Read before the command starts, so it stays light. The innermost launcher counts: under `srun torchrun` the agents'
SLURM_PROCID says nothing about which of them torchrun gave rank 0. A variable that is empty, no number, or not below
the world's size was not set by a launcher. docs/clusters.md has the table of names.
"""

from __future__ import annotations

from collections.abc import Mapping

from exptrack.capture.managed import is_other_host

# (name, rank, world size: the first one set counts, ranks on this node). Innermost first.
_LAUNCHERS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("torchrun", "RANK", ("WORLD_SIZE",), ("LOCAL_WORLD_SIZE", "LOCAL_SIZE")),
    ("horovod", "HOROVOD_RANK", ("HOROVOD_SIZE",), ("HOROVOD_LOCAL_SIZE",)),
    ("openmpi", "OMPI_COMM_WORLD_RANK", ("OMPI_COMM_WORLD_SIZE",), ("OMPI_COMM_WORLD_LOCAL_SIZE",)),
    ("mvapich", "MV2_COMM_WORLD_RANK", ("MV2_COMM_WORLD_SIZE",), ("MV2_COMM_WORLD_LOCAL_SIZE",)),
    ("jsrun", "JSM_NAMESPACE_RANK", ("JSM_NAMESPACE_SIZE",), ("JSM_NAMESPACE_LOCAL_SIZE",)),
    ("pals", "PALS_RANKID", ("PALS_SIZE",), ("PALS_LOCAL_SIZE",)),
    ("mpich", "PMI_RANK", ("PMI_SIZE",), ("MPI_LOCALNRANKS",)),
    ("pmix", "PMIX_RANK", (), ()),
    ("flux", "FLUX_TASK_RANK", ("FLUX_JOB_SIZE",), ()),
    ("slurm", "SLURM_PROCID", ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"), ()),
)
# RANK alone is a word anybody may use; every launcher that sets it sets WORLD_SIZE too.
_NEEDS_SIZE = ("RANK",)


def is_other_rank(env: Mapping[str, str]) -> bool:
    """Is this a process of a distributed job that is recorded by another one, rank 0 (or the first host)?"""
    found = _found(env)
    if found is not None:
        return found[1] > 0
    # Launchers that leave the global rank to be computed: the first process of the first node is the one.
    local, size = _number(env.get("LOCAL_RANK")), _number(env.get("WORLD_SIZE"))
    if local is not None and (size is None or local < size) and (local > 0 or _number(env.get("NODE_RANK"))):
        return True
    return is_other_host(env)


def world_facts(env: Mapping[str, str]) -> dict[str, str]:
    """launcher, world_size, local_world_size (ranks on this node), master, and torchrun's nodes and restarts; empty
    without a launcher."""
    found = _found(env)
    facts = {}
    if found is not None:
        name, _, size, local = found
        facts["launcher"] = _kind(name, env)
        facts |= {"world_size": str(size)} if size else {}
        facts |= {"local_world_size": str(local)} if local else {}
    elif (size := _number(env.get("WORLD_SIZE"))) is not None:
        facts["world_size"] = str(size)
    if found is not None and found[0] == "torchrun":
        extra = {"nodes": "GROUP_WORLD_SIZE", "master": "MASTER_ADDR", "restarts": "TORCHELASTIC_RESTART_COUNT"}
        facts |= {fact: env[name] for fact, name in extra.items() if env.get(name, "0") not in ("", "0")}
    return facts


def _found(env: Mapping[str, str]) -> tuple[str, int, int | None, int | None] | None:
    """(launcher, rank, world size, ranks on this node) of the innermost launcher."""
    is_by_srun = _is_started_by_srun(env)
    for name, variable, sizes, local in _LAUNCHERS:
        rank = _number(env.get(variable))
        if rank is None or (is_by_srun and name in ("mpich", "pmix")):
            continue
        size = _first(env, sizes)
        if (size is None and variable in _NEEDS_SIZE) or (size is not None and rank >= size):
            continue
        return name, rank, size, _first(env, local) or (_tasks_here(env) if name == "slurm" else None)
    return None


def _is_started_by_srun(env: Mapping[str, str]) -> bool:
    """srun manages MPI processes too (--mpi=pmi2, pmix), and sets MPI's variables beside its own, which say more: a
    PMIx rank knows no size. A Hydra inside the step says how many ranks are here."""
    step = f"{env.get('SLURM_JOB_ID')}.{env.get('SLURM_STEP_ID')}"
    is_ours = env.get("PMI_JOBID") == step or env.get("PMIX_NAMESPACE") == f"slurm.pmix.{step}"
    return is_ours and "SLURM_PROCID" in env and "MPI_LOCALNRANKS" not in env


def _kind(name: str, env: Mapping[str, str]) -> str:
    """Which of those that set the same variables."""
    if name == "torchrun" and "TORCHELASTIC_RUN_ID" not in env:
        return "deepspeed" if "CROSS_RANK" in env else "RANK and WORLD_SIZE"
    if name == "torchrun" and "ACCELERATE_MIXED_PRECISION" in env:
        return "accelerate"
    if name == "mpich" and "I_MPI_MPIRUN" in env:
        return "intel mpi"
    return name


def _tasks_here(env: Mapping[str, str]) -> int | None:
    """SLURM_STEP_TASKS_PER_NODE, as `8(x2),4`: the entry of this node, SLURM_NODEID."""
    node = _number(env.get("SLURM_NODEID"))
    if node is None:
        return None
    for entry in env.get("SLURM_STEP_TASKS_PER_NODE", "").split(","):
        count, _, times = entry.strip(")").partition("(x")
        span = _number(times or "1")
        if span is None or node < span:
            return _number(count)
        node -= span
    return None


def _first(env: Mapping[str, str], names: tuple[str, ...]) -> int | None:
    return next((n for name in names if (n := _number(env.get(name))) is not None), None)


def _number(text: str | None) -> int | None:
    """A count or a rank; None for everything else, `-1` and `01` included."""
    text = text.strip() if text else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 and text == str(int(text)) else None
