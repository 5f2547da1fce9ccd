"""What recovery can still say of a run whose recorder died early, and of directories that are no run of ours."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from crash.scene import UNTIL_TOLD, Scene, kill
from drive import wait_for
from exptrack.actions.recover import recover
from exptrack.actions.unsealed import unsealed_runs
from exptrack.errors import Damaged
from exptrack.record import rundir


def die(scene: Scene, *options: str, keep: tuple[str, ...] = ()) -> Path:
    """A run that was killed as a whole in the middle; of its files only those in `keep` and the lock are left."""
    (scene.folder / "config.toml").write_text("[model]\nwidth = 64\n")
    victim = scene.start(UNTIL_TOLD, "-q", "-c", "config.toml", "-i", "data=data.csv", *options)
    scene.wait_for_file("captured.json", '"inputs"')
    scene.wait_for_file("stdout.log", "step=5 ")
    crowd = victim.crowd()
    for pid in (crowd.recorder, victim.pid, crowd.command, *crowd.aides):
        kill(pid)
    victim.wait_for_all()
    folder = scene.directory()
    assert folder is not None
    for path in folder.iterdir():
        if keep and path.name not in (*keep, "lock"):
            path.unlink()
    return folder


@pytest.fixture
def data(scene: Scene) -> Path:
    return scene.tool.write("data.csv", "1,2,3\n")


def test_a_whole_run_is_recovered_from_what_its_directory_holds(scene: Scene, data: Path) -> None:
    die(scene, "-o", "model=model.bin", "-t", "owner=ada")
    (scene.folder / "model.bin").write_text("half of the weights")
    (run,) = scene.check().values()
    assert run.status == "lost"
    assert run.tags == {"owner": "ada"}
    assert run.manifest.params == {"model.width": 64}
    assert run.manifest.code.files
    assert run.manifest.environment.packages is not None
    assert [a.size for a in run.manifest.artifacts] == [19]
    assert run.manifest.inputs[0].digest
    assert run.manifest.warnings == ("sealed by recovery: the recorder of this run did not see its end",)


def test_without_captures_recovery_says_what_is_still_true_and_what_nobody_knows(scene: Scene, data: Path) -> None:
    die(scene, keep=("start.json", "stdout.log"))
    (run,) = scene.check().values()
    assert run.manifest.params == {"model.width": 64}
    assert [(i.name, i.files) for i in run.manifest.inputs] == [("data", 1)]
    assert run.manifest.metrics["loss"].count >= 5
    assert not run.manifest.environment.executable  # the shell that recovers may have another one
    assert "code, environment, machine not captured: the recorder ended too early" in run.manifest.warnings
    assert any(w.startswith("params, inputs: looked at after the end") for w in run.manifest.warnings)


def test_parts_that_were_captured_are_not_looked_at_again(scene: Scene, data: Path) -> None:
    folder = die(scene)
    captured = json.loads((folder / "captured.json").read_text())
    assert captured["inputs"][0]["digest"]
    del captured["machine"], captured["params"]
    (folder / "captured.json").write_text(json.dumps(captured))
    data.write_text("another file by now\n")
    (run,) = scene.check().values()
    assert run.manifest.inputs[0].digest == captured["inputs"][0]["digest"]
    assert run.manifest.code.tree == captured["code"]["tree"]
    assert "machine not captured: the recorder ended too early" in run.manifest.warnings


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ({"exit_code": 0, "signal": None}, "finished"),
        ({"exit_code": 3, "signal": None}, "failed"),
        ({"exit_code": None, "signal": "SIGTERM"}, "killed"),
        ({"exit_code": None, "signal": None}, "lost"),
    ],
)
def test_end_json_says_how_it_ended_before_and_after_it_is_sealed(
    scene: Scene, data: Path, end: dict[str, object], status: str
) -> None:
    folder = die(scene)
    (folder / "end.json").write_text(json.dumps({"ended_at": "2026-11-22T22:00:00.000Z", "seconds": 1.5, **end}))
    assert [r.status for r in unsealed_runs(scene.project, scene.store).values()] == [status]
    (run,) = scene.check().values()
    assert (run.status, run.manifest.seconds) == (status, 1.5)


@pytest.mark.parametrize("name", ["process.json", "captured.json", "points.jsonl", "metrics.jsonl", "chunks"])
@pytest.mark.parametrize("content", [b"", b'{"half', b"\0" * 300, b"[[[[[[1"])
def test_files_that_power_loss_emptied_or_cut_stop_nobody(scene: Scene, data: Path, name: str, content: bytes) -> None:
    folder = made(scene)
    (folder / name).write_bytes(content)
    (run,) = scene.check().values()
    assert run.status == "lost"


def made(scene: Scene, run_id: str = "01abcdefghjkmnpq", host: str = "", age: float = 0.0) -> Path:
    """A run directory written by hand, as one on this machine, or on `host`, last changed `age` seconds ago."""
    run_dir = rundir.claim(str(scene.live), run_id)
    start = {
        "id": run_id,
        "command": ["python", "train.py"],
        "cwd": str(scene.folder),
        "started_at": "2026-11-22T21:54:03.120Z",
        "host": host or os.uname().nodename,
        "author": "ada",
    }
    run_dir.begin(start)
    assert run_dir.lock
    run_dir.lock.release()
    folder = Path(run_dir.path)
    (folder / "stdout.log").write_text("step=1 loss=0.500000\n")
    if host:
        (folder / "lock").write_text(f"another-boot {host}\n")
        identity = {"pid": os.getpid(), "started": "1", "boot": "another-boot", "host": host}
        (folder / "process.json").write_text(json.dumps(identity))
    for path in folder.iterdir():
        os.utime(path, (time.time() - age,) * 2)
    return folder


def test_a_run_of_another_machine_is_left_alone_while_something_of_it_changes(scene: Scene) -> None:
    folder = made(scene, host="node17", age=10)
    assert scene.statuses() == {folder.name: "running"}
    assert recover(scene.project) == ([], [])
    for path in folder.iterdir():
        os.utime(path, (time.time() - 400,) * 2)
    assert scene.statuses() == {folder.name: "lost"}
    assert not folder.exists()


def test_the_log_alone_shows_that_a_run_of_another_machine_lives(scene: Scene) -> None:
    """Its recorder was killed there; the supervisor goes on writing what the training prints."""
    folder = made(scene, host="node17", age=4000)
    os.utime(folder / "stdout.log")
    assert scene.statuses() == {folder.name: "running"}


def test_a_run_of_another_machine_that_has_not_begun_yet_is_not_removed(scene: Scene) -> None:
    folder = made(scene, host="node17", age=100)
    (folder / "start.json").unlink()
    assert recover(scene.project) == ([], [])
    assert folder.exists()


def test_a_machine_that_was_started_again_is_the_same_one(scene: Scene) -> None:
    folder = made(scene, host=os.uname().nodename)
    assert scene.statuses() == {folder.name: "lost"}


def test_a_container_of_this_machine_is_judged_by_its_locks(scene: Scene) -> None:
    folder = made(scene, age=0)
    boot = (folder / "lock").read_text().split()[0]
    (folder / "lock").write_text(f"{boot} 3f9a0c\n")
    assert scene.statuses() == {folder.name: "lost"}


def test_the_recorder_shows_other_machines_that_a_silent_run_lives(scene: Scene, tmp_path: Path) -> None:
    quick = (
        "import sys; from exptrack.actions import recorder; from exptrack.record import rundir;"
        "recorder.BEAT = rundir.PULSE = 0.05;"
        "from exptrack.__main__ import main; sys.argv[:1] = ['exptrack', 'run']; sys.exit(main())"
    )
    silent = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\n"
    victim = scene.start(silent, "-q", before=[sys.executable, "-c", quick])
    lock = scene.wait_for_file("process.json").with_name("lock")
    os.utime(lock, (0, 0))
    wait_for(lambda: lock.stat().st_mtime > 0, "a sign of life")
    (scene.folder / "go").touch()
    assert victim.wait() == 0


def test_a_copied_run_directory_is_not_sealed_as_another_run(scene: Scene) -> None:
    folder = made(scene)
    copy = folder.with_name("01abcdefghjkmnpr")
    shutil.copytree(folder, copy)
    shutil.copytree(folder, folder.with_name(folder.name + ".bak"))
    assert scene.statuses() == {folder.name: "lost"}
    (problem,) = recover(scene.project)[1]
    assert f"is a copy of run '{folder.name}'" in problem
    with pytest.raises(Damaged):
        rundir.RunDir(str(copy)).start()
    said = scene.tool("recover", code=1).stdout
    assert "not sealed: 01abcdefghjkmnpr" in said


@pytest.mark.parametrize("when", ["yesterday", "", "2026-13-45T99:99:99.000Z", "0001-01-01T00:00:00Z"])
def test_a_start_without_a_time_is_sealed_by_the_time_of_its_id(scene: Scene, when: str) -> None:
    folder = made(scene, rundir.new_id(1_800_000_000.5))
    start = json.loads((folder / "start.json").read_text())
    start |= {"started_at": when, "outputs": [{"label": "model", "pattern": "m.bin"}]}
    (folder / "start.json").write_text(json.dumps(start))
    scene.tool.write("m.bin", "weights")
    (run,) = scene.check().values()
    assert run.manifest.started_at == "2027-01-15T08:00:00.500Z"
    assert [a.path for a in run.manifest.artifacts] == ["m.bin"]
    assert any(f"start.json says {when!r} for a time" in w for w in run.manifest.warnings)


def test_one_directory_that_cannot_be_sealed_keeps_no_other_from_it(scene: Scene) -> None:
    bad, good = made(scene, "01abcdefghjkmnpq"), made(scene, "01abcdefghjkmnpr")
    (bad / "start.json").write_text("{}")
    assert scene.statuses() == {good.name: "lost"}
    sealed, problems = recover(scene.project)
    assert sealed == []
    assert len(problems) == 1
    assert "01abcdefghjkmnpq" in problems[0]


def test_a_clock_set_back_during_the_run_costs_nothing(scene: Scene) -> None:
    """Its outputs are older than its start by the clock, and the sealed run's end lies before its beginning."""
    folder = made(scene)
    ahead = json.loads((folder / "start.json").read_text())
    ahead |= {"started_at": "2031-01-01T00:00:00.000Z", "outputs": [{"label": "model", "pattern": "m.bin"}]}
    (folder / "start.json").write_text(json.dumps(ahead))
    end = {"ended_at": "2026-11-22T22:00:00.000Z", "seconds": 4.0, "exit_code": 0}
    (folder / "end.json").write_text(json.dumps(end))
    scene.tool.write("m.bin", "weights")
    (run,) = scene.check().values()
    assert (run.status, run.manifest.seconds) == ("finished", 4.0)
    assert [a.path for a in run.manifest.artifacts] == ["m.bin"]
    assert any("the clock was set back by" in w for w in run.manifest.warnings)
    assert not any("not written by this run" in w for w in run.manifest.warnings)
    later = made(scene, "01abcdefghjkmnpr")
    os.utime(later / "lock", (time.time() + 86400,) * 2)
    assert set(scene.statuses().values()) == {"finished", "lost"}
