"""The metric files of one run together: named ones, found ones, those of neighbours, and what recovery reads again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from exptrack.files import Lock
from exptrack.record import found as found_module
from exptrack.record.found import FOUND, Files
from exptrack.record.neighbours import open_files
from exptrack.record.rundir import END, LOCK, PROCESS, START, RunDir


@pytest.fixture
def run(tmp_path):
    """A run that began a while ago, in a project whose working folder is tmp_path/work."""
    (tmp_path / "work").mkdir()
    path = tmp_path / "work" / ".exptrack" / "live" / "0000000000000001"
    path.mkdir(parents=True)
    past = time.time() - 5
    os.utime(path.parent, (past - 1, past - 1))
    run = RunDir(str(path))
    run.write(START, {"command": ["python", "train.py", "--out=outs/a"]}, durable=False)
    os.utime(run.file(START), (past, past))
    return run


@pytest.fixture
def work(tmp_path, run):
    return tmp_path / "work"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def last(files):
    return {source: [(p.name, p.step) for p in points] for source, points in files.poll(is_last=True)}


def test_found_at_the_end_with_the_path_as_its_source(run, work):
    files = Files(run, {}, str(work))
    write(work / "out" / "metrics.csv", "step,loss\n1,0.5\n")
    write(work / "data.csv", "id,score\n1,2\n")
    assert last(files) == {"file:out/metrics.csv": [("loss", 1)]}
    assert files.warnings == []


def test_no_auto_reads_named_files_only_and_a_named_folder_whole(run, work):
    files = Files(run, {"auto": False, "files": ["logs", "own.csv"]}, str(work))
    (work / "logs").mkdir()
    assert last(files) == {}
    files = Files(run, {"auto": False, "files": ["logs", "own.csv"]}, str(work))
    write(work / "metrics.csv", "step,loss\n1,0.5\n")
    write(work / "logs" / "odd.csv", "n,what\n1,0.5\n")
    write(work / "own.csv", "n,what\n1,0.5\n")
    assert set(last(files)) == {"file:logs/odd.csv", "file:own.csv"}


def test_folds_are_told_apart_by_their_folder(run, work):
    files = Files(run, {}, str(work))
    for fold in (0, 1):
        write(work / f"fold_{fold}" / "metrics.csv", "step,loss\n1,0.5\n")
    got = last(files)
    assert sorted(points[0][0] for points in got.values()) in (["fold_1/loss", "loss"], ["fold_0/loss", "loss"])


def test_checkpoints_tell_each_step_once(run, work):
    files = Files(run, {}, str(work))
    for n in (10, 20):
        history = [{"step": s, "loss": 1 / s} for s in range(10, n + 1, 10)]
        write(work / "out" / f"checkpoint-{n}" / "trainer_state.json", json.dumps({"log_history": history}))
    points = [p for _, part in files.poll(is_last=True) for p in part]
    assert [p.step for p in points if p.name == "loss"] == [10, 20]


def test_more_files_than_anybody_looks_at_are_said_once(run, work, monkeypatch):
    monkeypatch.setattr(found_module, "MOST_FILES", 2)
    files = Files(run, {}, str(work))
    for i in range(4):
        write(work / f"r{i}" / "metrics.csv", f"step,loss{i}\n1,0.5\n")
    assert len(last(files)) == 2
    assert len(files.warnings) == 1


def test_beside_other_runs_only_files_that_are_surely_ours_are_read(run, work):
    (work / "outs" / "a").mkdir(parents=True)
    files = Files(run, {}, str(work))
    other = work / ".exptrack" / "live" / "0000000000000002"
    other.mkdir()
    write(work / "outs" / "a" / "metrics.csv", "step,loss\n1,0.5\n")
    write(work / "outs" / "b" / "metrics.csv", "step,acc\n1,0.5\n")
    assert set(last(files)) == {"file:outs/a/metrics.csv"}
    assert len(files.warnings) == 1
    assert "outs/b/metrics.csv" in files.warnings[0]


def test_a_run_that_was_there_before_us_is_a_neighbour_while_it_lives(run, work):
    live = work / ".exptrack" / "live"
    past = os.stat(live).st_mtime - 10
    (live / "0000000000000000").mkdir()
    lock = Lock(str(live / "0000000000000000" / LOCK))
    lock.acquire(wait=True)
    os.utime(live, (past, past))
    files = Files(run, {}, str(work))
    assert files._neighbours.are_there()
    lock.release()
    assert not files._neighbours.are_there()


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc")
def test_what_a_process_below_ours_has_open_is_ours(run, work):
    path = str(work / "metrics.csv")
    code = f"import sys; f = open({path!r}, 'w'); print('ready', flush=True); sys.stdin.read()"
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    child = subprocess.Popen([sys.executable, "-c", inner], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"ready\n"
        run.write(PROCESS, {"pid": child.pid}, durable=False)
        assert os.path.realpath(path) in open_files(child.pid)
        assert Files(run, {}, str(work))._neighbours.is_ours(os.path.realpath(path))
    finally:
        child.communicate()
    assert open_files(child.pid) == set()


def test_recovery_reads_the_same_files_and_nobody_elses(run, work):
    write(work / "log.csv", "step,loss\n1,0.5\n")
    os.utime(work / "log.csv", (1.0, 1.0))
    files = Files(run, {}, str(work))
    with open(work / "log.csv", "a") as f:
        f.write("2,0.4\n")
    first = last(files)
    assert first == {"file:log.csv": [("loss", 2)]}
    assert os.path.exists(run.file(FOUND))
    run.write(END, {}, durable=False)
    os.utime(run.file(END), (time.time(), time.time()))
    later = work / "later" / "metrics.csv"
    write(later, "step,acc\n1,0.5\n")
    os.utime(later, (time.time() + 60, time.time() + 60))
    assert last(Files(run, {}, str(work))) == first


def test_between_looks_nothing_is_asked(run, work):
    files = Files(run, {}, str(work))
    write(work / "metrics.csv", "step,loss\n1,0.5\n")
    assert [list(files.poll()) for _ in range(3)] == [[], [], []]


@pytest.mark.parametrize("auto", [True, False])
def test_a_folder_may_be_named_before_it_is_there(run, work, auto):
    files = Files(run, {"auto": auto, "files": ["logs"]}, str(work))
    assert list(files.poll()) == []
    write(work / "logs" / "a" / "odd.csv", "n,what\n1,0.5\n")
    assert set(last(files)) == {"file:logs/a/odd.csv"}
