"""What a Vertex AI training job says of itself: ids, data, cluster, arguments; by AIP_*, CLOUD_ML_* and TF_CONFIG."""

from __future__ import annotations

from collections.abc import Mapping

from exptrack.capture.managed import VERTEX_SIGNS, cluster_of, json_of
from exptrack.capture.params import from_command
from exptrack.model import Scalar

_DATA = {"training": "AIP_TRAINING_DATA_URI", "validation": "AIP_VALIDATION_DATA_URI", "test": "AIP_TEST_DATA_URI"}


def is_here(env: Mapping[str, str]) -> bool:
    return any(env.get(name) for name in VERTEX_SIGNS)


def job_facts(env: Mapping[str, str]) -> dict[str, str]:
    """kind, job, project, trial (of a tuning job), host (task type and index), nodes, node_list; empty elsewhere."""
    if not is_here(env):
        return {}
    job, cluster = _job(env), cluster_of(env) or {}
    task = cluster.get("task")
    task = task if isinstance(task, dict) else {}
    pools = cluster.get("cluster", {}).values()
    hosts = [str(h).rpartition(":")[0] or str(h) for pool in pools if isinstance(pool, list) for h in pool]
    facts = {
        "kind": "vertex",
        "job": env.get("CLOUD_ML_JOB_ID") or job.get("job_id"),
        "project": env.get("CLOUD_ML_PROJECT_ID"),
        "trial": env.get("CLOUD_ML_TRIAL_ID") or task.get("trial"),
        "host": f"{task['type']}-{task.get('index', 0)}" if "type" in task else None,
        "node_list": ",".join(hosts),
        "nodes": len(hosts) or None,
        "tuned_metric": env.get("CLOUD_ML_HP_METRIC_TAG"),
    }
    return {fact: str(value) for fact, value in facts.items() if value}


def parameters(env: Mapping[str, str]) -> dict[str, Scalar]:
    """The job's arguments as CLOUD_ML_JOB lists them (they are the command line of the container, which a script may
    not have passed on), and the format of the data; empty elsewhere."""
    if not is_here(env):
        return {}
    told = _job(env).get("training_input")
    arguments = told.get("args") if isinstance(told, dict) else None
    out = from_command(["train", *map(str, arguments)]) if isinstance(arguments, list) else {}
    if data_format := env.get("AIP_DATA_FORMAT"):
        out.setdefault("data_format", data_format)
    return out


def data(env: Mapping[str, str]) -> dict[str, str]:
    """Name -> URI (gs://, bq://) of the data sets the job was given."""
    return {name: env[variable] for name, variable in _DATA.items() if env.get(variable)}


def _job(env: Mapping[str, str]) -> dict[str, object]:
    found = json_of(env.get("CLOUD_ML_JOB"))
    return found if isinstance(found, dict) else {}
