"""SIGKILL at random instants of a run or of a later attempt at one, of whatever belongs to it; the record tells the
truth afterwards."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from crash.scene import STEPS_ON, Scene, Victim, kill, sleep_until
from exptrack.model import Run

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


def one(scene: Scene, dice: random.Random, before: Run | None) -> str:
    """A crash of a new run, or of the next attempt at `before`; returns what was done, for whoever has to repeat it."""
    known = scene.runs()
    options = ("-q", "--resume", before.id) if before else ("-q", "-o", "model=model.bin")
    log = scene.log(before) if before else b""
    (scene.folder / "next").write_text(str(log.count(b"loss=")))
    who, delay = dice.choice(WHO), dice.uniform(0, SPAN)
    told = f"{who} after {delay:.4f} s" + (f" of an attempt at {before.id}" if before else "")
    began = time.monotonic()
    victim = scene.start(STEPS_ON, *options)
    sleep_until(began + delay)
    hit = [kill(pid) for pid in targets(victim, who)]
    code = victim.wait()
    victim.wait_for_all()
    # What there was is as it was, but for the run that was gone on with.
    now = scene.check()
    runs = [r for i, r in now.items() if known.get(i) != r]
    assert now.keys() >= known.keys(), told
    assert len(runs) <= 1, told
    assert len(now) == len(known) + (before is None) * len(runs), told
    said = victim.said.read_text()
    told += f": {sum(hit)} hit, exit {code}, {len(victim.seen.read_bytes())} bytes seen, "
    told += " ".join(r.status for r in runs) or "no record"
    seen = victim.seen.read_bytes()
    if code == 125:
        # Not started: the recorder had gone before there was a record.
        assert "recorder" in who, told
        assert not runs, told
        assert not seen, told
        return told
    if runs:
        attempts_are_whole(scene, before, runs[0], told)
    if seen:
        (run,) = runs
        assert scene.log(run).startswith(log + seen), told
        assert run.status in {"finished", "lost", "killed"}, told
    if not any(hit) or who == "recorder" or (who == "aide" and code == 0):
        assert code == 0, f"{told}: exit {code} {said}"
        (run,) = runs
        assert run.status == "finished", told
        assert run.manifest.artifacts, told
        assert seen.count(b"loss=") == 20, told
    if who == "command" and any(hit):
        assert code in (0, 128 + signal.SIGKILL), told
    return told


def attempts_are_whole(scene: Scene, before: Run | None, run: Run, told: str) -> None:
    """A run that was gone on with has one attempt more, and those it had are what they were."""
    count = len(run.manifest.attempts) or 1
    assert count == (len(before.manifest.attempts) or 1) + 1 if before else count == 1, told
    if before:
        assert run.id == before.id, told
        assert scene.store.records.manifest(run.id, count - 1) == before.manifest, told


def crash(tmp_path: Path, count: int) -> None:
    """`count` crashes, 20 of them in one project after the other; every second one of an attempt at the last run,
    best at one that did not come to its end."""
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    for number in range(0, count, 20):
        scene = Scene(tmp_path / str(number) / "work")
        try:
            for n in range(min(20, count - number)):
                runs = [*scene.runs().values()] if n % 2 else []
                cut_short = [r for r in runs if r.status != "finished"]
                print(one(scene, dice, next(reversed(cut_short or runs), None)))
        finally:
            scene.clear()


def test_kill_at_forty_random_instants(tmp_path: Path) -> None:
    crash(tmp_path, 40)


@pytest.mark.slow
def test_kill_at_five_hundred_random_instants(tmp_path: Path) -> None:
    crash(tmp_path, 500)
