"""SIGKILL at random instants of a run, of whatever belongs to it; the record tells the truth afterwards."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from crash.scene import STEPS, Scene, Victim, kill, sleep_until

SEED = 20261122
WHO = ("supervisor", "recorder", "command", "aide", "recorder and supervisor", "everybody")
# A little more than a whole run takes: a few instants come after its end.
SPAN = 0.4


def targets(victim: Victim, who: str) -> list[int]:
    crowd = victim.crowd()
    return {
        "supervisor": [victim.pid],
        "recorder": [crowd.recorder or 0],
        "command": [crowd.command or 0],
        "aide": list(crowd.aides),
        "recorder and supervisor": [crowd.recorder or 0, victim.pid],
        "everybody": [victim.pid, crowd.recorder or 0, crowd.command or 0, *crowd.aides],
    }[who]


def one(scene: Scene, dice: random.Random) -> str:
    """One run and one crash; returns what was done, for whoever has to repeat it."""
    known = set(scene.runs())
    who, delay = dice.choice(WHO), dice.uniform(0, SPAN)
    told = f"{who} after {delay:.4f} s"
    began = time.monotonic()
    victim = scene.start(STEPS, "-q", "-o", "model=model.bin")
    sleep_until(began + delay)
    hit = [kill(pid) for pid in targets(victim, who)]
    code = victim.wait()
    victim.wait_for_all()
    runs = {i: r for i, r in scene.check().items() if i not in known}
    assert len(runs) <= 1, told
    said = victim.said.read_text()
    told += f": {sum(hit)} hit, exit {code}, {len(victim.seen.read_bytes())} bytes seen, "
    told += " ".join(r.status for r in runs.values()) or "no record"
    if code == 125:
        # Not started: the recorder had gone before there was a record.
        assert "recorder" in who, told
        assert not runs, told
        assert not victim.seen.read_bytes(), told
        return told
    seen = victim.seen.read_bytes()
    if seen:
        (run,) = runs.values()
        assert scene.log(run).startswith(seen), told
        assert run.status in {"finished", "lost", "killed"}, told
    if not any(hit) or who == "recorder" or (who == "aide" and code == 0):
        assert code == 0, f"{told}: exit {code} {said}"
        (run,) = runs.values()
        assert run.status == "finished", told
        assert run.manifest.artifacts, told
        assert seen.count(b"loss=") == 20, told
    if who == "command" and any(hit):
        assert code in (0, 128 + signal.SIGKILL), told
    return told


def crash(tmp_path: Path, count: int) -> None:
    """`count` crashes, 20 of them in one project after the other."""
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    for number in range(0, count, 20):
        scene = Scene(tmp_path / str(number) / "work")
        try:
            for _ in range(min(20, count - number)):
                print(one(scene, dice))
        finally:
            scene.clear()


def test_kill_at_forty_random_instants(tmp_path: Path) -> None:
    crash(tmp_path, 40)


@pytest.mark.slow
def test_kill_at_five_hundred_random_instants(tmp_path: Path) -> None:
    crash(tmp_path, 500)
