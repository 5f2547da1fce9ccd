"""What a SageMaker training job says of itself: hyperparameters, input channels, hosts, names.

From the files the service puts below /opt/ml/input/config, which are there in every container, and from the variables
that its training toolkit makes of them (SM_*). Values are strings there, each the JSON of what the user gave.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from exptrack.capture.managed import config_file, json_of, sagemaker_base, sagemaker_hosts
from exptrack.capture.params import parse_scalar
from exptrack.model import Scalar
from exptrack.typed import Any, NamedTuple

# What the SDK passes to its toolkit the way users pass hyperparameters.
_OF_THE_SDK = ("sagemaker_", "_tuning_objective_metric")
# Of these modes the data is on the disk of the job before it starts; the others fetch every byte when it is read.
_ON_DISK = ("", "File", "AugmentedManifestFile")


class Channel(NamedTuple):
    """One input channel: the folder it is seen under, and the mode (File, FastFile, Pipe) it comes in."""

    name: str
    path: str
    mode: str

    @property
    def is_on_disk(self) -> bool:
        return self.mode in _ON_DISK


def hyperparameters(env: Mapping[str, str]) -> dict[str, Scalar]:
    """Typed, flattened with dots, and named as on a command line; without what the SDK adds. Empty elsewhere."""
    base = sagemaker_base(env)
    if base is None:
        return {}
    given = config_file(base, "hyperparameters") or json_of(env.get("SM_HPS"))
    if not given:
        # The toolkit's one variable for each has the name in capitals; nothing tells the small letters apart.
        given = {name[6:].lower(): value for name, value in env.items() if name.startswith("SM_HP_") and name[6:]}
    out: dict[str, Scalar] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        if not name.startswith(_OF_THE_SDK):
            out.update(_flat(name.replace("-", "_"), _decoded(value)))
    return out


def _decoded(value: Any) -> Any:
    """`"0.1"` -> 0.1, `"\\"adam\\""` -> adam, `"[1, 2]"` -> a list; text that is no JSON as on a command line."""
    if not isinstance(value, str):
        return value
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        return parse_scalar(value)
    # NaN and Infinity, which JSON has not, and numbers of more digits than 64 bits hold stay the text they were.
    return decoded if not isinstance(decoded, (int, float)) or isinstance(decoded, bool) else parse_scalar(value)


def _flat(name: str, value: Any) -> dict[str, Scalar]:
    if isinstance(value, dict) and value:
        return {k: v for key, inner in value.items() for k, v in _flat(f"{name}.{key}", inner).items()}
    return {name: value if value is None or isinstance(value, (str, int, float, bool)) else json.dumps(value)}


def channels(env: Mapping[str, str]) -> list[Channel]:
    """The input channels, sorted by name."""
    base = sagemaker_base(env)
    if base is None:
        return []
    said = config_file(base, "inputdataconfig") or json_of(env.get("SM_INPUT_DATA_CONFIG")) or {}
    listed = json_of(env.get("SM_CHANNELS"))
    names = {str(name) for name in (*said, *(listed if isinstance(listed, list) else ()))}
    known = {f"SM_CHANNEL_{name.upper()}" for name in names}
    names |= {v[11:].lower() for v in env if v.startswith("SM_CHANNEL_") and v[11:] and v not in known}
    found = []
    for name in sorted(names):
        if "/" in name or name in (".", ".."):
            continue  # no name the service takes: a file that somebody else wrote
        path = env.get(f"SM_CHANNEL_{name.upper()}") or os.path.join(base, "input", "data", name)
        about = said.get(name)
        mode = about.get("TrainingInputMode") if isinstance(about, dict) else None
        found.append(Channel(name, path, str(mode or "")))
    return found


def job_facts(env: Mapping[str, str]) -> dict[str, str]:
    """kind, job, arn, host, node_list, nodes, queue (the instance type), gpus; empty elsewhere."""
    base = sagemaker_base(env)
    if base is None and "TRAINING_JOB_ARN" not in env:
        return {}
    here, hosts = sagemaker_hosts(env)
    told = json_of(env.get("SM_TRAINING_ENV"))
    told = told if isinstance(told, dict) else {}
    resources = config_file(base, "resourceconfig") if base else {}
    facts = {
        "kind": "sagemaker",
        "job": env.get("TRAINING_JOB_NAME") or env.get("SAGEMAKER_JOB_NAME") or told.get("job_name"),
        "arn": env.get("TRAINING_JOB_ARN"),
        "host": here,
        "node_list": ",".join(hosts),
        "nodes": len(hosts) or None,
        "queue": env.get("SM_CURRENT_INSTANCE_TYPE") or resources.get("current_instance_type"),
        "group": env.get("SM_CURRENT_INSTANCE_GROUP") or resources.get("current_group_name"),
        "gpus": env.get("SM_NUM_GPUS"),
    }
    return {fact: str(value) for fact, value in facts.items() if value}
