"""Managed jobs before the command starts: their folders, and the one host of several that records."""

from __future__ import annotations

import json

import pytest

from exptrack.capture.managed import is_other_host, model_folder, mounted, sagemaker_base


@pytest.fixture
def opt_ml(tmp_path):
    """A SageMaker container as the service makes it, without the toolkit's variables."""
    config = tmp_path / "ml" / "input" / "config"
    config.mkdir(parents=True)
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}))
    return {"SAGEMAKER_BASE_DIR": str(tmp_path / "ml")}


def test_elsewhere_there_is_nothing(tmp_path):
    env = {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    assert sagemaker_base(env) is None
    assert model_folder(env) is None
    assert not is_other_host(env)


def test_a_container_without_the_toolkit_is_known_by_its_files(opt_ml):
    assert sagemaker_base(opt_ml) == opt_ml["SAGEMAKER_BASE_DIR"]
    assert model_folder(opt_ml) == opt_ml["SAGEMAKER_BASE_DIR"] + "/model"
    assert is_other_host(opt_ml)
    assert not is_other_host({**opt_ml, "SM_CURRENT_HOST": "algo-1"})


@pytest.mark.parametrize("name", ["SM_HPS", "SM_HP_LR", "SM_CHANNELS", "SM_CHANNEL_TRAIN", "SM_MODEL_DIR"])
def test_one_variable_of_the_toolkit_is_enough(name):
    assert sagemaker_base({name: "x"}) == "/opt/ml"
    assert sagemaker_base({"SMALL": "x", "SM_TYPE": "arm64", "MY_SM_HPS": "x"}) is None


def test_hyperparameters_alone_are_enough(tmp_path):
    (tmp_path / "input" / "config").mkdir(parents=True)
    assert sagemaker_base({"SAGEMAKER_BASE_DIR": str(tmp_path)}) == str(tmp_path)


def test_the_variables_win_over_the_files(opt_ml):
    assert model_folder({**opt_ml, "SM_MODEL_DIR": "/m"}) == "/m"
    assert model_folder({"AIP_MODEL_DIR": "gs://b/model/"}) == "gs://b/model/"
    assert model_folder({"SM_MODEL_DIR": "", "AIP_MODEL_DIR": ""}) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"x"', '{"hosts": 3}', '{"current_host": ["a"], "hosts": ["b"]}', "\xff"]
)
def test_a_broken_file_decides_nothing(opt_ml, text):
    with open(opt_ml["SAGEMAKER_BASE_DIR"] + "/input/config/resourceconfig.json", "w", encoding="latin-1") as f:
        f.write(text)
    assert not is_other_host(opt_ml)


def test_the_hosts_of_sagemaker_by_its_variables():
    hosts = '["algo-1", "algo-10", "algo-2"]'
    assert not is_other_host({"SM_CURRENT_HOST": "algo-1", "SM_HOSTS": hosts})
    assert is_other_host({"SM_CURRENT_HOST": "algo-10", "SM_HOSTS": hosts})
    # A host that is not among its own job's hosts: nothing that can be believed.
    assert not is_other_host({"SM_CURRENT_HOST": "algo-3", "SM_HOSTS": hosts})
    assert not is_other_host({"SM_CURRENT_HOST": "algo-2"})


def cluster(types, task):
    return json.dumps({"cluster": {t: ["h:1"] for t in types}, "task": task})


@pytest.mark.parametrize(
    ("types", "task", "is_other"),
    [
        (("chief", "worker"), {"type": "chief", "index": 0}, False),
        (("chief", "worker"), {"type": "worker", "index": 0}, True),
        (("master", "ps"), {"type": "master", "index": "0"}, False),
        (("worker", "ps"), {"type": "worker", "index": 0}, False),
        (("worker", "ps"), {"type": "worker", "index": 1}, True),
        (("worker", "ps"), {"type": "ps", "index": 0}, True),
        (("chief",), {"type": "evaluator", "index": 0}, True),
        (("workerpool0", "workerpool1"), {"type": "workerpool0", "index": 0}, False),
        (("workerpool0", "workerpool1"), {"type": "workerpool1", "index": 0}, True),
        (("workerpool0",), {}, False),
        (("trainer",), {"type": "trainer", "index": 1}, False),
    ],
)
@pytest.mark.parametrize("variable", ["TF_CONFIG", "CLUSTER_SPEC"])
def test_the_tasks_of_a_cluster(variable, types, task, is_other):
    assert is_other_host({variable: cluster(types, task)}) is is_other


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"cluster": []}', '{"cluster": {}}', '{"cluster": {"chief": 1}, "task": 3}', "[" * 9999],
)
def test_a_cluster_nobody_can_read(text):
    assert not is_other_host({"TF_CONFIG": text})


def test_a_bucket_where_it_is_mounted(tmp_path):
    (tmp_path / "bucket").mkdir()
    assert mounted("/local/model") == "/local/model"
    assert mounted("gs://bucket/job/model/", str(tmp_path)) == f"{tmp_path}/bucket/job/model/"
    assert mounted("gs://bucket", str(tmp_path)) == f"{tmp_path}/bucket/"
    for uri in ("gs://other/model", "gs://", "gs:///x", "gs://bucket/../../etc", "gs://../etc"):
        assert mounted(uri, str(tmp_path)) is None
