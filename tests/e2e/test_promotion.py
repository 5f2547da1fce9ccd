"""Promotion as a team does it: seeds against a lucky one, a second person, hooks, and a ledger that remembers."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tool import EXPTRACK, Tool

TRAIN = """
import argparse, os, random
p = argparse.ArgumentParser()
p.add_argument("--lr", type=float); p.add_argument("--seed", type=int)
a = p.parse_args()
os.makedirs("out", exist_ok=True)
open("out/model.bin", "w").write(str(a))
print(f"val/acc: {0.8 + a.lr + random.Random(a.seed).gauss(0, 0.005):.6f}")
"""
HOOK = """
import json, sys
told = json.load(sys.stdin)
print("told of", told["action"])
open("told.jsonl", "a").write(json.dumps([told["action"], told["run"] and told["run"]["id"], told["previous"]]) + "\\n")
"""
DEADLY = """
import os
if not os.path.exists("died"):
    open("died", "w")
    os.kill(os.getppid(), 9)
"""
POLICY = """
project = "toy"
[metrics]
goals = { "val/acc" = "max" }
[promote.prod]
better_than_current = "val/acc"
replicates = 3
branch = "main"
same_inputs = ["test"]
approvals = 1
on_promote = ["python hook.py", "false"]
[hooks]
on_demote = ["python hook.py"]
"""
ANN, BOB = {"EXPTRACK_AUTHOR": "ann"}, {"EXPTRACK_AUTHOR": "bob", "GIT_AUTHOR_EMAIL": "bob@example.org"}


@pytest.fixture
def team(tool: Tool) -> Tool:
    for name, text in {"train.py": TRAIN, "hook.py": HOOK, "exptrack.toml": POLICY, "test.csv": "1,2"}.items():
        tool.write(name, text)
    tool.env |= ANN
    return tool.committed()


def train(team: Tool, lr: float, *seeds: int, cwd: Path | None = None) -> str:
    """The id of the first of some seeds. `out/` is not ignored: what earlier runs left is no other code."""
    ids = []
    for seed in seeds:
        words = ("python", "train.py", "--lr", str(lr), "--seed", str(seed))
        team("run", "-q", "-i", "test=test.csv", "-o", "model=out/model.bin", "--", *words, cwd=cwd or team.folder)
        ids.append(team.json("show", "@")["id"])
    return str(ids[0])


def gates(verdict: dict) -> dict[str, bool]:
    return {g["gate"].split()[0]: g["passed"] for g in verdict["gates"]}


def told(team: Tool) -> list:
    path = team.folder / "told.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_from_the_first_seed_to_the_second_model(team: Tool, tmp_path: Path) -> None:
    # The first model needs a second person.
    first = train(team, 0.01, 1, 2)
    refused = team("promote", first, "prod", code=4)
    assert f"exptrack promote {first} prod --approve" in refused.stderr
    assert "ann's own" in team("promote", first, "prod", "--approve", code=4).stderr
    given = json.loads(team("promote", first, "prod", "--approve", "--reason", "seen", "--json", env=BOB).stdout)
    assert (given["passed"], given["approval"]["author"], given["current"]) == (True, "bob", None)
    before = sorted(os.walk(team.folder / ".exptrack" / "store"))
    assert "may be promoted" in team("promote", first, "prod", "--dry-run").stdout
    assert sorted(os.walk(team.folder / ".exptrack" / "store")) == before
    made = team("promote", first, "prod", "--json")
    done = json.loads(made.stdout)
    assert (done["sequence"], [h["exit_code"] for h in done["hooks"]]) == (1, [0, 1])
    assert "told of promote" in made.stderr
    assert "warning: the hook `false` exited with 1" in made.stderr
    assert team.json("promote", first, "prod")["hooks"] == []

    # A better rate, once: not enough. The hints name what is missing, and their commands work.
    second = train(team, 0.05, 1)
    hints = {g["gate"]: g["hint"] for g in team.json("promote", second, "prod", code=4)["gates"]}
    hint = hints["better_than_current val/acc"]
    again = "exptrack run -i test=test.csv -o model=out/model.bin -- python train.py --lr 0.05 --seed SEED"
    assert f"2 more of this configuration: `{again}`" in hint
    assert "1 more of the current run's configuration: `git worktree add DIR" in hint
    place = hint.partition("current run's configuration: `")[2].partition("`")[0]
    elsewhere = tmp_path / "elsewhere"
    for step in place.replace("DIR", str(elsewhere)).split(" && ")[:-1]:
        program, *words = step.split()
        if program == "exptrack":
            team(*words)
        elif program == "git":
            team.git(*words)
        else:
            os.symlink(*words[1:])
    train(team, 0.01, 7, cwd=elsewhere)
    train(team, 0.05, 2, 3)
    verdict = team.json("promote", second, "prod", "--dry-run", code=4)
    assert gates(verdict) | {"approvals": True} == dict.fromkeys(gates(verdict), True)
    better = next(g for g in verdict["gates"] if g["gate"].startswith("better"))
    assert "(3 seeds) against" in better["value"]
    assert "p = " in better["value"]

    # An approval is taken back, given again, and the model changes.
    team("promote", second, "prod", "--approve", env=BOB)
    team("promote", second, "prod", "--withdraw", env=BOB)
    team("promote", second, "prod", "--withdraw", env=BOB, code=1)
    team("promote", second, "prod", code=4)
    team("promote", second, "prod", "--approve", env=BOB)
    team("promote", second, "prod")
    assert team.json("rollback", "prod", "--reason", "odd")["run"] == first
    assert team.json("demote", "prod")["hooks"][0]["exit_code"] == 0
    assert told(team) == [
        ["promote", first, None],
        ["promote", second, first],
        ["rollback", first, second],
        ["demote", None, first],
    ]
    history = team.json("models", "prod")["history"]
    assert [g["value"] for g in history[1]["gates"] if g["gate"] == "approvals 1"] == ["bob"]

    # What the promotions rest on cannot be changed unseen.
    assert team.json("verify")["passed"]
    events = team.folder / ".exptrack" / "store" / "events"
    approval = next(p for p in sorted(events.iterdir()) if b'"approve"' in p.read_bytes())
    whole = approval.read_bytes()
    approval.chmod(0o600)
    approval.write_bytes(whole.replace(b'"bob"', b'"eve"'))
    assert [p["problem"] for p in team.json("verify", code=6)["problems"]] == ["altered, and prod@1 rests on it"]
    approval.write_bytes(whole)
    approval.rename(approval.with_suffix(".gone"))
    assert [p["problem"] for p in team.json("verify", code=6)["problems"]] == ["missing, and prod@1 rests on it"]


def test_a_branch_and_a_test_set_that_are_not_those_of_the_model(team: Tool) -> None:
    first = train(team, 0.01, 1)
    team("promote", first, "prod", "--approve", env=BOB)
    team("promote", first, "prod")
    team.git("checkout", "-q", "-b", "feature")
    team.write("test.csv", "3,4")
    team.git("commit", "-q", "-a", "-m", "another test set")
    unmet = [g for g in team.json("why", train(team, 0.02, 1), "prod", code=1)["gates"] if not g["passed"]]
    found = {g["gate"]: g["value"] for g in unmet}
    assert found["branch main"] == "only on feature"
    assert "same input test" in found


def test_one_thing_at_a_time(team: Tool) -> None:
    run = train(team, 0.01, 1)
    team("promote", run, "prod", "--approve", "--dry-run", code=2)
    team("promote", run, "prod", "--approve", "--withdraw", code=2)
    team("promote", "nobody", "prod", "--approve", code=3)
    assert "no [promote] table matches prd" in team("promote", run, "prd", "--approve", env=BOB).stderr


def test_a_hook_that_was_never_told_is_told_by_the_same_promotion_again(tool: Tool) -> None:
    """The first hook kills the promotion; as a CI job that is repeated, it is run again."""
    tool.write("deadly.py", DEADLY)
    tool.write("hook.py", HOOK)
    tool.write("exptrack.toml", '[hooks]\non_promote = ["python deadly.py", "python hook.py"]\n')
    tool("run", "-q", "--", "true")
    tool("promote", "@", "m", code=-signal.SIGKILL)
    assert tool.json("models", "m")["untold"] == ["python deadly.py", "python hook.py"]
    assert "not told of m@1: python hook.py  `exptrack promote" in tool("models", "m").stdout
    assert [f["text"] for f in tool.json("doctor", code=1) if f["subject"] == "hooks"] == [
        "not told of m@1: python deadly.py",
        "not told of m@1: python hook.py",
    ]
    again = tool.json("promote", "@", "m")
    assert (again["sequence"], [h["exit_code"] for h in again["hooks"]]) == (1, [0, 0])
    assert len(told(tool)) == 1
    assert tool.json("promote", "@", "m")["hooks"] == []
    assert (tool.json("models", "m")["untold"], tool.json("verify")["passed"]) == ([], True)
    assert not [f for f in tool.json("doctor") if f["subject"] == "hooks"]


def test_a_hook_that_promotes_is_told_once(tool: Tool) -> None:
    """A script that is called by hand and by the hook, or a CI job that was started twice."""
    tool.write("exptrack.toml", "[hooks]\non_promote = ['sh deploy.sh']\n")
    tool.write("deploy.sh", f"echo told >> told\ntest $(wc -l < told) -gt 3 || {EXPTRACK} promote @ m\n")
    tool("run", "-q", "--", "true")
    assert [h["exit_code"] for h in tool.json("promote", "@", "m")["hooks"]] == [0]
    assert (tool.folder / "told").read_text() == "told\n"
    assert tool.json("models", "m")["untold"] == []
