"""Ranks by the variables of launchers: rank 0 of the innermost one is recorded, and nothing else counts as a rank."""

from __future__ import annotations

import pytest

from exptrack.capture.launcher import is_other_rank, world_facts

SRUN = {
    "SLURM_JOB_ID": "90",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "0",
    "SLURM_NODEID": "0",
    "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_STEP_TASKS_PER_NODE": "2,1",
}
SRUN_FACTS = {"launcher": "slurm", "world_size": "3", "local_world_size": "2"}
TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "2"}


@pytest.mark.parametrize(
    "env",
    [
        {"RANK": "1", "WORLD_SIZE": "4"},
        {"HOROVOD_RANK": "1", "HOROVOD_SIZE": "2"},
        {"OMPI_COMM_WORLD_RANK": "7", "OMPI_COMM_WORLD_SIZE": "8"},
        {"MV2_COMM_WORLD_RANK": "1", "MV2_COMM_WORLD_SIZE": "8"},
        {"JSM_NAMESPACE_RANK": "1", "JSM_NAMESPACE_SIZE": "8"},
        {"PALS_RANKID": "1"},
        {"PMI_RANK": "1", "PMI_SIZE": "2"},
        {"PMIX_RANK": "1"},
        {"FLUX_TASK_RANK": "1", "FLUX_JOB_SIZE": "2"},
        {"SLURM_PROCID": "1", "SLURM_NTASKS": "2"},
        {"SLURM_PROCID": "1"},
        {"RANK": " 1 ", "WORLD_SIZE": "2"},
        # Lightning's launcher and scripts of one's own leave the global rank to be computed.
        {"LOCAL_RANK": "1"},
        {"LOCAL_RANK": "0", "NODE_RANK": "1", "WORLD_SIZE": "4"},
        {"RANK": "1", "LOCAL_RANK": "1"},
        # The first process of a node says nothing about which node it is.
        {"LOCAL_RANK": "0", "SM_CURRENT_HOST": "algo-2", "SM_HOSTS": '["algo-1", "algo-2"]'},
        # torchrun on several nodes gives rank 0 to whichever agent came first, and SLURM has numbers of its own.
        {**TORCHRUN, "RANK": "2", "SLURM_PROCID": "0", "SLURM_NTASKS": "2"},
        {"OMPI_COMM_WORLD_RANK": "4", "OMPI_COMM_WORLD_SIZE": "8", "SLURM_PROCID": "0"},
    ],
)
def test_another_rank(env):
    assert is_other_rank(env)


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"RANK": "0", "WORLD_SIZE": "4"},
        {"SLURM_PROCID": "0", "SLURM_NTASKS": "8"},
        {**TORCHRUN, "RANK": "0", "SLURM_PROCID": "1", "SLURM_NTASKS": "2"},
        # Somebody's own variable, left over, or no rank at all.
        {"RANK": "3"},
        {"RANK": "3", "WORLD_SIZE": ""},
        {"RANK": "3", "WORLD_SIZE": "1"},
        {"RANK": "3", "WORLD_SIZE": "all"},
        {"RANK": "", "WORLD_SIZE": "4"},
        {"RANK": "major", "WORLD_SIZE": "4"},
        {"RANK": "-1", "WORLD_SIZE": "4"},
        {"RANK": "1.0", "WORLD_SIZE": "4"},
        {"RANK": "01", "WORLD_SIZE": "4"},
        {"RANK": "١", "WORLD_SIZE": "4"},
        {"RANK": "1" * 5000, "WORLD_SIZE": "2" * 5000},
        {"SLURM_PROCID": "", "SLURM_NTASKS": "8"},
        {"SLURM_PROCID": "5", "SLURM_NTASKS": "4"},
        {"LOCAL_RANK": "0"},
        {"LOCAL_RANK": "0", "SM_CURRENT_HOST": "algo-1", "SM_HOSTS": '["algo-1", "algo-2"]'},
        {"LOCAL_RANK": "0", "NODE_RANK": "0", "WORLD_SIZE": "4"},
        {"LOCAL_RANK": "1", "WORLD_SIZE": "1"},
        {"LOCAL_RANK": "one"},
        {"NODE_RANK": "1"},
        {"WORLD_SIZE": "8"},
    ],
)
def test_the_one_that_is_recorded(env):
    assert not is_other_rank(env)


def test_a_lone_rank_leaves_the_word_to_the_launcher_around():
    assert is_other_rank({"RANK": "0", "SLURM_PROCID": "3", "SLURM_NTASKS": "4"})
    assert not is_other_rank({"RANK": "3", "SLURM_PROCID": "0", "SLURM_NTASKS": "4"})


@pytest.mark.parametrize(
    ("env", "facts"),
    [
        ({}, {}),
        (
            {**TORCHRUN, "RANK": "0", "MASTER_ADDR": "gpu01", "TORCHELASTIC_RESTART_COUNT": "0"},
            {"launcher": "torchrun", "world_size": "4", "local_world_size": "2", "nodes": "2", "master": "gpu01"},
        ),
        (
            {**TORCHRUN, "RANK": "0", "ACCELERATE_MIXED_PRECISION": "bf16", "TORCHELASTIC_RESTART_COUNT": "2"},
            {"launcher": "accelerate", "world_size": "4", "local_world_size": "2", "nodes": "2", "restarts": "2"},
        ),
        (
            {"RANK": "0", "WORLD_SIZE": "16", "LOCAL_SIZE": "8", "CROSS_RANK": "0", "CROSS_SIZE": "2"},
            {"launcher": "deepspeed", "world_size": "16", "local_world_size": "8"},
        ),
        ({"RANK": "0", "WORLD_SIZE": "2"}, {"launcher": "RANK and WORLD_SIZE", "world_size": "2"}),
        (
            {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_LOCAL_SIZE": "4"},
            {"launcher": "openmpi", "world_size": "8", "local_world_size": "4"},
        ),
        (
            {"PMI_RANK": "0", "PMI_SIZE": "8", "MPI_LOCALNRANKS": "4", "I_MPI_MPIRUN": "mpirun"},
            {"launcher": "intel mpi", "world_size": "8", "local_world_size": "4"},
        ),
        ({"PMI_RANK": "0", "PMI_SIZE": "8"}, {"launcher": "mpich", "world_size": "8"}),
        # srun --mpi=pmix and --mpi=pmi2, and mpirun of MPICH inside such a step.
        (SRUN | {"PMIX_RANK": "0", "PMIX_NAMESPACE": "slurm.pmix.90.0"}, SRUN_FACTS),
        (SRUN | {"PMI_RANK": "0", "PMI_SIZE": "3", "PMI_JOBID": "90.0"}, SRUN_FACTS),
        (
            SRUN | {"PMI_RANK": "0", "PMI_SIZE": "2", "PMI_JOBID": "90.0", "MPI_LOCALNRANKS": "2"},
            {"launcher": "mpich", "world_size": "2", "local_world_size": "2"},
        ),
        (SRUN | {"PMIX_RANK": "0", "PMIX_NAMESPACE": "prterun-1@1"}, {"launcher": "pmix"}),
        (
            {"SLURM_PROCID": "0", "SLURM_NTASKS": "20", "SLURM_NODEID": "0", "SLURM_STEP_TASKS_PER_NODE": "8(x2),4"},
            {"launcher": "slurm", "world_size": "20", "local_world_size": "8"},
        ),
        (
            {"SLURM_PROCID": "0", "SLURM_NTASKS": "20", "SLURM_NODEID": "2", "SLURM_STEP_TASKS_PER_NODE": "8(x2),4"},
            {"launcher": "slurm", "world_size": "20", "local_world_size": "4"},
        ),
        (
            {"SLURM_PROCID": "0", "SLURM_NTASKS": "20", "SLURM_NODEID": "5", "SLURM_STEP_TASKS_PER_NODE": "8(x2),4"},
            {"launcher": "slurm", "world_size": "20"},
        ),
        ({"SLURM_PROCID": "0", "SLURM_NODEID": "0", "SLURM_STEP_TASKS_PER_NODE": "?(x!)"}, {"launcher": "slurm"}),
    ],
)
def test_the_size_of_the_world(env, facts):
    assert world_facts(env) == facts
