"""The size of the world as the command line asks for it, and nothing where it does not."""

from __future__ import annotations

import shlex

import pytest

from exptrack.capture.launched import asked_world


@pytest.mark.parametrize(
    ("command", "facts"),
    [
        ("python train.py -n 4", {}),
        ("torchrun train.py", {}),
        ("torchrun --nproc-per-node gpu train.py", {}),
        (
            "torchrun --nproc-per-node 8 train.py --nnodes 3",
            {"launcher": "torchrun", "world_size": "8", "local_world_size": "8"},
        ),
        (
            "/opt/bin/torchrun --nnodes=2 --nproc_per_node=8 train.py",
            {"launcher": "torchrun", "world_size": "16", "local_world_size": "8", "nodes": "2"},
        ),
        ("torchrun --nnodes 1:4 --nproc-per-node 8 train.py", {"launcher": "torchrun", "local_world_size": "8"}),
        (
            "python -m torch.distributed.run --nproc_per_node=2 train.py",
            {"launcher": "torchrun", "world_size": "2", "local_world_size": "2"},
        ),
        (
            "accelerate launch --num_processes 16 --num_machines 2 train.py",
            {"launcher": "accelerate", "world_size": "16", "nodes": "2"},
        ),
        ("accelerate launch --config_file c.yaml train.py", {}),
        (
            "deepspeed --num_nodes 2 --num_gpus 4 train.py --num_gpus 1",
            {"launcher": "deepspeed", "world_size": "8", "local_world_size": "4", "nodes": "2"},
        ),
        ("mpirun -np 4 -x A=b python train.py -n 9", {"launcher": "mpirun", "world_size": "4"}),
        ("mpiexec -n 4 ./train -n 9", {"launcher": "mpirun", "world_size": "4"}),
        ("horovodrun -np 4 python train.py", {"launcher": "horovodrun", "world_size": "4"}),
        ("srun -N 2 --ntasks=16 python train.py", {"launcher": "srun", "world_size": "16", "nodes": "2"}),
        ("srun -n4 -N2 python train.py", {"launcher": "srun", "world_size": "4", "nodes": "2"}),
        (
            "srun -N 2 --ntasks-per-node=4 python train.py",
            {"launcher": "srun", "world_size": "8", "local_world_size": "4", "nodes": "2"},
        ),
        ("srun --ntasks-per-node=4 python train.py", {"launcher": "srun", "local_world_size": "4"}),
        # As Debian calls the two implementations, and Open MPI its own program.
        ("/usr/bin/mpirun.openmpi -n 4 python train.py", {"launcher": "mpirun", "world_size": "4"}),
        ("mpiexec.hydra -n 4 python train.py", {"launcher": "mpirun", "world_size": "4"}),
        ("orterun -np 2 python train.py", {"launcher": "mpirun", "world_size": "2"}),
        (
            "deepspeed --num_accelerators 2 train.py",
            {"launcher": "deepspeed", "world_size": "2", "local_world_size": "2"},
        ),
        ("mpirun -np", {}),
        ("", {}),
    ],
)
def test_the_world_that_is_asked_for(command, facts):
    assert asked_world(shlex.split(command)) == facts
