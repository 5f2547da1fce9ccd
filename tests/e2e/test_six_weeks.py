"""Six weeks of a team, played in a minute: every process of it reads the time from a clock the test sets.

Twenty-odd runs, a sweep, three promotions, a rollback, retention, a stolen edit of the ledger and a lost object; at the
end the three questions of the README are answered from a copy of the store alone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from clock import Clock
from tool import Tool

TRAIN = """
import argparse, hashlib, os, random, sys, time
import features
p = argparse.ArgumentParser()
p.add_argument("--lr", type=float); p.add_argument("--opt", default="sgd")
p.add_argument("--seed", type=int, default=0); p.add_argument("--init"); p.add_argument("--fail", action="store_true")
a = p.parse_args()
start = open(a.init, "rb").read() if a.init else b""
held_out = open("data/test.csv", "rb").read()
dice = random.Random(a.seed)
acc = 0.9 - 40 * (a.lr - 0.05) ** 2 + (0.03 if a.opt == "adam" else 0) + dice.gauss(0, 0.001) + features.BONUS
os.makedirs("out", exist_ok=True)
for name, text in (("model.bin", f"{a}{features.BONUS}".encode() + start + held_out), ("seed.txt", b"%d" % a.seed)):
    path = os.path.join("out", name)
    with open(path, "wb") as f:
        f.write(hashlib.sha256(text).digest() * 500 if name == "model.bin" else text)
    os.utime(path, (time.time(), time.time()))
for epoch in range(3):
    print(f"epoch {epoch} val/acc: {acc - 0.01 * (2 - epoch):.5f}")
sys.exit(1 if a.fail else 0)
"""
POLICY = """
project = "churn"
[require]
tags = ["project", "owner", "intent"]
[require.end]
metrics = ["val/acc"]
outputs = ["model", "seed"]
[metrics]
goals = { "val/acc" = "max" }
[promote.churn-prod]
metrics = ["val/acc >= 0.85"]
clean = true
[retention]
window = "21d"
keep = ["promoted", "pinned", "best:val/acc:3"]
grace = "7d"
"""
MORE_GATES = """clean = true
branch = "main"
same_inputs = ["test"]
better_than_current = "val/acc"
approvals = 1
"""
WEEK = 7 * 86400


class Team:
    """The tool, the calendar, and a short way to train."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.clock = Clock(tool)

    def at(self, *, week: int, day: int = 1) -> None:
        self.clock.set((week - 1) * WEEK + (day - 1) * 86400)

    def train(self, name: str, *words: str, who: str = "ann", options: tuple[str, ...] = (), code: int = 0) -> str:
        outputs = ("-o", "model=out/model.bin", "-o", "seed=out/seed.txt", "-i", "test=data/test.csv")
        tags = ("-t", f"owner={who}", "-t", "intent=try", "-q", "-n", name)
        self.tool(
            "run",
            *tags,
            *outputs,
            *options,
            "--",
            "python",
            "train.py",
            *words,
            code=code,
            env={"EXPTRACK_AUTHOR": who},
        )
        return str(self.tool.json("show", name)["id"])

    def commit(self, message: str) -> None:
        self.tool.git("add", "-A")
        self.tool.git("commit", "-q", "-m", message)


@pytest.fixture
def team(tool: Tool) -> Team:
    tool.write("train.py", TRAIN)
    tool.write("features.py", "BONUS = 0.0\n")
    tool.write("data/test.csv", "x,y\n1,2\n")
    tool.write("exptrack.toml", POLICY)
    tool.write(".gitignore", "out/\n__pycache__/\n")
    return Team(tool.committed())


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(data)


def test_six_weeks_of_a_team(team: Team, tmp_path: Path) -> None:
    tool = team.tool
    store = tool.folder / ".exptrack" / "store"

    # Week 1: a base, some tries, the first model in production.
    tool("run", "-t", "owner=ann", "--", "python", "train.py", "--lr", "0.1", code=125)
    base = team.train("base", "--lr", "0.02")
    (tool.folder / "out" / "model.bin").rename(tool.folder / "out" / "base.bin")
    tries = [team.train(f"try{n}", "--lr", str(0.02 + 0.005 * n), "--seed", "7") for n in range(3)]
    failed = team.train("broken", "--lr", "0.05", "--fail", code=1)
    tool("promote", failed, "churn-prod", code=4)
    tool("promote", tries[2], "churn-prod", "--reason", "first of all")

    # Week 2: a sweep from the base; its best goes into production.
    team.at(week=2)
    sweep = []
    for n in range(10):
        words = ("--lr", f"{0.01 * (n % 6 + 2):.2f}", "--opt", "adam" if n % 2 else "sgd", "--seed", str(n))
        more = ("-g", "sweep", "-i", "init=out/base.bin")
        sweep.append(team.train(f"s{n}", *words, "--init", "out/base.bin", who="ben", options=more))
    best = tool.json("best", "val/acc", "group=sweep")["run"]
    tool("promote", best, "churn-prod", "--reason", "best of the sweep")
    assert tool.json("show", "churn-prod@")["id"] == best
    good_weights = Path(tool("get", best, "model", "-o", str(tmp_path / "good")).stdout.split(": ")[1].split(" (")[0])

    # Week 3: yesterday's good run and today's bad one.
    team.at(week=3)
    good = team.train("good", "--lr", "0.05", "--opt", "adam", "--seed", "1")
    team.at(week=3, day=2)
    tool.write("features.py", "BONUS = -0.04  # a new feature, surely better\n")
    bad = team.train("bad", "--lr", "0.05", "--opt", "adam", "--seed", "2")
    assert "clean" in tool("promote", bad, "churn-prod", code=4).stderr

    # Week 4: rules have been added; a third promotion keeps them all, and production does not like it.
    team.at(week=4)
    hook = f"on_promote = ['tee -a {tmp_path / 'told'}']"
    tool.write("exptrack.toml", POLICY.replace("clean = true", MORE_GATES + hook))
    tool.write("features.py", "BONUS = 0.05  # leaks the label\n")
    team.commit("features")
    leaky = team.train("leaky", "--lr", "0.05", "--opt", "adam", "--seed", "3")
    ann, ben = {"EXPTRACK_AUTHOR": "ann"}, {"EXPTRACK_AUTHOR": "ben"}
    assert "approval" in tool("promote", leaky, "churn-prod", code=4, env=ann).stderr
    tool("promote", leaky, "churn-prod", "--approve", code=4, env=ann)
    tool("promote", leaky, "churn-prod", "--approve", "--reason", "look at that number", env=ben)
    tool("promote", leaky, "churn-prod", "--dry-run", env=ann)
    assert len(tool.json("models", "churn-prod")["history"]) == 2
    tool("promote", leaky, "churn-prod", env=ann)
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert [t["run"]["id"] for t in told] == [leaky]
    tool("rollback", "churn-prod", "--reason", "leaks the label")
    history = tool.json("models", "churn-prod")["history"]
    assert [p["run"] for p in history] == [tries[2], best, leaky, best]

    # Week 5: more work, one run to be kept by hand.
    team.at(week=5)
    tool.write("features.py", "BONUS = 0.0\n")
    team.commit("without the leak")
    late = [team.train(f"late{n}", "--lr", "0.02", "--seed", str(40 + n)) for n in range(2)]
    tool("pin", tries[0])

    # Week 6: retention. What is older than three weeks and nobody's goes; the rest says why it stays.
    team.at(week=6)
    plan = tool.json("gc")
    rules = {r["run"]: " ".join(r["rules"]) for r in plan["runs"] if not r["goes"]}
    going = {r["run"] for r in plan["runs"] if r["goes"]}
    assert going >= {tries[1], failed}
    assert going.isdisjoint({best, tries[2], leaky, tries[0], base, *late})
    for run, rule in (
        (best, "promoted (current churn-prod)"),
        (tries[0], "pinned"),
        (late[0], "less than 21d ago"),
        (base, "input of"),
    ):
        assert rule in rules[run], rules[run]
    assert not plan["applied"]
    tool("gc", "--apply")
    assert "bytes let go" in tool("show", tries[1]).stdout
    assert tool.json("verify")["passed"]
    tool("get", tries[1], "-o", str(tmp_path / "nowhere"), code=6)
    tool("undo", "gc")
    tool("get", tries[1], "-o", str(tmp_path / "back"))
    tool("gc", "--apply")
    assert "nothing in the trash is older" in tool("gc", "--empty-trash").stdout
    team.at(week=7, day=2)
    assert "deleted for good" in tool("gc", "--empty-trash").stdout
    assert tool.json("verify")["passed"]

    # Somebody edits the ledger, and an object is lost: verify names both, and whom they hurt.
    stolen = store / "promotions" / "churn-prod" / "3.json"
    line = stolen.read_bytes()
    overwrite(stolen, line.replace(leaky.encode(), bad.encode()))
    assert {p["run"] for p in tool.json("verify", code=6)["problems"]} >= {"churn-prod@3"}
    overwrite(stolen, line)
    lost = tool.json("show", late[1])["artifacts"][0]["digest"]
    (store / "objects" / lost[:2] / lost[2:]).unlink()
    hurt = tool.json("verify", code=6)["problems"]
    assert {p["run"] for p in hurt} == {late[1]}
    assert len(tool.run_ids()) >= 20

    # The three questions, from a copy of the store alone: no repository, no index, no files of the training.
    alone = Tool(tmp_path / "elsewhere")
    alone.folder.mkdir()
    alone.env |= {k: tool.env[k] for k in ("PYTHONPATH", "TEST_CLOCK")}
    shutil.copytree(store, alone.folder / ".exptrack" / "store")
    (alone.folder / "weights.bin").write_bytes(good_weights.read_bytes())
    shutil.rmtree(tool.folder)
    # Which run produced the production model?
    assert alone.json("models", "churn-prod")["current"] == best
    assert best in alone("which", "weights.bin").stdout
    assert alone.json("lineage", best)["up"] == [base]
    # What changed between yesterday's good run and today's bad one?
    changed = alone.json("diff", good, bad)["sections"]
    assert [c["key"] for c in changed["code"]] == ["features.py"]
    assert "surely better" in alone("diff", good, bad, "--patch").stdout
    assert {c["key"]: c["verdict"] for c in changed["metrics"]}["val/acc"] == "worse"
    # Which setting was best on held-out data?
    ranked = alone.json("best", "val/acc", "group=sweep")
    assert ranked["run"] == best
    assert ranked["runs"][0]["params"]["opt"] == "adam"
    assert alone.json("importance", "val/acc", "group=sweep")["enough"]
    # And it can be deployed and run again.
    alone("get", "churn-prod@", "-o", "deploy")
    digest = alone.json("show", "churn-prod@")["artifacts"][0]["digest"]
    kept = next((alone.folder / "deploy").rglob("model.bin"))
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == digest
    alone("restore", "churn-prod@", str(tmp_path / "code"))
    assert (tmp_path / "code" / "features.py").read_text() == "BONUS = 0.0\n"
