"""The model folder of a managed job, when nothing was declared: kept if this run left something in it."""

from __future__ import annotations

import time

import pytest

from exptrack.actions.default_outputs import default_outputs
from exptrack.actions.written import Since
from exptrack.model import Declared, Start
from exptrack.record.rundir import utc

EVER = Since(0.0)


@pytest.fixture
def start(tmp_path):
    def make(**extra):
        now = utc(time.time())
        return Start(id="a" * 16, command=("x",), cwd=str(tmp_path), started_at=now, host="h", author="a", extra=extra)

    return make


def test_elsewhere_there_is_none(start):
    assert default_outputs(start(), EVER) == ([], [])
    assert default_outputs(start(default_model=3), EVER) == ([], [])


def test_a_folder_with_something_in_it(start, tmp_path):
    (tmp_path / "model" / "deep").mkdir(parents=True)
    assert default_outputs(start(default_model=str(tmp_path / "model")), EVER) == ([], [])
    (tmp_path / "model" / "deep" / "weights.bin").write_bytes(b"w")
    wanted = [Declared(label="model", pattern=str(tmp_path / "model"))]
    assert default_outputs(start(default_model=str(tmp_path / "model")), EVER) == (wanted, [])


def test_what_an_earlier_run_left_there_is_not_this_runs(start, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"w")
    assert default_outputs(start(default_model=str(folder)), Since(time.time() + 60)) == ([], [])


def test_a_bucket_that_is_mounted(start, tmp_path):
    (tmp_path / "gcs" / "b" / "model").mkdir(parents=True)
    (tmp_path / "gcs" / "b" / "model" / "weights.bin").write_bytes(b"w")
    found, warnings = default_outputs(start(default_model="gs://b/model"), EVER, str(tmp_path / "gcs"))
    assert found == [Declared(label="model", pattern=f"{tmp_path}/gcs/b/model")]
    assert warnings == []


def test_a_bucket_that_is_not_is_said(start, tmp_path):
    found, warnings = default_outputs(start(default_model="gs://b/model"), EVER, str(tmp_path / "gcs"))
    assert found == []
    assert "AIP_MODEL_DIR is gs://b/model" in warnings[0]
    assert "-o model=PATH" in warnings[0]
