"""What is looked at beside the command; here: whose environment may be asked."""

from __future__ import annotations

import json
import os

import pytest

from exptrack.actions import recording
from exptrack.actions.captures import Captures
from exptrack.actions.recording import Recording
from exptrack.errors import Damaged
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


def test_a_living_run_holds_its_snapshot(captures, store):
    """Nobody names it before the seal, and `gc` of another project on the store goes by the time."""
    captures.hold()  # nothing captured yet: nothing to hold
    tree = store.objects.add_bytes(b'{"tree":1}\n')
    captures.data["code"] = {"tree": tree}
    os.utime(store.objects.path(tree), (1, 1))
    captures.hold()
    assert os.stat(store.objects.path(tree)).st_mtime > 1
    os.unlink(store.objects.path(tree))
    with pytest.raises(Damaged):
        captures.hold()


def test_the_recorder_holds_it_again_and_again(captures, store, monkeypatch):
    monkeypatch.setattr(recording, "HOLD", -1.0)
    recorder = Recording(captures.project, captures.run_dir, None, None, -1, -1)
    recorder.captures, recorder.reading = captures, _Silent()
    tree = store.objects.add_bytes(b'{"tree":1}\n')
    captures.data["code"] = {"tree": tree}
    for _ in range(2):
        os.utime(store.objects.path(tree), (1, 1))
        recorder._poll()
        assert os.stat(store.objects.path(tree)).st_mtime > 1


class _Silent:
    def poll(self, now):
        return False
