"""What a managed job gives a run: parameters without secrets, and inputs that are read only where that is cheap."""

from __future__ import annotations

import json

import pytest

from exptrack.capture.managed_job import job_inputs, job_parameters
from exptrack.model import Declared


@pytest.fixture
def env(tmp_path):
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    said = {"train": {"TrainingInputMode": "File"}, "test": {"TrainingInputMode": "Pipe"}}
    for name, data in {"resourceconfig": {}, "inputdataconfig": said}.items():
        (config / f"{name}.json").write_text(json.dumps(data))
    given = {"lr": "0.1", "db_password": '"hunter2hunter2"', "note": "hf_" + "aB3" * 12}
    (config / "hyperparameters.json").write_text(json.dumps(given))
    return {"SAGEMAKER_BASE_DIR": str(tmp_path)}


def test_secrets_do_not_become_parameters(env):
    assert job_parameters(env) == {"lr": 0.1, "db_password": "[redacted]", "note": "[redacted]"}


def test_a_channel_on_disk_is_an_input_and_a_stream_is_named(env):
    base = env["SAGEMAKER_BASE_DIR"]
    declared, unread, warnings = job_inputs(env, [])
    assert declared == [Declared(label="train", pattern=f"{base}/input/data/train")]
    assert [(i.name, i.path, i.digest) for i in unread] == [("test", f"{base}/input/data/test", None)]
    assert warnings == [
        f"input test: no digest, it comes in Pipe mode; with -i test={base}/input/data/test it is read all the same"
    ]


def test_what_the_user_declares_is_left_to_him(env):
    base = env["SAGEMAKER_BASE_DIR"]
    mine = [Declared(label="t", pattern=f"{base}/input/data/train"), Declared(label="test", pattern="x")]
    assert job_inputs(env, mine) == ([], [], [])


def test_data_in_the_cloud_is_named(tmp_path):
    env = {"AIP_TRAINING_DATA_URI": "gs://b/train.csv", "SAGEMAKER_BASE_DIR": str(tmp_path)}
    declared, unread, warnings = job_inputs(env, [])
    assert declared == []
    assert [(i.name, i.path, i.digest) for i in unread] == [("training", "gs://b/train.csv", None)]
    assert len(warnings) == 1
    assert job_inputs(env, [Declared(label="training", pattern="x")]) == ([], [], [])
