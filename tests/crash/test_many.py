"""Many at once on one store: every run is recorded, every number of a model's history is won once, nobody who reads
meanwhile fails."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from crash.scene import STEPS, UNTIL_TOLD, Scene, kill
from drive import wait_for
from tool import EXPTRACK

# `promote` that has looked at the history and now waits for a file `go` before it adds its line.
HESITANT = """
import os, sys, time
from exptrack.actions import promote
add = promote.append
def wait_and_add(*words, **more):
    open(f"waits-{os.getpid()}", "w").close()
    while not os.path.exists("go"): time.sleep(0.005)
    return add(*words, **more)
promote.append = wait_and_add
from exptrack.__main__ import main
main()
"""


def started(scene: Scene, *words: str, program: tuple[str, ...] = (EXPTRACK,)) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*program, *words],
        cwd=scene.folder,
        env=scene.tool.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_sixty_four_runs_at_once(scene: Scene) -> None:
    """Also the very first ones of a project, which all make its folder; `ls` and `reindex` go on beside them."""
    victims = [scene.start(STEPS, "-q", "-n", f"run-{i}") for i in range(64)]
    while any(v.process.poll() is None for v in victims):
        scene.tool("ls", "--json")
        scene.tool("reindex")
        scene.tool("recover")
    assert [v.wait() for v in victims] == [0] * 64
    runs = scene.check()
    assert sorted(r.manifest.name or "" for r in runs.values()) == sorted(f"run-{i}" for i in range(64))
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
    with sqlite3.connect(index) as newer:
        newer.execute("PRAGMA user_version = 9999")
    newer.close()
    assert scene.start(STEPS, "-q").wait() == 0
    index.unlink()
    index.mkdir()
    assert scene.start(STEPS, "-q").wait() == 0
    index.rmdir()
    assert [r.status for r in scene.check().values()] == ["finished"] * 5


def test_of_eight_promotions_that_all_saw_the_same_history_one_wins_each_number(scene: Scene) -> None:
    for i in range(9):
        assert scene.start("print('step=0 loss=1.000000')\n", "-q", "-n", f"run-{i}").wait() == 0
    names = {r.id: r.manifest.name for r in scene.runs().values()}
    current = 8  # promoting what is current already is no race
    for number in (1, 2, 3):
        racers = [i for i in range(9) if i != current]
        all_at_once = [
            started(scene, "promote", f"run-{i}", "net", program=(sys.executable, "-c", HESITANT)) for i in racers
        ]
        wait_for(lambda: len(list(scene.folder.glob("waits-*"))) == 8)
        (scene.folder / "go").touch()
        said = [p.communicate()[1] for p in all_at_once]
        codes = [p.returncode for p in all_at_once]
        assert sorted(codes) == [0] + [5] * 7, said
        assert all("somebody else promoted" in err for err, code in zip(said, codes, strict=True) if code)
        history = scene.store.records.promotions("net")
        assert [p.sequence for p in history] == list(range(1, number + 1))
        current = racers[codes.index(0)]
        assert names[history[-1].run or ""] == f"run-{current}"
        for mark in (*scene.folder.glob("waits-*"), scene.folder / "go"):
            mark.unlink()


@pytest.mark.parametrize("step", ["start.json", "captured.json", "end.json"])
def test_no_run_waits_for_another(scene: Scene, step: str) -> None:
    """One stands still with everything it holds, and the index is held by somebody as well; the others end."""
    sleeper = scene.start(UNTIL_TOLD, "-q", "-o", "model=model.bin")
    scene.wait_for_file("captured.json", '"inputs"')
    if step == "end.json":
        (scene.folder / "go").touch()
    scene.wait_for_file(step)
    recorder = sleeper.crowd().recorder
    assert kill(recorder, signal.SIGSTOP) or step == "end.json"
    kill(sleeper.pid, signal.SIGSTOP)
    with sqlite3.connect(scene.project.index) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        others = [scene.start(UNTIL_TOLD, "-q", "-n", f"run-{i}") for i in range(8)]
        (scene.folder / "go").touch()
        assert [v.wait() for v in others] == [0] * 8
    holder.close()
    kill(sleeper.pid, signal.SIGCONT)
    kill(recorder, signal.SIGCONT)
    assert sleeper.wait() == 0
    runs = scene.check()
    assert len(runs) == 9
    assert {r.status for r in runs.values()} == {"finished"}


# Odd ones have the weights of a run of before, even ones new weights.
WEIGHTS = """
import sys
number = int(sys.argv[1])
print("step=0 loss=1.000000")
open(f"model-{number}.bin", "w").write(f"weights {number // 2 if number % 2 else number} " * 1000)
"""
RUNS = (
    'for i in $(seq {} {}); do exptrack run -q -n "run-$i" -o "model=model-$i.bin" -- {} weights.py $i || exit 9; done'
)
LOOPS = [
    "for i in 1 2 3 4 5 6; do exptrack gc --apply || exit 9; exptrack undo gc; done; exptrack gc --apply",
    *(
        f"for i in $(seq 8); do exptrack {words} || exit 9; done"
        for words in ("verify", "reindex", "ls --json", "tag run-3 round=$i", "recover", "show @")
    ),
]


def test_gc_runs_verify_reindex_and_ls_at_once(scene: Scene) -> None:
    """While bytes are let go, runs store the same ones again; nobody fails, and at the end everything is whole."""
    scene.tool.write(
        "exptrack.toml", '[retention]\nwindow = "0s"\nkeep = ["pinned"]\n[snapshot]\nexclude = ["*.bin"]\n'
    )
    scene.tool.write("weights.py", WEIGHTS)
    scene.tool.write("old.sh", RUNS.format(0, 9, sys.executable))
    old = started(scene, "old.sh", program=("sh",))
    assert old.communicate()[1] == ""
    for path in Path(scene.store.objects.root).glob("??/*"):
        os.utime(path, (0, 0))  # else they are too young to go
    lines = [RUNS.format(10, 19, sys.executable), RUNS.format(20, 29, sys.executable), *LOOPS]
    all_at_once = [started(scene, line, program=("sh", "-c")) for line in lines]
    for line, process in zip(lines, all_at_once, strict=True):
        out, err = process.communicate()
        assert process.returncode == 0, f"{line}\n{out[-2000:]}\n{err}"
    assert scene.tool.json("verify")["passed"]
    while scene.tool("undo", "gc", code=None).returncode == 0:
        pass  # batch by batch: then every byte that any of them kept is there again
    runs = {str(r.manifest.name): r for r in scene.check().values()}
    assert sorted(runs) == sorted(f"run-{i}" for i in range(30))
    assert {r.status for r in runs.values()} == {"finished"}
    assert runs["run-3"].tags == {"round": "8"}
    assert scene.tool.json("verify")["passed"]
    # What was stored again after it had been let go is there.
    for i in range(10, 30):
        assert all(scene.store.objects.is_whole(a.digest) for a in runs[f"run-{i}"].manifest.artifacts)
