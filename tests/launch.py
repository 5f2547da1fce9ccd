"""`python launch.py STYLE N COMMAND...`: start N processes at once with the variables a launcher of that style sets.

What torchrun, srun, mpirun and the like do, without them: the names are theirs (docs/clusters.md)."""

from __future__ import annotations

import os
import subprocess
import sys


def variables(style: str, rank: int, size: int) -> dict[str, str]:
    r, n = str(rank), str(size)
    return {
        "torchrun": {"RANK": r, "LOCAL_RANK": r, "WORLD_SIZE": n, "LOCAL_WORLD_SIZE": n, "TORCHELASTIC_RUN_ID": "none"},
        "deepspeed": {"RANK": r, "LOCAL_RANK": r, "WORLD_SIZE": n, "LOCAL_SIZE": n, "CROSS_RANK": "0"},
        "srun": {"SLURM_PROCID": r, "SLURM_LOCALID": r, "SLURM_NTASKS": n, "SLURM_NODEID": "0"}
        | {"SLURM_JOB_ID": "77", "SLURM_JOB_NODELIST": "gpu[01-02]", "SLURM_STEP_TASKS_PER_NODE": n},
        "openmpi": {"OMPI_COMM_WORLD_RANK": r, "OMPI_COMM_WORLD_SIZE": n, "OMPI_COMM_WORLD_LOCAL_SIZE": n},
        "mpich": {"PMI_RANK": r, "PMI_SIZE": n, "MPI_LOCALNRANKS": n},
        # srun starts one torchrun a node; the agent that torchrun makes the first need not be SLURM's first.
        "srun+torchrun": {"SLURM_PROCID": str(size - 1 - rank), "SLURM_NTASKS": n, "RANK": r, "WORLD_SIZE": n},
    }[style]


def main() -> int:
    style, size, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    started = [
        subprocess.Popen(command, env={**os.environ, **variables(style, rank, size)}, stdin=subprocess.DEVNULL)
        for rank in range(size)
    ]
    return max(process.wait() for process in started)


if __name__ == "__main__":
    sys.exit(main())
