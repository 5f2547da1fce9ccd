"""Schedulers by their variables; a machine that nobody schedules has none."""

from __future__ import annotations

import pytest

from exptrack.capture.scheduler import scheduler_facts

CLUSTER = (
    '{"cluster": {"workerpool0": ["a:2222"], "workerpool1": ["b:2222"]}, "task": {"type": "workerpool0", "index": 0}}'
)


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
            {"kind": "sagemaker", "job": "t-1", "host": "algo-1", "node_list": "algo-1", "nodes": "1"},
        ),
        ({"CLOUD_ML_JOB_ID": "3"}, {"kind": "vertex", "job": "3"}),
        (
            {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "pod-1", "POD_NAMESPACE": "ml"},
            {"kind": "kubernetes", "job": "pod-1", "pod": "pod-1", "namespace": "ml"},
        ),
        ({"SLURM_JOB_ID": "1", "KUBERNETES_SERVICE_HOST": "x"}, {"kind": "slurm", "job": "1"}),
        ({"WORLD_SIZE": "8"}, {"world_size": "8"}),
        ({"WORLD_SIZE": "many"}, {}),
        (
            {"SLURM_JOB_ID": "1", "SLURM_JOB_NODELIST": "gpu[01-02]", "SLURM_JOB_END_TIME": "1790000000"},
            {"kind": "slurm", "job": "1", "node_list": "gpu[01-02]", "ends_at": "1790000000"},
        ),
        (
            {"LSB_JOBID": "5", "LSB_MCPU_HOSTS": "h1 4 h2 4", "LSB_DJOB_HOSTFILE": "/not/read"},
            {"kind": "lsf", "job": "5", "node_list": "h1,h2", "nodes": "2"},
        ),
        ({"PBS_JOBID": "5", "PBS_NODEFILE": "/not/there"}, {"kind": "pbs", "job": "5"}),
        (
            {"SLURM_JOB_ID": "1", "RANK": "0", "WORLD_SIZE": "8", "GROUP_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x"},
            {"kind": "slurm", "job": "1", "launcher": "torchrun", "world_size": "8", "nodes": "2"},
        ),
        (
            {"SLURM_JOB_ID": "1", "SLURM_RESTART_COUNT": "1", "RANK": "0", "WORLD_SIZE": "1", "CROSS_RANK": "0"}
            | {"TORCHELASTIC_RESTART_COUNT": "3"},
            {"kind": "slurm", "job": "1", "restarts": "1", "launcher": "deepspeed", "world_size": "1"},
        ),
        ({"RAY_JOB_ID": "ffffffff"}, {"kind": "ray"}),
        ({"RAY_JOB_ID": "02000000"}, {"kind": "ray", "job": "02000000"}),
        (
            {"RAY_JOB_CONFIG_JSON_ENV_VAR": '{"metadata": {"job_submission_id": "raysubmit_7", "job_name": "t"}}'}
            | {"KUBERNETES_SERVICE_HOST": "x", "HOSTNAME": "pod-2", "POD_NAMESPACE": "ml"},
            {"kind": "ray", "job": "raysubmit_7", "name": "t", "pod": "pod-2", "namespace": "ml"},
        ),
        ({"RAY_JOB_CONFIG_JSON_ENV_VAR": "[]"}, {}),
        (
            {"CLOUD_ML_JOB_ID": "3", "CLOUD_ML_TRIAL_ID": "4", "CLUSTER_SPEC": CLUSTER},
            {"kind": "vertex", "job": "3", "trial": "4", "host": "workerpool0-0", "nodes": "2", "node_list": "a,b"},
        ),
        (
            {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "hf_" + "aB3" * 10},
            {"kind": "slurm", "job": "1", "name": "[redacted]"},
        ),
    ],
)
def test_facts(env, facts):
    assert scheduler_facts(env) == facts


@pytest.mark.parametrize(
    ("kind", "sign", "variable", "text"),
    [
        ("pbs", "PBS_JOBID", "PBS_NODEFILE", "h1\nh1\nh2\n"),
        ("sge", "SGE_O_HOST", "PE_HOSTFILE", "h1 8 all.q@h1 UNDEFINED\nh2 8 all.q@h2 UNDEFINED\n"),
        ("lsf", "LSB_JOBID", "LSB_DJOB_HOSTFILE", "h1\n\nh2\n"),
    ],
)
def test_hosts_that_stand_in_a_file(tmp_path, kind, sign, variable, text):
    path = tmp_path / "hosts"
    path.write_text(text)
    found = scheduler_facts({sign: "7", variable: str(path)})
    assert (found["kind"], found["node_list"], found["nodes"]) == (kind, "h1,h2", "2")
