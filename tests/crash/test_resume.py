"""Kills at every step of a second attempt: the first is what it was, and the run tells what both of them said."""

from __future__ import annotations

import json
import signal

import pytest

from crash.scene import BEFORE_START, ENDING, RECORDED, Scene, Victim, kill, watch
from drive import wait_for
from exptrack.model import Run

# Goes on where the attempt before stopped, so that no step is told twice: each line of the logs is a point.
GOES_ON = """
import os, sys, time
step = int(open("next").read() or 0) if os.path.exists("next") else 0
while True:
    with open("next.tmp", "w") as f:
        f.write(str(step + 1))
    os.replace("next.tmp", "next")
    print(f"step={step} loss={1 / (step + 1):.6f}", flush=True)
    step += 1
    if os.path.exists("go"):
        break
    time.sleep(0.01)
open("model.bin", "w").write(str(step))
print("done", flush=True)
"""
SEALING = (*ENDING[:-1], "points.jsonl.merged", "sealed")


def first(scene: Scene) -> Run:
    """A run whose training was killed by a signal."""
    victim = scene.start(GOES_ON, "-q", "-o", "model=model.bin")
    scene.wait_for_file("stdout.log", "step=2 ")
    kill(victim.crowd().command, signal.SIGTERM)
    assert victim.wait() == 128 + signal.SIGTERM
    victim.wait_for_all()
    (run,) = scene.check().values()
    return run


def bring_to(scene: Scene, step: str) -> Victim:
    """Its second attempt, just come to a step; one that is ending is told to."""
    victim = scene.start(GOES_ON, "-q", "--resume", "@")

    def is_there() -> bool:
        folder = scene.directory()
        if step == "claimed":
            return folder is not None
        if step == "sealed":
            return any((scene.folder / ".exptrack" / "store" / "runs").glob("*.2.json"))
        return folder is not None and (folder / step).exists()

    if step in SEALING:
        scene.wait_for_file("captured.json", '"inputs"')
        wait_for(lambda: "step=" in scene.wait_for_file("stdout.log").read_text())
        (scene.folder / "go").touch()
    watch(is_there, victim)
    return victim


def end(scene: Scene, victim: Victim) -> int:
    (scene.folder / "go").touch()
    code = victim.wait()
    victim.wait_for_all()
    return code


def the_run(scene: Scene, before: Run) -> Run:
    (run,) = scene.check().values()
    assert scene.store.records.manifest(run.id, 1) == before.manifest
    return run


@pytest.mark.parametrize("step", [*RECORDED, *SEALING])
def test_a_recorder_that_is_killed_costs_the_attempt_nothing(scene: Scene, step: str) -> None:
    before = first(scene)
    victim = bring_to(scene, step)
    kill(victim.crowd().recorder)
    assert end(scene, victim) == 0
    run = the_run(scene, before)
    assert [a.status for a in run.manifest.attempts] == ["killed", "finished"]
    assert scene.log(run).endswith(victim.seen.read_bytes())
    assert [a.path for a in run.manifest.artifacts] == ["model.bin"]


@pytest.mark.parametrize("step", [*BEFORE_START, *RECORDED, *SEALING])
def test_when_everything_of_ours_is_killed_the_attempt_is_sealed_by_who_comes_next(scene: Scene, step: str) -> None:
    before = first(scene)
    victim = bring_to(scene, step)
    crowd = victim.crowd()
    for pid in (crowd.recorder, victim.pid, *crowd.aides):
        kill(pid)
    end(scene, victim)
    run = the_run(scene, before)
    statuses = [a.status for a in run.manifest.attempts] or [run.status]
    if step in SEALING:
        assert statuses == ["killed", "finished"]
    else:
        # Killed before start.json was there it never was an attempt; killed later, nobody saw its end.
        assert statuses in (["killed"], ["killed", "lost"])
        assert statuses == ["killed", "lost"] or step in BEFORE_START


def test_an_attempt_that_was_killed_before_it_began_is_in_nobodys_way(scene: Scene) -> None:
    before = first(scene)
    victim = bring_to(scene, "recorder.log")
    crowd = victim.crowd()
    for pid in (crowd.recorder, crowd.command, victim.pid):
        kill(pid)
    victim.wait()
    victim.wait_for_all()
    again = scene.start(GOES_ON, "-q", "--resume", before.id)
    wait_for(lambda: again.seen.read_bytes().count(b"step="), "the training of the next attempt")
    assert end(scene, again) == 0
    assert the_run(scene, before).manifest.attempts[-1].status == "finished"


def test_one_of_many_who_continue_at_once(scene: Scene) -> None:
    """The others are told so, and start nothing."""
    before = first(scene)
    victims = [scene.start(GOES_ON, "--resume", before.id) for _ in range(4)]
    wait_for(lambda: sum(v.process.poll() is not None for v in victims) == 3, "three who were refused")
    (scene.folder / "go").touch()
    codes = sorted(v.wait() for v in victims)
    assert codes == [0, 125, 125, 125]
    for victim in victims:
        victim.wait_for_all()
        if victim.process.returncode == 125:
            said = victim.said.read_text()
            assert "is being continued" in said or "is still running" in said
            assert victim.seen.read_bytes() == b""
    assert len(the_run(scene, before).manifest.attempts) == 2


def test_attempts_that_follow_each_other_are_all_there(scene: Scene) -> None:
    before = first(scene)
    for _ in range(3):
        victim = bring_to(scene, "points.jsonl")
        kill(victim.crowd().command, signal.SIGKILL)
        victim.wait()
        victim.wait_for_all()
    run = the_run(scene, before)
    assert [a.number for a in run.manifest.attempts] == [1, 2, 3, 4]
    listed = json.loads(scene.tool("show", "@", "--json").stdout)["attempts"]
    assert [a["signal"] for a in listed] == ["SIGTERM", "SIGKILL", "SIGKILL", "SIGKILL"]
