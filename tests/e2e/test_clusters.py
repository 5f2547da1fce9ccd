"""One record a job: under launchers, inside other runs, on several hosts; and what managed jobs say of themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import launch
from tool import EXPTRACK, Tool

RANKED = """
import os, pathlib, sys
rank = next((os.environ[n] for n in sys.argv[1].split(",") if n in os.environ), "none")
pathlib.Path(f"ran-{rank}").write_text(os.environ.get("EXPTRACK_RUN_ID", ""))
print(f"loss: 0.{rank}")
"""
NAMES = "RANK,OMPI_COMM_WORLD_RANK,PMI_RANK,SLURM_PROCID"


@pytest.mark.parametrize("style", ["torchrun", "deepspeed", "srun", "openmpi", "mpich", "srun+torchrun"])
def test_a_wrapper_inside_every_rank_makes_one_record(tool: Tool, style: str) -> None:
    tool.write("train.py", RANKED)
    words = [sys.executable, launch.__file__, style, "4", EXPTRACK, "run", "--", sys.executable, "train.py", NAMES]
    subprocess.run(words, cwd=tool.folder, env=tool.env, check=True, capture_output=True)
    [run_id] = tool.run_ids()
    ran = {p.name: p.read_text() for p in tool.folder.glob("ran-*")}
    # Only the recorded rank belongs to the run; the others are as without us.
    assert ran == {"ran-0": run_id, "ran-1": "", "ran-2": "", "ran-3": ""}
    shown = tool.json("show", "@")
    assert shown["metrics"]["loss"]["last"] == 0.0
    assert shown["machine"]["scheduler"]["world_size"] == "4"
    if style == "srun":
        facts = {"kind": "slurm", "job": "77", "node_list": "gpu[01-02]", "launcher": "slurm", "local_world_size": "4"}
        assert facts.items() <= shown["machine"]["scheduler"].items()


def test_a_wrapper_around_the_launcher_and_in_its_ranks_makes_one_record(tool: Tool) -> None:
    tool.write("train.py", RANKED)
    inner = [EXPTRACK, "run", "--", sys.executable, "train.py", NAMES]
    tool("run", "--", sys.executable, launch.__file__, "torchrun", "3", *inner)
    [run_id] = tool.run_ids()
    assert {p.read_text() for p in tool.folder.glob("ran-*")} == {run_id}


@pytest.mark.parametrize(
    "variables", [{"RANK": "3"}, {"RANK": "", "WORLD_SIZE": "2"}, {"RANK": "x", "WORLD_SIZE": "2"}]
)
def test_a_rank_nobody_launched_is_recorded(tool: Tool, variables: dict[str, str]) -> None:
    tool("run", "--", "true", env=variables)
    assert len(tool.run_ids()) == 1


def test_what_a_run_leaves_behind_is_not_inside_it_any_more(tool: Tool) -> None:
    """A tmux server that was started in a run hands its environment to everything, for weeks."""
    tool.write("save.py", "import os, json; json.dump(dict(os.environ), open('environment.json', 'w'))")
    tool("run", "--", sys.executable, "save.py")
    left = json.loads((tool.folder / "environment.json").read_text())
    assert left["EXPTRACK_RUN_ID"] == tool.run_ids()[0]
    tool("run", "--", "true", env=left)
    assert len(tool.run_ids()) == 2
    # Where the outer run's folder is not to be seen, as in a container, nobody can know: its word counts.
    tool("run", "--", "true", env=left | {"EXPTRACK_DIR": "/not/here/.exptrack"})
    assert len(tool.run_ids()) == 2


TRAIN = """
import os, pathlib
folder = pathlib.Path(os.environ["SM_MODEL_DIR"] if "SM_MODEL_DIR" in os.environ else os.environ["MODEL"])
folder.mkdir(parents=True, exist_ok=True)
(folder / "weights.bin").write_bytes(b"weights")
"""


def container(tool: Tool, hosts: tuple[str, ...] = ("algo-1",)) -> dict[str, str]:
    """/opt/ml as SageMaker fills it, in another place."""
    base = tool.folder.parent / "opt-ml"
    (base / "input" / "data" / "train").mkdir(parents=True)
    (base / "input" / "data" / "train" / "x.csv").write_text("1,2\n")
    config = base / "input" / "config"
    config.mkdir()
    files = {
        "hyperparameters": {"lr": "0.1", "batch-size": "64", "db_password": '"s3cr3tcanary99"', "config": "c.yaml"},
        "inputdataconfig": {"train": {"TrainingInputMode": "File"}, "stream": {"TrainingInputMode": "FastFile"}},
        "resourceconfig": {"current_host": "algo-1", "hosts": list(hosts)},
    }
    for name, data in files.items():
        (config / f"{name}.json").write_text(json.dumps(data))
    return {"SAGEMAKER_BASE_DIR": str(base), "TRAINING_JOB_NAME": "churn-7", "MODEL": str(base / "model")}


def test_a_sagemaker_job_without_its_toolkit(tool: Tool) -> None:
    env = container(tool)
    tool.write("train.py", TRAIN)
    tool.write("c.yaml", "lr: 0.9\ndepth: 3\n")
    tool("run", "--", sys.executable, "train.py", "--batch-size", "32", "--config", "c.yaml", env=env)
    run = tool.json("show", "@")
    # A file gives way to the job, and the job to the command line.
    assert run["params"] == {"lr": 0.1, "batch_size": 32, "config": "c.yaml", "db_password": "[redacted]", "depth": 3}
    assert {(i["name"], i["digest"] is None) for i in run["inputs"]} == {("train", False), ("stream", True)}
    assert [(a["kind"], Path(a["path"]).name, a["files"]) for a in run["artifacts"]] == [("model", "model", 1)]
    assert {"kind": "sagemaker", "job": "churn-7", "host": "algo-1"}.items() <= run["machine"]["scheduler"].items()


def test_a_declared_output_takes_the_place_of_the_default(tool: Tool) -> None:
    tool.write("train.py", TRAIN + "open('notes.txt', 'w').write('x')\n")
    tool("run", "-o", "report=notes.txt", "--", sys.executable, "train.py", env=container(tool))
    assert [a["kind"] for a in tool.json("show", "@")["artifacts"]] == ["report"]


def test_the_other_hosts_of_a_sagemaker_job_are_as_without_us(tool: Tool) -> None:
    env = container(tool, ("algo-1", "algo-2")) | {"SM_CURRENT_HOST": "algo-2"}
    tool("run", "--", "true", env=env)
    assert tool.run_ids() == []
    tool("run", "--", "true", env=env | {"SM_CURRENT_HOST": "algo-1"})
    assert len(tool.run_ids()) == 1


def test_secrets_in_the_toolkits_variables_stay_out(tool: Tool) -> None:
    secret = "s3cr3tcanary99"
    given = {"db_password": secret, "lr": 0.1}
    env = {
        "SM_CURRENT_HOST": "algo-1",
        "SM_HPS": json.dumps(given),
        "SM_HP_DB_PASSWORD": secret,
        "SM_USER_ARGS": json.dumps(["--db_password", secret, "--lr", "0.1"]),
        "SM_TRAINING_ENV": json.dumps({"hyperparameters": given, "job_name": "j"}),
        "CLOUD_ML_JOB": json.dumps({"training_input": {"args": [f"--db_password={secret}"]}}),
    }
    tool("run", "--", "true", env=env)
    assert tool.json("show", "@")["params"]["lr"] == 0.1
    for path in (tool.folder / ".exptrack").rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path


def test_a_vertex_job(tool: Tool) -> None:
    env = {
        "CLOUD_ML_JOB_ID": "42",
        "CLOUD_ML_TRIAL_ID": "3",
        "AIP_MODEL_DIR": "gs://no-such-bucket-here/job/model/",
        "AIP_TRAINING_DATA_URI": "gs://bucket/train-*.jsonl",
        "AIP_DATA_FORMAT": "jsonl",
        "CLOUD_ML_JOB": json.dumps({"training_input": {"args": ["--lr", "0.5", "--epochs", "3"]}}),
    }
    tool("run", "--", "true", "--lr", "0.25", env=env)
    run = tool.json("show", "@")
    assert run["params"] == {"lr": 0.25, "epochs": 3, "data_format": "jsonl"}
    assert [(i["name"], i["path"], i["digest"]) for i in run["inputs"]] == [
        ("training", "gs://bucket/train-*.jsonl", None)
    ]
    assert {"kind": "vertex", "job": "42", "trial": "3"}.items() <= run["machine"]["scheduler"].items()
    assert run["artifacts"] == []
    assert any("AIP_MODEL_DIR is gs://no-such-bucket-here/job/model/" in w for w in run["warnings"])
