"""A sweep, promotions, a rollback, retention, a stolen line, a lost object, with the words a team would type."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from drive import wait_for
from tool import EXPTRACK, Tool

TRAIN = """
import argparse, hashlib, os, random
p = argparse.ArgumentParser()
p.add_argument("--lr", type=float); p.add_argument("--opt")
p.add_argument("--seed", type=int); p.add_argument("--init")
a = p.parse_args()
start = open(a.init, "rb").read() if a.init else b""
dice = random.Random(a.seed)
acc = 0.9 - 40 * (a.lr - 0.05) ** 2 + (0.03 if a.opt == "adam" else 0) + dice.gauss(0, 0.001)
os.makedirs("out", exist_ok=True)
open("out/model.bin", "wb").write(hashlib.sha256(f"{a}".encode() + start).digest() * 3000)
print(f"val/acc: {acc:.5f}")
"""
POLICY = """
[require]
tags = ["owner"]
[metrics]
goals = { "val/acc" = "max" }
[promote.prod]
metrics = ["val/acc >= 0.85"]
[retention]
window = "0s"
keep = ["promoted", "pinned", "best:val/acc:1"]
"""


@pytest.fixture
def team(tool: Tool) -> Tool:
    tool.write("train.py", TRAIN)
    tool.write("exptrack.toml", POLICY)
    tool.write(".gitignore", "out/\n")
    tool.env["EXPTRACK_AUTHOR"] = "ann"
    return tool.committed()


def train(team: Tool, name: str, *words: str, options: tuple[str, ...] = ()) -> str:
    tags = ("-t", "owner=ann", "-q", "-n", name, "-o", "model=out/model.bin")
    team("run", *tags, *options, "--", "python", "train.py", *words)
    return str(team.json("show", name)["id"])


def store_of(team: Tool) -> Path:
    return team.folder / ".exptrack" / "store"


def grow_old(team: Tool) -> None:
    """What gc leaves alone because it was just stored is two hours old now."""
    for path in (store_of(team) / "objects").rglob("*"):
        os.utime(path, (time.time() - 7200,) * 2)


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(data)


def test_a_sweep_its_lineage_and_what_retention_leaves(team: Tool) -> None:
    base = train(team, "base", "--lr", "0.02", "--opt", "sgd", "--seed", "1")
    (team.folder / "out" / "model.bin").rename(team.folder / "out" / "base.bin")
    sweep = []
    for number in range(10):
        lr, opt = str(0.01 * (number % 6 + 2)), "adam" if number % 2 else "sgd"
        words = ("--lr", lr, "--opt", opt, "--seed", str(number), "--init", "out/base.bin")
        sweep.append(train(team, f"s{number}", *words, options=("-g", "sweep", "-i", "init=out/base.bin")))

    # Which setting was best?
    best = team.json("best", "val/acc", "group=sweep")
    assert best["runs"][0]["params"]["opt"] == "adam"
    assert team.json("show", "best:val/acc")["id"] == best["run"]
    assert best["run"] in team("best", "val/acc").stdout
    study = team.json("importance", "val/acc", "group=sweep")
    assert study["enough"]
    assert {p["name"] for p in study["parameters"][:2]} <= {"lr", "opt", "seed"}
    assert "too few runs to tell" in team("importance", "val/acc", "name~s[0-4]").stdout

    # Where does it come from?
    family = team.json("lineage", best["run"])
    assert (family["up"], family["down"]) == ([base], [])
    assert set(team.json("lineage", "base")["down"]) == set(sweep)
    assert team("lineage", "base", "--dot").stdout.startswith("digraph")

    # Three promotions and a rollback.
    first, second = [r for r in sweep if r != best["run"]][:2]
    for run in (first, second, best["run"]):
        team("promote", run, "prod", code=None)
    history = team.json("models", "prod")["history"]
    promoted = [p["run"] for p in history]
    assert promoted[-1] == best["run"]
    team("rollback", "prod")
    assert team.json("verify")["passed"]

    # Retention: what goes is said first, goes to the trash, and comes back.
    grow_old(team)
    plan = team.json("gc")
    going = {r["run"] for r in plan["runs"] if r["goes"]}
    kept = {r["run"]: r["rules"] for r in plan["runs"] if not r["goes"]}
    assert going == set(sweep) - set(promoted)
    assert kept[base][0].startswith("made out/model.bin, an input of")
    assert not plan["applied"]
    applied = team.json("gc", "--apply")
    assert (applied["applied"], applied["size"]) == (True, plan["size"])
    gone = sorted(going)[0]
    assert "bytes let go" in team("show", gone).stdout
    assert team.json("show", gone)["artifacts"][0]["expired"]
    assert team.json("verify")["passed"]
    assert f"exptrack reproduce {gone}" in team("get", gone, "-o", "nowhere", code=6).stderr
    unmet = team("promote", gone, "other", code=4).stderr
    assert "outputs in store" in unmet
    assert "exptrack undo gc" in unmet
    assert team("gc").stdout.splitlines()[-1].startswith("trash: ")
    team("undo", "gc")
    team("get", gone, "-o", "back")
    team("undo", "gc", code=1)
    team("gc", "--apply")
    assert "nothing in the trash is older" in team("gc", "--empty-trash").stdout
    team.write("exptrack.toml", POLICY + 'grace = "0s"\n')
    assert "deleted for good" in team("gc", "--empty-trash").stdout
    assert team.json("verify")["passed"]

    # A stolen line of the ledger, a lost object, an edited record.
    ledger = store_of(team) / "promotions" / "prod"
    stolen = ledger / f"{len(promoted)}.json"
    line = stolen.read_bytes()
    overwrite(stolen, line.replace(b'"ann"', b'"bob"'))
    wrong = team.json("verify", code=6)
    assert {p["run"] for p in wrong["problems"]} == {f"prod@{len(promoted)}"}
    overwrite(stolen, line)
    digest = team.json("show", base)["code"]["tree"]
    (store_of(team) / "objects" / digest[:2] / digest[2:]).unlink()
    hurt = {(p["run"], p["what"], p["problem"]) for p in team.json("verify", code=6)["problems"]}
    assert (base, "code", "missing") in hurt
    assert base in team("verify", base, code=6).stdout


def test_a_rollback_to_what_retention_let_go_is_refused(team: Tool) -> None:
    runs = [train(team, f"r{n}", "--lr", "0.02", "--opt", "sgd", "--seed", str(n)) for n in (1, 2)]
    assert "did you mean `prod`?" in team("promote", runs[0], "pord", code=4).stderr
    for run in runs:
        team("promote", run, "other")
    team.write("exptrack.toml", '[retention]\nwindow = "0s"\nkeep = ["promoted:1"]\n')
    grow_old(team)
    assert team.json("gc", "--apply")["objects"] > 0
    refused = team("rollback", "other", "--json", code=6)
    assert (refused.stdout, f"{runs[0]} cannot be deployed" in refused.stderr) == ("", True)
    assert "exptrack undo gc" in refused.stderr
    team("undo", "gc")
    assert team.json("rollback", "other")["unmet"] == []
    assert team("rollback", "other", "2").stderr == ""
    team.write("exptrack.toml", '[promote.other]\nmetrics = ["val/acc >= 0.999"]\n')
    back = team("rollback", "other", "1")
    assert f"warning: {runs[0]} does not meet today's gate val/acc >= 0.999: it has 0." in back.stderr
    assert [g["gate"] for g in json.loads(team("rollback", "other", "2", "--json").stdout)["unmet"]] == [
        "val/acc >= 0.999"
    ]


def test_the_policy_is_checked_and_explained(team: Tool) -> None:
    assert "right" in team("policy", "check").stdout
    rules = team.json("policy", "explain")["rules"]
    assert {r["asked"]: r["source"].rpartition(":")[2] for r in rules}["tag owner"] == "3"
    other = team.write("other.toml", '[retention]\nkeep = ["all"]\n')
    refused = team("policy", "check", str(other), code=2)
    assert "other.toml:2: `retention.keep`" in refused.stderr
    team("policy", "forget", code=2)


def test_gc_says_what_it_does_and_needs_no_runs(team: Tool) -> None:
    team("gc", code=3)
    train(team, "one", "--lr", "0.05", "--opt", "sgd", "--seed", "1")
    train(team, "better", "--lr", "0.05", "--opt", "adam", "--seed", "1")
    assert "of 1 run would go" in team("gc").stdout
    team("gc", "--apply", "--undo", code=2)
    team("undo", "runs", code=2)
    before = sorted(p for p in store_of(team).rglob("*"))
    team("gc", "--dry-run")
    assert sorted(p for p in store_of(team).rglob("*")) == before


def test_verify_is_interrupted_and_goes_on(team: Tool) -> None:
    """With Ctrl-C while one object takes for ever: here a file without end, all of it a hole."""
    run = train(team, "one", "--lr", "0.05", "--opt", "sgd", "--seed", "1")
    digest = next(a["digest"] for a in team.json("show", run)["artifacts"] if not a["folder"])
    path = store_of(team) / "objects" / digest[:2] / digest[2:]
    bytes_then = path.read_bytes()
    path.chmod(0o600)
    os.truncate(path, 1 << 42)
    ask = [EXPTRACK, "verify"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(ask, cwd=team.folder, env=team.env, **pipes) as child:
        wait_for(lambda: str(path) in open_files(child.pid))
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "error: interrupted: " in said
    assert "hint: `exptrack verify` goes on from here" in said
    path.write_bytes(bytes_then)
    done = team.json("verify")
    assert done["passed"]
    assert done["read"] + (done["earlier"] or {"objects": 0})["objects"] == done["objects"]
    assert team.json("verify")["earlier"] is None
    assert team.json("verify", "--again")["passed"]


def open_files(pid: int) -> list[str]:
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(os.readlink(fd))
    return found


def test_gc_shows_and_takes_what_no_run_names(team: Tool) -> None:
    """A run is killed with everything around it and its directory removed by hand: its code is nobody's."""
    train(team, "one", "--lr", "0.05", "--opt", "sgd", "--seed", "1")
    team.write("only_here.py", "print('never sealed')")
    run = train(team, "gone", "--lr", "0.05", "--opt", "sgd", "--seed", "2")
    (store_of(team) / "runs" / f"{run}.json").chmod(0o600)
    (store_of(team) / "runs" / f"{run}.json").unlink()
    assert "no run names" not in team("gc").stdout
    for path in (store_of(team) / "objects").rglob("*"):
        os.utime(path, (1, 1))
    data = team.json("gc")
    assert data["unnamed"]["objects"] == data["objects"] > 2
    assert data["unnamed"]["size"] == data["size"] > 0
    said = team("gc").stdout
    assert f"in {data['objects']} objects that no run names" in said
    assert "would go: `exptrack gc --apply` does it" in said
    assert "went to the trash" in team("gc", "--apply").stdout
    assert team.json("verify")["passed"]
    assert team.json("gc")["unnamed"] == {"objects": 0, "size": 0}
    assert f"{data['objects']} objects" in team("undo", "gc").stdout
    assert team.json("gc")["unnamed"] == data["unnamed"]


def test_a_model_that_was_forged_is_found_by_what_verify_printed_before(team: Tool) -> None:
    """Who rewrites the whole store leaves no trace in it; the heads kept elsewhere differ."""
    run = train(team, "one", "--lr", "0.05", "--opt", "sgd", "--seed", "1")
    team("promote", run, "prod")
    heads = team.json("verify")["heads"]
    path = store_of(team) / "promotions" / "prod" / "1.json"
    overwrite(path, json.dumps({**json.loads(path.read_bytes()), "author": "eve"}).encode())
    for event in (store_of(team) / "events").iterdir():
        event.unlink()
    again = team.json("verify")
    assert again["passed"]
    assert again["heads"] != heads
