"""Where a managed training job (SageMaker, Vertex) keeps things, and which of its hosts this is.

Read before the command starts, so it stays light; what such a job says of its parameters, inputs and ids is read
beside the command, in sagemaker.py and vertex.py. docs/clusters.md has the tables.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from exptrack.files import read_bytes
from exptrack.typed import Any

# SageMaker's training toolkit takes another place from this variable; its containers do not set it.
BASE_VARIABLE, BASE = "SAGEMAKER_BASE_DIR", "/opt/ml"
# Bytes; the service's own limit for hyperparameters is far below.
LARGEST = 1 << 20
# Cloud Storage is mounted there in every Vertex training container (Cloud Storage FUSE).
MOUNT = "/gcs"
# Of SageMaker's training toolkit; any of them, since local mode and containers of one's own set only some.
SAGEMAKER_SIGNS = ("SM_CURRENT_HOST", "SM_HPS", "SM_HP_", "SM_CHANNEL", "SM_TRAINING_ENV", "SM_MODEL_DIR")
VERTEX_SIGNS = (
    "CLOUD_ML_JOB_ID",
    "CLOUD_ML_PROJECT_ID",
    "AIP_MODEL_DIR",
    "AIP_CHECKPOINT_DIR",
    "AIP_TENSORBOARD_LOG_DIR",
    "AIP_TRAINING_DATA_URI",
)
# Of a TF_CONFIG or CLUSTER_SPEC: the first of these that the cluster has leads it, by its task 0.
_LEADERS = ("chief", "master", "workerpool0", "worker")


def is_managed(env: Mapping[str, str]) -> bool:
    """Has such a job anything to say? Asked of every run; what it says is read only then."""
    return sagemaker_base(env) is not None or "TRAINING_JOB_ARN" in env or any(env.get(name) for name in VERTEX_SIGNS)


def sagemaker_base(env: Mapping[str, str]) -> str | None:
    """The folder of a SageMaker training job; None when this is none."""
    base = env.get(BASE_VARIABLE) or BASE
    is_told = any(value and name.startswith(SAGEMAKER_SIGNS) for name, value in env.items())
    return base if is_told or os.path.isdir(os.path.join(base, "input", "config")) else None


def model_folder(env: Mapping[str, str]) -> str | None:
    """Where the job's model has to be: a folder, or Vertex's gs:// URI; None outside such a job.

    SageMaker sets SM_MODEL_DIR only through its toolkit; in a container of one's own the folder is the same."""
    named = env.get("SM_MODEL_DIR") or env.get("AIP_MODEL_DIR")
    if named:
        return named
    base = sagemaker_base(env)
    return os.path.join(base, "model") if base else None


def mounted(uri: str, mount: str = MOUNT) -> str | None:
    """gs://BUCKET/PATH as the path it is mounted under; None when that bucket is not mounted. Other texts stay."""
    if not uri.startswith("gs://"):
        return uri
    bucket, _, path = uri.removeprefix("gs://").partition("/")
    # A bucket is mounted when it is first looked at; `..` in a URI is no way out of it.
    if not bucket or ".." in f"{bucket}/{path}".split("/") or not os.path.isdir(os.path.join(mount, bucket)):
        return None
    return os.path.join(mount, bucket, path)


def is_other_host(env: Mapping[str, str]) -> bool:
    """Is this a host of a job of several that another one, the first, records?"""
    cluster = cluster_of(env)
    if cluster is not None:
        types, task = cluster["cluster"], cluster.get("task", {})
        leader = next((t for t in _LEADERS if t in types), None)
        if isinstance(task, dict) and leader and "type" in task:
            return (task["type"], str(task.get("index", 0))) != (leader, "0")
    here, hosts = sagemaker_hosts(env)
    return bool(here) and here in hosts and here != min(hosts)


def cluster_of(env: Mapping[str, str]) -> dict[str, Any] | None:
    """TF_CONFIG (TensorFlow, Kubeflow, Vertex) or CLUSTER_SPEC (Vertex): {"cluster": {type: hosts}, "task": {…}}."""
    for name in ("CLUSTER_SPEC", "TF_CONFIG"):
        data = json_of(env.get(name))
        if isinstance(data, dict) and isinstance(data.get("cluster"), dict) and data["cluster"]:
            return data
    return None


def sagemaker_hosts(env: Mapping[str, str]) -> tuple[str, list[str]]:
    """(this host, all hosts), as algo-1 and algo-2; empty outside SageMaker."""
    base = sagemaker_base(env)
    if base is None:
        return "", []
    said = config_file(base, "resourceconfig")
    here = env.get("SM_CURRENT_HOST") or said.get("current_host")
    hosts = json_of(env.get("SM_HOSTS")) or said.get("hosts")
    return str(here or ""), [str(h) for h in hosts] if isinstance(hosts, list) else []


def config_file(base: str, name: str) -> dict[str, Any]:
    """One of the job's own input/config/NAME.json; empty when it is not there or is no such thing."""
    try:
        text = read_bytes(os.path.join(base, "input", "config", f"{name}.json"), LARGEST).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    data = json_of(text)
    return data if isinstance(data, dict) else {}


def json_of(text: str | None) -> Any:
    """A variable or file that holds JSON; None for one that is not there, too large, or holds something else."""
    if not text or len(text) > LARGEST:
        return None
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
