"""Everything that tells metrics of one run, read together: once each, whatever order, file or disk is in the way."""

from __future__ import annotations

import json
import os
import resource

import pytest

from exptrack.record.points import PENDING
from exptrack.record.reading import Reading
from exptrack.record.rundir import POINTS, SIDECAR, RunDir
from exptrack.record.summaries import summaries_of


@pytest.fixture
def run(tmp_path):
    (tmp_path / "live").mkdir()
    return RunDir(str(tmp_path / "live"))


def say(path, text):
    with open(path, "a") as f:
        f.write(text)


def reading_of(run, tmp_path, **how):
    return Reading(run, how, str(tmp_path))


def counts(run):
    return {name: (m.count, m.source) for name, m in summaries_of(run.file(POINTS), lambda _: None).items()}


def test_logs_sidecar_and_files_are_read_together(run, tmp_path):
    say(run.file("stdout.log"), "step 1 loss=0.5\nstep 2 loss=0.4\n")
    say(run.file("stderr.log"), "epoch 1: val_loss=0.7\n")
    say(run.file(SIDECAR), '{"step": 1, "acc": 0.9}\n{"params": {"lr": 0.1}}\n')
    say(tmp_path / "log.csv", "step,bleu\n1,20.5\n2,21.5\n")
    reading = reading_of(run, tmp_path, files=["log.csv"])
    reading.finish(5.0)
    assert counts(run) == {
        "loss": (2, "stdout"),
        "val_loss": (1, "stderr"),
        "acc": (1, "sidecar"),
        "bleu": (2, "file:log.csv"),
    }
    assert reading.sidecar.params == {"lr": 0.1}
    assert reading.warnings == []


def test_what_came_in_pieces_is_read_once(run, tmp_path):
    reading = reading_of(run, tmp_path)
    for piece in ("step 1 loss=0.", "5\nstep 2 loss=0.4\nste", "p 3 loss=0.3"):
        say(run.file("stdout.log"), piece)
        reading.poll(1.0)
        reading.flush()
    assert counts(run)["loss"][0] == 2
    reading.finish(2.0)
    assert counts(run)["loss"][0] == 3, "at the end the last line needs no newline"


def test_reading_again_from_the_start_doubles_nothing(run, tmp_path):
    """`recover` after a recorder that died in the middle."""
    say(run.file("stdout.log"), "step 1 loss=0.5\nstep 2 loss=0.4\n")
    first = reading_of(run, tmp_path)
    first.poll(1.0)
    first.flush()
    with open(run.file(POINTS), "ab") as f:
        f.write(b'{"name": "loss", "values": [')
    reading_of(run, tmp_path).finish(2.0)
    assert counts(run) == {"loss": (2, "stdout")}


def test_patterns_ignore_and_rename_are_followed(run, tmp_path):
    say(run.file("stdout.log"), "the score is 5 points\ndebug/x=1 loss=0.5\n")
    reading = reading_of(
        run, tmp_path, patterns={"score": r"score is (\d+)"}, ignore=["debug/*"], rename={"loss": "train/loss"}
    )
    reading.finish(1.0)
    assert set(counts(run)) == {"score", "train/loss"}


def test_a_run_that_says_nothing_has_no_points(run, tmp_path):
    reading_of(run, tmp_path, files=["none.csv"]).finish(1.0)
    assert counts(run) == {}
    assert os.listdir(run.path) == []


def make_folder(path):
    path.mkdir()


def make_binary(path):
    path.write_bytes(os.urandom(5000))


def make_deep(path):
    path.write_bytes(b'{"a":' * 10_000 + b"\n")


@pytest.mark.parametrize("name", ["bad.csv", "bad.json", "bad.jsonl", "bad.txt", "events.out.tfevents.1"])
@pytest.mark.parametrize("make", [make_folder, make_binary, make_deep])
def test_a_metrics_file_that_cannot_be_read_costs_the_others_nothing(run, tmp_path, name, make):
    make(tmp_path / name)
    say(run.file("stdout.log"), "step 1 loss=0.5\n")
    say(tmp_path / "good.csv", "step,acc\n1,0.5\n")
    reading = reading_of(run, tmp_path, files=[name, "good.csv"])
    for now in (1.0, 2.0):
        reading.poll(now)
    reading.finish(3.0)
    found = counts(run)
    assert found["loss"] == (1, "stdout")
    assert found["acc"] == (1, "file:good.csv")
    assert len(reading.warnings) <= 1, "said once, not at every look"


def test_a_declared_file_needs_no_telling_name_and_is_read_to_its_end(run, tmp_path):
    """A reader takes a bounded block at a time; at the end all of it is wanted."""
    lines = "".join(json.dumps({"i": i, "odd name": i / 2, "pad": "x" * 400}) + "\n" for i in range(60_000))
    assert len(lines) > 24 << 20
    say(tmp_path / "results.out", lines)
    reading_of(run, tmp_path, files=["results.out"]).finish(1.0)
    assert counts(run)["odd name"] == (60_000, "file:results.out")


def test_a_million_points_at_once_arrive(run, tmp_path):
    say(run.file(SIDECAR), "".join(f'{{"step": {i}, "loss": {i / 7}}}\n' for i in range(300_000)))
    reading_of(run, tmp_path).finish(1.0)
    assert counts(run)["loss"] == (300_000, "sidecar")


def test_of_a_large_sidecar_no_more_is_held_than_is_soon_to_be_written(run, tmp_path, monkeypatch):
    reading = reading_of(run, tmp_path)
    held, add_columns = [], reading.writer.add_columns
    monkeypatch.setattr(
        reading.writer, "add_columns", lambda *told: (add_columns(*told), held.append(reading.writer._pending))
    )
    say(run.file(SIDECAR), "".join(f'{{"step": {i}, "loss": 0.5, "acc": {i}}}\n' for i in range(100_000)))
    reading.finish(1.0)
    assert PENDING <= max(held) < 2 * PENDING
    assert counts(run) == {"loss": (100_000, "sidecar"), "acc": (100_000, "sidecar")}


def test_a_full_disk_is_said_and_costs_nothing_once_there_is_room(run, tmp_path, monkeypatch):
    monkeypatch.setattr("exptrack.record.points.PENDING", 10)
    say(run.file("stdout.log"), "".join(f"step {i} loss={i / 10}\n" for i in range(100)))
    say(run.file("stderr.log"), "".join(f"step {i} acc={i / 10}\n" for i in range(100)))
    say(run.file(SIDECAR), "".join(f'{{"step": {i}, "told": {i}}}\n' for i in range(5000)))
    reading = reading_of(run, tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))
    try:
        with pytest.raises(OSError, match="large"):
            reading.poll(1.0)
        with pytest.raises(OSError, match="large"):
            reading.poll(2.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    reading.finish(3.0)
    assert counts(run) == {"loss": (100, "stdout"), "acc": (100, "stderr"), "told": (5000, "sidecar")}


def test_a_disk_that_stays_full_ends_the_reading_with_an_error_and_not_never(run, tmp_path, monkeypatch):
    monkeypatch.setattr("exptrack.record.points.PENDING", 10)
    monkeypatch.setattr("exptrack.record.tail.BLOCK", 1000)
    say(run.file("stdout.log"), "".join(f"step {i} loss={i / 10}\n" for i in range(1000)))
    reading = reading_of(run, tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))
    try:
        with pytest.raises(OSError, match="large"):
            reading.finish(1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert counts(run) == {}, "and nothing half-written"
    reading.flush()
    assert counts(run)["loss"][0] == 1000


def test_many_lines_alike_are_renamed_ignored_and_counted_like_one(run, tmp_path):
    reading = reading_of(run, tmp_path, ignore=["gpu/*"], aliases={"val/acc": ["accuracy of val"]})
    say(run.file(SIDECAR), '{"step": 0, "loss": 1, "val_acc": 0.5, "gpu/mem": 3}\n' * 1000)
    reading.poll(1.0)
    say(run.file(SIDECAR), '{"step": 1, "loss": 1, "val_acc": 0.5, "gpu/mem": 3}\n' * 3)
    reading.finish(2.0)
    assert counts(run) == {"loss": (1003, "sidecar"), "val/acc": (1003, "sidecar")}
