"""SageMaker's files and variables: values are strings of JSON, and names, hosts and channels come from either."""

from __future__ import annotations

import json

import pytest

from exptrack.capture.sagemaker import Channel, channels, hyperparameters, job_facts


@pytest.fixture
def job(tmp_path):
    def make(**files):
        config = tmp_path / "ml" / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        files.setdefault("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
        for name, data in files.items():
            (config / f"{name}.json").write_text(data if isinstance(data, str) else json.dumps(data))
        return {"SAGEMAKER_BASE_DIR": str(tmp_path / "ml")}

    return make


def test_hyperparameters_are_typed(job):
    given = {
        "lr": "0.1",
        "batch-size": "256",
        "optimizer": '"adam"',
        "name": "resnet",
        "nesterov": "true",
        "amp": "True",
        "scheduler": "null",
        "layers": "[64, 64]",
        "model": '{"depth": 4, "drop": {"p": 0.5}}',
        "nan": "NaN",
        "big": "123456789012345678901234567890",
        "zip": "007",
        "real": 3,
        "empty": "",
        "none": "{}",
    }
    assert hyperparameters(job(hyperparameters=given)) == {
        "lr": 0.1,
        "batch_size": 256,
        "optimizer": "adam",
        "name": "resnet",
        "nesterov": True,
        "amp": True,
        "scheduler": None,
        "layers": "[64, 64]",
        "model.depth": 4,
        "model.drop.p": 0.5,
        "nan": "NaN",
        "big": "123456789012345678901234567890",
        "zip": "007",
        "real": 3,
        "empty": "",
        "none": "{}",
    }


def test_what_the_sdk_adds_is_left_out(job):
    given = {"sagemaker_program": '"train.py"', "_tuning_objective_metric": "loss", "lr": "1"}
    assert hyperparameters(job(hyperparameters=given)) == {"lr": 1}


def test_the_toolkits_variables_where_there_is_no_file(job):
    env = job() | {"SM_HP_LR": "0.5", "SM_HP_BATCH-SIZE": "8", "SM_HPS": ""}
    assert hyperparameters(env) == {"lr": 0.5, "batch_size": 8}
    assert hyperparameters(env | {"SM_HPS": '{"Lr": 0.25}'}) == {"Lr": 0.25}


@pytest.mark.parametrize("text", ["", "[", "[1]", '"x"', "{" * 5000])
def test_a_broken_file_has_no_parameters(job, text):
    assert hyperparameters(job(hyperparameters=text)) == {}


def test_elsewhere_there_are_none(tmp_path):
    env = {"SAGEMAKER_BASE_DIR": str(tmp_path), "SM_HPS": "", "SM_TYPE": "arm64"}
    assert hyperparameters(env) == {}
    assert channels(env) == []
    assert job_facts(env) == {}


def test_channels_by_the_file(job):
    said = {"train": {"TrainingInputMode": "File"}, "big": {"TrainingInputMode": "FastFile"}, "odd": 3, "../x": {}}
    env = job(inputdataconfig=said)
    data = env["SAGEMAKER_BASE_DIR"] + "/input/data"
    assert channels(env) == [
        Channel("big", f"{data}/big", "FastFile"),
        Channel("odd", f"{data}/odd", ""),
        Channel("train", f"{data}/train", "File"),
    ]
    assert [c.is_on_disk for c in channels(env)] == [False, True, True]


def test_channels_by_the_variables(job):
    env = job() | {"SM_CHANNELS": '["training"]', "SM_CHANNEL_TRAINING": "/d/training", "SM_CHANNEL_TEST": "/d/test"}
    assert channels(env) == [Channel("test", "/d/test", ""), Channel("training", "/d/training", "")]


def test_the_job_by_files_and_by_variables(job):
    files = {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"], "current_instance_type": "ml.p4d.24xlarge"}
    env = job(resourceconfig=files) | {
        "TRAINING_JOB_NAME": "churn-7",
        "TRAINING_JOB_ARN": "arn:aws:sagemaker:x:1:j/c-7",
    }
    assert job_facts(env) == {
        "kind": "sagemaker",
        "job": "churn-7",
        "arn": "arn:aws:sagemaker:x:1:j/c-7",
        "host": "algo-1",
        "node_list": "algo-1,algo-2",
        "nodes": "2",
        "queue": "ml.p4d.24xlarge",
    }
    told = {"SM_TRAINING_ENV": '{"job_name": "churn-8"}', "SM_NUM_GPUS": "8", "SM_CURRENT_HOST": "algo-1"}
    assert job_facts(told) == {"kind": "sagemaker", "job": "churn-8", "host": "algo-1", "gpus": "8"}
