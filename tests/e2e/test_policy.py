"""The policy at the start, as a person and as CI meet it: refused, defaulted from git, passed by with a reason."""

from __future__ import annotations

import json
import sys

import pytest

from tool import Tool

POLICY = """
[tags]
owner = "$git"
[require]
tags = ["owner", "intent"]
name = '^[a-z-]+$'
[require.allowed]
intent = ["baseline", "ablation", "release"]
owner = '^[a-z.]+$'
[require.end]
metrics = ["val/acc"]
"""
BYPASS = POLICY.replace("[require]\n", "[require]\nbypass = true\n")


@pytest.fixture
def strict(tool: Tool) -> Tool:
    tool.write("exptrack.toml", POLICY)
    tool.write("train.py", "open('ran', 'w')\nprint('val/acc: 0.9')\n")
    return tool.committed()


def test_a_wrong_value_starts_nothing_and_the_right_one_is_named(strict: Tool) -> None:
    done = strict("run", "-n", "a", "-t", "intent=basline", "--", sys.executable, "train.py", code=125)
    assert "the tag intent is 'basline', not one of baseline, ablation, release (did you mean baseline?)" in done.stderr
    assert "-t intent=baseline" in done.stderr
    assert not (strict.folder / "ran").exists()
    strict("run", "-n", "a", "-t", "intent=baseline", "--", sys.executable, "train.py")
    run = strict.json("show", "@")
    assert (run["status"], run["tags"]) == ("finished", {"intent": "baseline", "owner": "t"})


def test_strict_wants_what_is_declared(tool: Tool) -> None:
    """Without it a missing output is told; with it the run lacks something, and the exit code says so."""
    tool("run", "-o", "model=gone.pt", "--", "true")
    assert tool.json("show", "@")["status"] == "finished"
    tool("run", "--strict", "-o", "model=gone.pt", "-o", "seed=there", "--", "touch", "there", code=4)
    run = tool.json("show", "@")
    assert (run["status"], run["missing"]) == ("incomplete", ["output model"])
    tool("run", "--strict", "-o", "model=gone.pt", "--", "false", code=1)
    tool("run", "--strict", "-o", "model=made.pt", "--", "touch", "made.pt")
    assert tool.json("show", "@")["status"] == "finished"


def test_strict_wants_each_of_a_kind(tool: Tool) -> None:
    two = ["-o", "./out/", "-o", "model=a.pt", "-o", "~/b.pt", "-o", "model=b.pt"]
    done = tool("run", "--strict", *two, "--", "sh", "-c", "mkdir out; touch out/x a.pt", code=4)
    assert "the policy wants" not in done.stderr
    missing = tool.json("show", "@")["missing"]
    assert missing == [f"output output={tool.env['HOME']}/b.pt", "output model=b.pt"]
    tool("run", "--strict", *two, "--", "sh", "-c", "touch ~/b.pt b.pt")
    assert tool.json("show", "@")["missing"] == []


def test_what_is_said_later_is_held_to_the_same_values(strict: Tool) -> None:
    code = "import exptrack\nexptrack.tags(intent='relase', data='v2')\nprint('val/acc: 0.9')\n"
    strict.write("says.py", code)
    strict("run", "-n", "a", "-t", "intent=ablation", "--", sys.executable, "says.py")
    run = strict.json("show", "@")
    assert (run["status"], run["tags"]) == ("finished", {"intent": "ablation", "data": "v2", "owner": "t"})
    assert any("did you mean release?" in w for w in run["warnings"])
    assert "did you mean release?" in strict("tag", "@", "intent=relase", code=4).stderr
    strict("tag", "@", "intent=release")
    assert strict.json("show", "@")["tags"]["intent"] == "release"


def test_no_way_around_where_the_policy_has_none(strict: Tool) -> None:
    done = strict("run", "--no-policy", "trying", "--", sys.executable, "train.py", code=125)
    assert "[require] bypass = true" in done.stderr
    assert not (strict.folder / "ran").exists()


def test_passed_by_with_a_reason_recorded_and_not_promotable(strict: Tool) -> None:
    strict.write("exptrack.toml", BYPASS)
    strict("run", "--no-policy", "--", sys.executable, "train.py", code=125)
    strict("run", "--no-policy= ", "--", sys.executable, "train.py", code=125)
    strict("run", "--no-policy", "does it fit into memory?", "--", "true")
    run = strict.json("show", "@")
    # Nothing is asked of it, at the end neither.
    assert (run["status"], run["missing"]) == ("finished", [])
    assert run["policy_bypassed"] == "does it fit into memory?"
    assert "without policy  does it fit into memory?" in strict("show", "@").stdout
    assert [r["id"] for r in strict.json("ls", "policy_bypassed!=")] == [run["id"]]
    done = strict("promote", "@", "churn", code=4)
    assert "policy: passed by: does it fit into memory?" in done.stderr
    strict.write("exptrack.toml", BYPASS + "[promote.sandbox]\nbypassed = true\n")
    strict("promote", "@", "churn", code=4)
    strict("promote", "@", "sandbox")


def test_the_policy_explains_itself(strict: Tool) -> None:
    strict.write("exptrack.toml", BYPASS)
    text = strict("policy", "explain").stdout
    for words in ("tag intent: one of baseline, ablation, release", "owner=t", "--no-policy REASON"):
        assert words in text
    strict("policy", "check")
    strict.write("exptrack.toml", POLICY.replace('"$git"', '"$user"'))
    assert 'has "$git" and no other value with a $' in strict("policy", "check", code=2).stderr


def test_a_run_that_is_continued_has_still_passed_the_policy_by(strict: Tool) -> None:
    strict.write("exptrack.toml", BYPASS)
    strict("run", "--no-policy", "trying", "--", "false", code=1)
    met = ("-n", "a", "-t", "intent=baseline")
    strict("run", "--resume", "@", *met, "--", sys.executable, "train.py")
    assert strict.json("show", "@")["policy_bypassed"] == "trying"
    assert "policy" in strict("why", "@", "churn", code=1).stdout
    strict("run", "--no-policy", "trying again", "--", "false", code=1)
    strict.write("exptrack.toml", POLICY)
    assert "[require] bypass" in strict("run", "--resume", "@", *met, "--", "true", code=125).stderr


def test_what_will_be_missing_is_said_before_hours_of_training(tool: Tool) -> None:
    tool.write("exptrack.toml", '[require.end]\noutputs = ["model", "tokenizer"]\n')
    tool.write("train.py", "print('ran')\n")
    tool.write("here.csv", "1")
    inputs = ["-i", "train=nope.csv", "-i", "here.csv", "-i", "many=*.parquet"]
    done = tool("run", *inputs, "-o", "model=m.bin", "--", sys.executable, "train.py")
    assert done.stdout == "ran\n"
    first, last = done.stderr.splitlines()
    assert first.startswith("exptrack: recording ")
    assert first.split(" · ")[1:] == [
        "warning: the policy wants output tokenizer; no -o tokenizer=… was given: "
        'say exptrack.artifact("tokenizer", PATH) or the run will be incomplete',
        "warning: input train: nothing at nope.csv",
    ]
    assert last.startswith("exptrack: incomplete ")
    # A later attempt may have what the attempts before left.
    assert "the policy wants" not in tool("run", "--resume", "@", "--", sys.executable, "train.py").stderr
    assert "warning" not in tool("run", "-q", *inputs, "--", sys.executable, "train.py").stderr


def test_hooks_at_the_top_of_the_file_are_those_of_every_model(tool: Tool) -> None:
    tool.write("exptrack.toml", 'on_promote = ["cat > told.json"]\n[hooks]\non_promote = ["touch second"]\n')
    tool("run", "-q", "--", "true")
    tool("promote", "@", "churn")
    assert json.loads((tool.folder / "told.json").read_text())["model"] == "churn"
    assert (tool.folder / "second").exists()
