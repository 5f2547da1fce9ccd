"""What is looked at beside the command; here: whose environment may be asked."""

from __future__ import annotations

import json

import pytest

from exptrack.actions.captures import Captures
from exptrack.model import Start
from exptrack.record import rundir


@pytest.fixture
def captures(project, store, tmp_path):
    config = tmp_path / "ml" / "input" / "config"
    config.mkdir(parents=True)
    (config / "resourceconfig.json").write_text("{}")
    (config / "hyperparameters.json").write_text(json.dumps({"lr": "0.1"}))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": {}}))
    run_dir = rundir.claim(project.live, rundir.new_id())
    start = Start(
        id=run_dir.id,
        command=("true", "--depth", "3"),
        cwd=str(tmp_path),
        started_at="2026-01-01T00:00:00.000Z",
        host="h",
        author="a",
    )
    return Captures(project, store, run_dir, start, {"SAGEMAKER_BASE_DIR": str(tmp_path / "ml")})


def test_the_job_around_the_run_says_parameters_and_inputs(captures):
    captures.complete({}, is_same_process=True)
    assert captures.data["params"] == {"lr": 0.1, "depth": 3}
    assert [i["name"] for i in captures.data["inputs"]] == ["train"]


def test_the_job_that_recover_happens_to_run_in_says_nothing(captures):
    captures.complete({}, is_same_process=False)
    assert captures.data["params"] == {"depth": 3}
    assert captures.data["inputs"] == []
