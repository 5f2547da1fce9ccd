"""Who put the run on this machine: SLURM, LSF, PBS, SGE, Kubernetes, Ray and others, by their variables; SageMaker and
Vertex also by their files.

Names of the facts are the same for all: kind, job, name, task (of an array), queue, nodes, node_list, tasks, ends_at
(seconds since the epoch), and what a launcher says (launcher.py). docs/clusters.md has the tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from exptrack.capture.launcher import world_facts
from exptrack.capture.managed import is_managed, json_of
from exptrack.capture.redact import mask_text
from exptrack.files import read_bytes

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
            "ends_at": ("SLURM_JOB_END_TIME",),
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
    "azureml": ("AZUREML_RUN_ID", {"job": ("AZUREML_RUN_ID",), "name": ("AZUREML_EXPERIMENT_NAME",)}),
}
# A pod is where a job runs, also when Ray or SageMaker sent it there: told beside any other kind.
_POD: dict[str, tuple[str, ...]] = {
    "pod": ("POD_NAME", "HOSTNAME"),
    "task": ("JOB_COMPLETION_INDEX",),
    "namespace": ("POD_NAMESPACE",),
    "node_list": ("NODE_NAME",),
}
# Where LSF, PBS and SGE list the hosts of a job: a variable with `host slots host slots`, or a file with a host a line.
_HOST_PAIRS = "LSB_MCPU_HOSTS"
_HOST_FILES = ("PBS_NODEFILE", "PE_HOSTFILE", "LSB_DJOB_HOSTFILE")
_LARGEST = 1 << 20
_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
_NO_RAY_JOB = "ffffffff"
_UNSET = ("", "undefined", "0-0")


def scheduler_facts(env: Mapping[str, str]) -> dict[str, str]:
    """Empty on a machine that nobody schedules; also what a distributed launcher says of the world's size."""
    facts = _batch_facts(env) or _ray_facts(env) or _managed_facts(env)
    if env.get("KUBERNETES_SERVICE_HOST"):
        facts = {**_pod_facts(env), **facts}
    world = world_facts(env)
    if facts.get("kind") == "slurm":
        world.pop("restarts", None)  # of the whole job, also where it says none, and not of torchrun's workers in it
    return {fact: mask_text(value) for fact, value in {**facts, **world}.items()}


def _managed_facts(env: Mapping[str, str]) -> dict[str, str]:
    if not is_managed(env):
        return {}
    from exptrack.capture import sagemaker, vertex

    return sagemaker.job_facts(env) or vertex.job_facts(env)


def _pod_facts(env: Mapping[str, str]) -> dict[str, str]:
    facts = {"kind": "kubernetes", **_taken(env, _POD)}
    if "namespace" not in facts and (namespace := _namespace()):
        facts["namespace"] = namespace
    if job := env.get("JOB_NAME") or facts.get("pod"):
        facts["job"] = job
    return facts


def _ray_facts(env: Mapping[str, str]) -> dict[str, str]:
    """A job's entry point knows only what it was submitted with, as JSON; a task or actor knows RAY_JOB_ID, or of a
    worker that was started before its job (Ray 2.60: most of them) that there is none yet."""
    told = json_of(env.get("RAY_JOB_CONFIG_JSON_ENV_VAR"))
    about = told.get("metadata") if isinstance(told, dict) else None
    about = about if isinstance(about, dict) else {}
    facts = {
        "job": about.get("job_submission_id") or env.get("RAY_JOB_ID"),
        "name": about.get("job_name"),
        "node": env.get("RAY_NODE_ID"),
    }
    is_here = bool(facts["job"])
    if facts["job"] == _NO_RAY_JOB:
        del facts["job"]
    return {"kind": "ray", **{fact: str(value) for fact, value in facts.items() if value}} if is_here else {}


def _batch_facts(env: Mapping[str, str]) -> dict[str, str]:
    for kind, (sign, names) in _SCHEDULERS.items():
        if env.get(sign, "") not in _UNSET:
            facts = {"kind": kind, **_taken(env, names)}
            if kind == "lsf" and facts.get("task") == "0":
                del facts["task"]  # a job that is no array
            if "node_list" not in facts and (hosts := _hosts(env)):
                facts |= {"node_list": ",".join(hosts), "nodes": str(len(hosts))}
            return facts
    return {}


def _taken(env: Mapping[str, str], names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Fact -> the first of its variables that says something."""
    found = {}
    for fact, variables in names.items():
        found[fact] = next((env[v] for v in variables if env.get(v, "") not in _UNSET), "")
    return {fact: value for fact, value in found.items() if value}


def _hosts(env: Mapping[str, str]) -> list[str]:
    """The hosts of a job, each once, in the order the scheduler lists them."""
    words = env.get(_HOST_PAIRS, "").split()[::2]
    if not words and (path := next((env[name] for name in _HOST_FILES if env.get(name)), "")):
        try:
            lines = read_bytes(path, _LARGEST).decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []  # another node's own copy, or gone with the job's scratch folder
        words = [line.split()[0] for line in lines if line.strip()]
    return list(dict.fromkeys(words))


def _namespace() -> str:
    """Kubernetes leaves a pod's namespace in a file beside its token (which is not read)."""
    try:
        with open(_NAMESPACE, encoding="utf-8") as f:
            return f.read(256).strip()
    except OSError:
        return ""
