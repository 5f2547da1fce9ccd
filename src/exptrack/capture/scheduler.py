"""Who put the run on this machine: SLURM, LSF, PBS, SGE, Kubernetes, SageMaker, Vertex and others, by their variables.

Names of the facts are the same for all: kind, job, name, task (of an array), queue, nodes, tasks, world_size.
"""

from __future__ import annotations

from collections.abc import Mapping

from exptrack.capture.redact import mask_text

# kind: (variable that must be there, {fact: variables, the first one set counts})
_SCHEDULERS: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "slurm": (
        "SLURM_JOB_ID",
        {
            "job": ("SLURM_ARRAY_JOB_ID", "SLURM_JOB_ID"),
            "task": ("SLURM_ARRAY_TASK_ID",),
            "name": ("SLURM_JOB_NAME",),
            "queue": ("SLURM_JOB_PARTITION",),
            "nodes": ("SLURM_JOB_NUM_NODES", "SLURM_NNODES"),
            "node_list": ("SLURM_JOB_NODELIST",),
            "tasks": ("SLURM_NTASKS",),
            "cluster": ("SLURM_CLUSTER_NAME",),
            "restarts": ("SLURM_RESTART_COUNT",),
        },
    ),
    "lsf": (
        "LSB_JOBID",
        {
            "job": ("LSB_JOBID",),
            "task": ("LSB_JOBINDEX",),
            "name": ("LSB_JOBNAME",),
            "queue": ("LSB_QUEUE",),
            "tasks": ("LSB_DJOB_NUMPROC",),
        },
    ),
    "pbs": (
        "PBS_JOBID",
        {
            "job": ("PBS_JOBID",),
            "task": ("PBS_ARRAY_INDEX", "PBS_ARRAYID"),
            "name": ("PBS_JOBNAME",),
            "queue": ("PBS_QUEUE",),
            "nodes": ("PBS_NUM_NODES",),
        },
    ),
    "sge": (
        "SGE_O_HOST",
        {
            "job": ("JOB_ID",),
            "task": ("SGE_TASK_ID",),
            "name": ("JOB_NAME",),
            "queue": ("QUEUE",),
            "nodes": ("NHOSTS",),
            "tasks": ("NSLOTS",),
        },
    ),
    "flux": ("FLUX_JOB_ID", {"job": ("FLUX_JOB_ID",), "nodes": ("FLUX_JOB_NNODES",), "tasks": ("FLUX_JOB_SIZE",)}),
    "sagemaker": (
        "SM_CURRENT_HOST",
        {
            "job": ("TRAINING_JOB_NAME", "SAGEMAKER_JOB_NAME"),
            "queue": ("SM_CURRENT_INSTANCE_TYPE",),
            "host": ("SM_CURRENT_HOST",),
            "node_list": ("SM_HOSTS",),
        },
    ),
    "vertex": ("CLOUD_ML_JOB_ID", {"job": ("CLOUD_ML_JOB_ID",), "project": ("CLOUD_ML_PROJECT_ID",)}),
    "azureml": ("AZUREML_RUN_ID", {"job": ("AZUREML_RUN_ID",), "name": ("AZUREML_EXPERIMENT_NAME",)}),
    "ray": ("RAY_JOB_ID", {"job": ("RAY_JOB_ID",)}),
    "kubernetes": (
        "KUBERNETES_SERVICE_HOST",
        {
            "job": ("JOB_NAME", "POD_NAME", "HOSTNAME"),
            "task": ("JOB_COMPLETION_INDEX",),
            "namespace": ("POD_NAMESPACE",),
            "node_list": ("NODE_NAME",),
        },
    ),
}
_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
_UNSET = ("", "undefined", "0-0")


def scheduler_facts(env: Mapping[str, str]) -> dict[str, str]:
    """Empty on a machine that nobody schedules; also what a distributed launcher says of the world's size."""
    facts: dict[str, str] = {}
    for kind, (sign, names) in _SCHEDULERS.items():
        if env.get(sign, "") not in _UNSET:
            facts["kind"] = kind
            for fact, variables in names.items():
                value = next((env[v] for v in variables if env.get(v, "") not in _UNSET), None)
                if value is not None and not (kind == "lsf" and fact == "task" and value == "0"):
                    facts[fact] = mask_text(value)
            if kind == "kubernetes" and "namespace" not in facts and (namespace := _namespace()):
                facts["namespace"] = namespace
            break
    if world := env.get("WORLD_SIZE"):
        facts["world_size"] = world
    return facts


def _namespace() -> str:
    """Kubernetes leaves a pod's namespace in a file beside its token (which is not read)."""
    try:
        with open(_NAMESPACE, encoding="utf-8") as f:
            return f.read(256).strip()
    except OSError:
        return ""
