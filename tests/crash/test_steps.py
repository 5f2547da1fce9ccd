"""SIGKILL and SIGSTOP at every named step of a run, as it shows in the file system; the crash table, row by row."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crash.scene import BEFORE_START, ENDING, RECORDED, UNTIL_TOLD, Scene, Victim, kill, step_of, watch
from drive import is_alive, wait_for
from exptrack.model import Run
from tool import EXPTRACK

# Starts `exptrack run` with a recorder that is given up after a second of silence instead of thirty.
IMPATIENT = [
    sys.executable,
    "-c",
    "import sys; from exptrack.actions import recorder; recorder.BEAT, recorder.SILENCE = 0.1, 1.0;"
    "from exptrack.__main__ import main; sys.argv[:1] = ['exptrack', 'run']; sys.exit(main())",
]


def bring_to(scene: Scene, step: str) -> Victim:
    """A run that has just come to a step; one that is ending is told to."""
    victim = scene.start(UNTIL_TOLD, "-q", "-o", "model=model.bin")
    if step in ENDING:
        scene.wait_for_file("captured.json", '"inputs"')
        scene.wait_for_file("stdout.log", "step=1 ")
        (scene.folder / "go").touch()
    watch(step_of(scene, step), victim)
    return victim


def end(scene: Scene, victim: Victim) -> int:
    """Let the training come to its end, if it is not there yet."""
    (scene.folder / "go").touch()
    code = victim.wait()
    victim.wait_for_all()
    return code


def the_run(scene: Scene) -> Run:
    (run,) = scene.check().values()
    return run


@pytest.mark.parametrize("step", BEFORE_START)
def test_a_supervisor_that_dies_before_the_record_exists_leaves_nothing(scene: Scene, step: str) -> None:
    victim = scene.start(UNTIL_TOLD, "-q")
    watch(step_of(scene, step), victim)
    victim.process.kill()
    if victim.crowd().command is None:
        victim.wait_for_all()
    end(scene, victim)
    runs = scene.check()
    if not runs:
        assert not (scene.folder / "pid").exists()  # nothing was started


@pytest.mark.parametrize("step", [*RECORDED, *ENDING])
def test_a_supervisor_that_is_killed_loses_no_output(scene: Scene, step: str) -> None:
    victim = bring_to(scene, step)
    victim.process.kill()
    victim.process.wait()
    end(scene, victim)
    run = the_run(scene)
    # The end counts when it was written down; else nobody saw it.
    assert run.status == ("finished" if step in ENDING else "lost")
    assert scene.log(run).startswith(victim.seen.read_bytes())
    if step in ENDING:
        assert run.manifest.exit_code == 0
        assert [a.path for a in run.manifest.artifacts] == ["model.bin"]


@pytest.mark.parametrize("step", [*RECORDED, *ENDING])
def test_a_recorder_that_is_killed_costs_the_training_nothing(scene: Scene, step: str) -> None:
    victim = bring_to(scene, step)
    kill(victim.crowd().recorder)
    code = end(scene, victim)
    run = the_run(scene)
    assert (code, run.status) == (0, "finished")
    assert scene.log(run) == victim.seen.read_bytes()
    assert scene.log(run).endswith(b"done\n")
    assert [a.path for a in run.manifest.artifacts] == ["model.bin"]
    assert run.manifest.environment.executable
    assert run.manifest.machine.cores


@pytest.mark.parametrize("step", [*RECORDED, "end.json"])
def test_a_recorder_that_is_stopped_is_given_up_after_a_while(scene: Scene, step: str) -> None:
    victim = scene.start(UNTIL_TOLD, "-q", "-o", "model=model.bin", before=IMPATIENT)
    if step == "end.json":
        scene.wait_for_file("stdout.log", "step=1 ")
        (scene.folder / "go").touch()
    watch(step_of(scene, step), victim)
    was_stopped = kill(victim.crowd().recorder, signal.SIGSTOP)
    code = end(scene, victim)
    run = the_run(scene)
    assert (code, run.status) == (0, "finished")
    assert scene.log(run) == victim.seen.read_bytes()
    if was_stopped and step != "end.json":
        assert any("sealed by recovery" in w for w in run.manifest.warnings)


def test_a_recorder_that_is_stopped_before_the_record_exists_starts_nothing(scene: Scene) -> None:
    victim = scene.start(UNTIL_TOLD, "-q", before=IMPATIENT)
    watch(step_of(scene, "recorder.log"), victim)
    kill(victim.crowd().recorder, signal.SIGSTOP)
    code = end(scene, victim)
    runs = scene.check()
    assert (code == 125) == (not runs)
    assert (scene.folder / "pid").exists() == bool(runs)


def test_a_recorder_that_sleeps_is_no_reason_to_end(scene: Scene) -> None:
    """Stopped and continued while the training goes on: nobody notices."""
    victim = bring_to(scene, "points.jsonl")
    recorder = victim.crowd().recorder
    assert kill(recorder, signal.SIGSTOP)
    assert kill(recorder, signal.SIGCONT)
    assert end(scene, victim) == 0
    assert the_run(scene).manifest.warnings == ()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT])
def test_a_training_that_a_signal_kills(scene: Scene, number: signal.Signals) -> None:
    victim = bring_to(scene, "stdout.log")
    scene.wait_for_file("stdout.log", "step=2 ")
    kill(victim.crowd().command, number)
    assert end(scene, victim) == 128 + number
    run = the_run(scene)
    assert (run.status, run.manifest.signal) == ("killed", number.name)
    assert scene.log(run) == victim.seen.read_bytes()


def test_the_witness_dies(scene: Scene) -> None:
    victim = bring_to(scene, "points.jsonl")
    aides = victim.crowd().aides
    assert aides
    for pid in aides:
        kill(pid)
    assert end(scene, victim) == 0
    assert the_run(scene).status == "finished"


def test_a_failure_stays_one_whoever_dies(scene: Scene) -> None:
    (scene.folder / "fail").touch()
    victim = bring_to(scene, "points.jsonl")
    kill(victim.crowd().recorder)
    assert end(scene, victim) == 3
    run = the_run(scene)
    assert (run.status, run.manifest.exit_code) == ("failed", 3)


def test_all_but_the_training_die_and_it_counts_as_running_until_it_ends(scene: Scene) -> None:
    """It holds no pipe of ours: its output goes to a file, and it never notices."""
    program = UNTIL_TOLD.replace("import os, sys, time", "import os, sys, time; sys.stdout = open('own.log', 'w')")
    victim = scene.start(program, "-q", "-o", "model=model.bin")
    scene.wait_for_file("process.json")
    wait_for((scene.folder / "pid").exists)
    crowd = victim.crowd()
    for pid in (crowd.recorder, victim.pid, *crowd.aides):
        kill(pid)
    victim.process.wait()
    assert set(scene.statuses().values()) == {"running"}
    assert crowd.command
    assert is_alive(crowd.command)
    end(scene, victim)
    run = the_run(scene)
    assert run.status == "lost"
    assert [a.path for a in run.manifest.artifacts] == ["model.bin"]


def test_the_recorder_outlives_the_supervisor_and_seals_at_the_end_of_the_training(scene: Scene) -> None:
    program = UNTIL_TOLD.replace("import os, sys, time", "import os, sys, time; sys.stdout = open('own.log', 'w')")
    victim = scene.start(program, "-q")
    scene.wait_for_file("captured.json", '"inputs"')
    wait_for((scene.folder / "pid").exists)
    victim.process.kill()
    victim.process.wait()
    assert set(scene.statuses().values()) == {"running"}
    end(scene, victim)
    assert scene.directory() is None  # not `ls` did that
    run = the_run(scene)
    assert run.status == "lost"
    assert run.manifest.code.files == 1
    assert not any("recovery" in w for w in run.manifest.warnings)


def test_killed_between_manifest_and_cleaning_up(scene: Scene) -> None:
    """Any part of a sealed run's directory may be left; it is no second run, and goes."""
    victim = bring_to(scene, "points.jsonl")
    kept = scene.directory()
    assert kept is not None
    copies = {p.name: p.read_bytes() for p in kept.iterdir()}
    assert end(scene, victim) == 0
    before = scene.check()
    for missing in ("nothing", "start.json", "end.json", "lock"):
        kept.mkdir()
        for name, data in copies.items():
            if name != missing:
                (kept / name).write_bytes(data)
        assert scene.check() == before


def test_nothing_is_recorded_twice_when_two_recover_at_once(scene: Scene) -> None:
    victim = bring_to(scene, "points.jsonl")
    crowd = victim.crowd()
    for pid in (crowd.recorder, victim.pid, crowd.command, *crowd.aides):
        kill(pid)
    victim.wait_for_all()
    both = [
        subprocess.Popen([EXPTRACK, "recover"], cwd=scene.folder, env=scene.tool.env, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [p.communicate()[0] for p in both]
    assert [p.returncode for p in both] == [0] * 4
    assert sum(text.endswith(": lost\n") for text in said) == 1, said
    assert the_run(scene).status == "lost"


def test_the_log_of_a_dead_run_is_there_before_anybody_recovers_it(scene: Scene) -> None:
    victim = bring_to(scene, "points.jsonl")
    crowd = victim.crowd()
    for pid in (crowd.recorder, victim.pid, crowd.command, *crowd.aides):
        kill(pid)
    victim.wait_for_all()
    folder = scene.directory()
    assert folder is not None
    log = Path(folder / "stdout.log").read_bytes()
    run = the_run(scene)
    assert scene.log(run) == log
    assert log.startswith(victim.seen.read_bytes())


def slow_git(scene: Scene) -> None:
    """A repository whose git waits for a file `let-git`, and says in `git-waits` that it does."""
    scene.tool.committed()
    folder = scene.folder.parent / "bin"
    scene.tool.write(
        "../bin/git",
        f'#!/bin/sh\ntouch {folder}/git-waits\nwhile [ ! -e {folder}/let-git ]; do sleep 0.01; done\nexec {GIT} "$@"\n',
    ).chmod(0o755)
    scene.tool.env["PATH"] = f"{folder}:{scene.tool.env['PATH']}"


GIT = shutil.which("git")


def test_a_snapshot_that_takes_longer_than_the_patience_with_silence(scene: Scene) -> None:
    slow_git(scene)
    hurried = [*IMPATIENT[:2], IMPATIENT[2].replace("0.1, 1.0", "0.02, 0.5")]
    victim = scene.start(UNTIL_TOLD, "-q", before=hurried)
    wait_for((scene.folder.parent / "bin" / "git-waits").exists)
    with pytest.raises(subprocess.TimeoutExpired):
        victim.process.wait(1.0)
    (scene.folder.parent / "bin" / "let-git").touch()
    assert end(scene, victim) == 0
    assert the_run(scene).status == "finished"


def test_ctrl_c_while_git_hangs_starts_nothing_and_leaves_nothing(scene: Scene) -> None:
    slow_git(scene)
    victim = scene.start(UNTIL_TOLD, "-q")
    wait_for((scene.folder.parent / "bin" / "git-waits").exists)
    victim.process.send_signal(signal.SIGINT)
    assert victim.wait() in (130, -signal.SIGINT)
    victim.wait_for_all()
    assert scene.directory() is None
    assert scene.check() == {}
    assert not (scene.folder / "pid").exists()
