"""Schedulers by their variables; a machine that nobody schedules has none."""

from __future__ import annotations

import pytest

from exptrack.capture.scheduler import scheduler_facts


@pytest.mark.parametrize(
    ("env", "facts"),
    [
        ({}, {}),
        ({"HOSTNAME": "pc", "JOB_NAME": "x", "SLURM_CONF": "/etc/slurm.conf"}, {}),
        (
            {
                "SLURM_JOB_ID": "12",
                "SLURM_ARRAY_JOB_ID": "10",
                "SLURM_ARRAY_TASK_ID": "2",
                "SLURM_JOB_NAME": "train",
                "SLURM_JOB_NUM_NODES": "4",
                "SLURM_NTASKS": "32",
                "SLURM_JOB_PARTITION": "gpu",
                "WORLD_SIZE": "32",
            },
            {
                "kind": "slurm",
                "job": "10",
                "task": "2",
                "name": "train",
                "queue": "gpu",
                "nodes": "4",
                "tasks": "32",
                "world_size": "32",
            },
        ),
        ({"LSB_JOBID": "5", "LSB_JOBINDEX": "0", "LSB_QUEUE": "q"}, {"kind": "lsf", "job": "5", "queue": "q"}),
        ({"PBS_JOBID": "5.host", "PBS_ARRAY_INDEX": "3"}, {"kind": "pbs", "job": "5.host", "task": "3"}),
        (
            {"SGE_O_HOST": "h", "JOB_ID": "9", "SGE_TASK_ID": "undefined", "NSLOTS": "8"},
            {"kind": "sge", "job": "9", "tasks": "8"},
        ),
        (
            {"SM_CURRENT_HOST": "algo-1", "TRAINING_JOB_NAME": "t-1", "SM_HOSTS": '["algo-1"]'},
            {"kind": "sagemaker", "job": "t-1", "host": "algo-1", "node_list": '["algo-1"]'},
        ),
        ({"CLOUD_ML_JOB_ID": "3"}, {"kind": "vertex", "job": "3"}),
        (
            {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "pod-1", "POD_NAMESPACE": "ml"},
            {"kind": "kubernetes", "job": "pod-1", "namespace": "ml"},
        ),
        ({"SLURM_JOB_ID": "1", "KUBERNETES_SERVICE_HOST": "x"}, {"kind": "slurm", "job": "1"}),
        ({"WORLD_SIZE": "8"}, {"world_size": "8"}),
        (
            {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "hf_" + "aB3" * 10},
            {"kind": "slurm", "job": "1", "name": "[redacted]"},
        ),
    ],
)
def test_facts(env, facts):
    assert scheduler_facts(env) == facts
