"""Vertex: what AIP_*, CLOUD_ML_* and the cluster's description say of a job."""

from __future__ import annotations

import json

import pytest

from exptrack.capture.vertex import data, job_facts, parameters

HERE = {"CLOUD_ML_JOB_ID": "42"}


def test_elsewhere_there_is_nothing():
    assert job_facts({"TF_CONFIG": '{"cluster": {"worker": ["a:1"]}}'}) == {}
    assert parameters({"CLOUD_ML_JOB": '{"training_input": {"args": ["--lr", "1"]}}'}) == {}
    assert data({}) == {}


def test_arguments_of_the_job_are_parameters():
    job = {"training_input": {"args": ["--lr", "0.1", "--batch-size=32", "--fast"]}}
    env = HERE | {"CLOUD_ML_JOB": json.dumps(job), "AIP_DATA_FORMAT": "jsonl"}
    assert parameters(env) == {"lr": 0.1, "batch_size": 32, "fast": True, "data_format": "jsonl"}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"training_input": 3}', '{"training_input": {"args": "--lr"}}'])
def test_a_job_nobody_can_read_has_none(text):
    assert parameters(HERE | {"CLOUD_ML_JOB": text}) == {}


def test_ids_trial_and_hosts():
    cluster = {"cluster": {"chief": ["c-0:2222"], "worker": ["w-0:2222", "w-1:2222"]}, "task": {"type": "chief"}}
    env = HERE | {"CLOUD_ML_PROJECT_ID": "p", "CLOUD_ML_TRIAL_ID": "3", "TF_CONFIG": json.dumps(cluster)}
    assert job_facts(env) == {
        "kind": "vertex",
        "job": "42",
        "project": "p",
        "trial": "3",
        "host": "chief-0",
        "nodes": "3",
        "node_list": "c-0,w-0,w-1",
    }
    assert job_facts({"AIP_MODEL_DIR": "gs://b/m", "CLOUD_ML_JOB": '{"job_id": "j9"}'}) == {
        "kind": "vertex",
        "job": "j9",
    }
    assert job_facts(HERE | {"CLUSTER_SPEC": '{"cluster": {"workerpool0": 3}, "task": []}'}) == {
        "kind": "vertex",
        "job": "42",
    }


def test_data_sets_by_their_uris():
    env = {"AIP_TRAINING_DATA_URI": "gs://b/train-*", "AIP_TEST_DATA_URI": "bq://p.d.t", "AIP_VALIDATION_DATA_URI": ""}
    assert data(env) == {"training": "gs://b/train-*", "test": "bq://p.d.t"}
