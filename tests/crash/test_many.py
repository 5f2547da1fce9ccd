"""Many at once on one store: every run is recorded, every number of a model's history is won once, nobody who reads
meanwhile fails."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

from crash.scene import STEPS, Scene
from tool import EXPTRACK


def started(scene: Scene, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [EXPTRACK, *words],
        cwd=scene.folder,
        env=scene.tool.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_thirty_two_runs_at_once(scene: Scene) -> None:
    """Also the very first ones of a project, which all make its folder; `ls` and `reindex` go on beside them."""
    victims = [scene.start(STEPS, "-q", "-n", f"run-{i}") for i in range(32)]
    while any(v.process.poll() is None for v in victims):
        scene.tool("ls", "--json")
        scene.tool("reindex")
        scene.tool("recover")
    assert [v.wait() for v in victims] == [0] * 32
    runs = scene.check()
    assert sorted(r.manifest.name or "" for r in runs.values()) == sorted(f"run-{i}" for i in range(32))
    assert {r.status for r in runs.values()} == {"finished"}
    assert {r.manifest.metrics["loss"].count for r in runs.values()} == {20}
    # Nobody who looked meanwhile has taken a living run for a dead one.
    assert {w for r in runs.values() for w in r.manifest.warnings} == set()


def test_eight_promotions_of_one_model_at_once(scene: Scene) -> None:
    for i in range(8):
        assert scene.start("print('step=0 loss=1.000000')\n", "-q", "-n", f"run-{i}").wait() == 0
    all_at_once = [started(scene, "promote", f"run-{i}", "net") for i in range(8)]
    said = [p.communicate() for p in all_at_once]
    codes = [p.returncode for p in all_at_once]
    assert set(codes) <= {0, 5}, said
    history = scene.store.records.promotions("net")
    assert [p.sequence for p in history] == list(range(1, codes.count(0) + 1))
    names = {r.id: r.manifest.name for r in scene.runs().values()}
    assert sorted(str(names[p.run or ""]) for p in history) == [f"run-{i}" for i, code in enumerate(codes) if code == 0]
    # Each one saw the one before it: nobody was overwritten unseen.
    assert [p.previous for p in history] == [None, *(p.run for p in history[:-1])]


def test_an_index_that_somebody_locks_or_spoils_keeps_no_run_from_being_recorded(scene: Scene) -> None:
    index = Path(scene.project.index)
    assert scene.start(STEPS, "-q").wait() == 0
    with sqlite3.connect(index) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert scene.start(STEPS, "-q").wait() == 0
    holder.close()
    index.write_bytes(b"no database at all" * 1000)
    assert scene.start(STEPS, "-q").wait() == 0
    index.unlink()
    index.mkdir()
    assert scene.start(STEPS, "-q").wait() == 0
    index.rmdir()
    assert [r.status for r in scene.check().values()] == ["finished"] * 4
