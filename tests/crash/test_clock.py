"""The wall clock is set back by a day: durations, order of words and outputs are right all the same."""

from __future__ import annotations

import pytest

from clock import Clock
from crash.scene import UNTIL_TOLD, Scene
from drive import wait_for

DAY = 86400


@pytest.fixture
def clock(scene: Scene) -> Clock:
    return Clock(scene.tool)


def test_during_a_run(scene: Scene, clock: Clock) -> None:
    clock.set(DAY)
    victim = scene.start(UNTIL_TOLD, "-q", "-o", "model=model.bin")
    scene.wait_for_file("captured.json", '"inputs"')
    scene.wait_for_file("stdout.log", "step=5 ")
    clock.set(0)
    before = victim.seen.stat().st_size
    wait_for(lambda: victim.seen.stat().st_size > before)
    (scene.folder / "go").touch()
    assert victim.wait() == 0
    (run,) = scene.check().values()
    assert run.status == "finished"
    assert 0 < (run.manifest.seconds or 0) < DAY / 2
    assert (run.manifest.ended_at or "") < run.manifest.started_at
    (said,) = run.manifest.warnings
    assert said.startswith("the clock was set back by 86400 s during the run")
    steps = scene.tool("logs", "@").stdout.count("step=")
    assert run.manifest.metrics["loss"].count == steps
    assert "loss" in scene.tool("plot", "loss", "@", "--x", "time").stdout


def test_between_two_words_the_later_one_counts(scene: Scene, clock: Clock) -> None:
    assert scene.start("print('step=0 loss=1.000000')\n", "-q").wait() == 0
    for words in (("tag", "@", "stage=first", "gone=soon"), ("note", "@", "first"), ("pin", "@")):
        clock.set(DAY)
        scene.tool(*words)
    clock.set(0)
    scene.tool("tag", "@", "stage=second", "gone=")
    scene.tool("note", "@", "second")
    scene.tool("pin", "@", "--remove")
    for _ in range(2):
        shown = scene.tool.json("show", "@")
        assert (shown["tags"], shown["note"], shown["pinned"]) == ({"stage": "second"}, "second", False)
        scene.tool("reindex")


def test_between_two_promotions_the_later_one_counts(scene: Scene, clock: Clock) -> None:
    for name in ("a", "b"):
        assert scene.start("print('step=0 loss=1.000000')\n", "-q", "-n", name).wait() == 0
    clock.set(DAY)
    scene.tool("promote", "a", "net")
    clock.set(0)
    scene.tool("promote", "b", "net")
    assert scene.tool.json("show", "net@")["name"] == "b"
    scene.tool("demote", "net")
    assert scene.tool.json("models", "net")["current"] is None
    assert scene.tool.json("verify")["passed"]


def test_between_two_runs_both_are_there(scene: Scene, clock: Clock) -> None:
    """Which one is `@` is not promised: each says honestly when it began."""
    clock.set(DAY)
    assert scene.start("print('step=0 loss=1.000000')\n", "-q", "-n", "ahead").wait() == 0
    clock.set(0)
    assert scene.start("print('step=0 loss=1.000000')\n", "-q", "-n", "right").wait() == 0
    assert {r.manifest.name for r in scene.check().values()} == {"ahead", "right"}
    assert [r["name"] for r in scene.tool.json("ls", "started<1h")] == []
