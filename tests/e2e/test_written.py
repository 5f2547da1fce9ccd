"""Outputs that a run has not written, inputs that it has: what lies there from before is kept, and nobody is misled."""

from __future__ import annotations

import os
import sys

import pytest

from tool import Tool

TRAIN = """
import os, sys
print("val/acc: 0.9")
if sys.argv[1] == "oops":
    sys.exit(3)
if sys.argv[1] != "idle":
    os.makedirs("out", exist_ok=True)
    open("out/model.bin", "w").write(sys.argv[1])
"""


@pytest.fixture
def trained(tool: Tool) -> Tool:
    """One run has written its model, this very moment."""
    tool.write("train.py", TRAIN)
    tool.write(".gitignore", "out\n")
    tool.committed()
    train(tool, "0.1")
    return tool


def train(tool: Tool, word: str, code: int = 0) -> str:
    """Run it; what it says on stderr."""
    words = ("run", "-o", "model=out/model.bin", "--", sys.executable, "train.py", word)
    return tool(*words, code=code).stderr


def test_a_crashed_run_of_a_loop_does_not_pass_for_the_author_of_the_model_before(trained: Tool) -> None:
    assert "not written by this run: model" in train(trained, "oops", code=3)
    run = trained.json("show", "@")
    assert (run["status"], [a["older"] for a in run["artifacts"]]) == ("failed", [True])
    assert any("was not written by this run" in w for w in run["warnings"])
    assert [line for line in trained("show", "@").stdout.splitlines() if "not written by this run" in line]
    assert [a["older"] for a in trained.json("show", "@~1")["artifacts"]] == [False]


def test_a_run_that_only_finds_its_output_is_finished_and_the_gates_note_it(trained: Tool) -> None:
    assert "not written by this run: model" in train(trained, "idle")
    assert trained.json("show", "@")["status"] == "finished"
    gates = {g["gate"]: g for g in trained.json("why", "@", "churn")["gates"]}
    assert (gates["written by this run"]["passed"], gates["written by this run"]["value"]) == (
        True,
        "no: out/model.bin",
    )
    assert "out/model.bin" in trained("promote", "@", "churn").stdout
    assert "written by this run" not in trained("why", "@~1", "churn").stdout


def test_the_policy_makes_such_an_output_a_missing_one(trained: Tool) -> None:
    trained.write("exptrack.toml", "[require.end]\nwritten = true\n")
    assert "every kind of output written by the run itself" in trained("policy", "explain").stdout
    trained("policy", "check")
    said = train(trained, "idle")
    assert "missing: output model, written by this run" in said
    assert trained.json("show", "@")["status"] == "incomplete"
    trained("promote", "@", "churn", code=4)
    train(trained, "0.2")
    assert trained.json("show", "@")["status"] == "finished"


def test_what_an_earlier_attempt_wrote_is_the_runs_own(trained: Tool) -> None:
    run = trained.json("show", "@")["id"]
    trained("run", "--resume", run, "--", sys.executable, "train.py", "idle")
    assert [a["older"] for a in trained.json("show", run)["artifacts"]] == [False]


def test_an_input_that_the_program_itself_rewrites_is_told(tool: Tool) -> None:
    tool.write("data.csv", "1,2\n")
    tool("run", "-i", "train=data.csv", "--", "cat", "data.csv")
    assert tool.json("show", "@")["warnings"] == []
    tool("run", "-i", "train=data.csv", "--", "sh", "-c", "echo 3,4 > data.csv")
    (warning,) = (w for w in tool.json("show", "@")["warnings"] if "input" in w)
    assert "train: data.csv changed after the run began" in warning
    os.utime(tool.folder / "data.csv", (2e9, 2e9))  # as out of an archive from a clock that was ahead
    tool("run", "-i", "train=data.csv", "--", "cat", "data.csv")
    assert tool.json("show", "@")["warnings"] == []


def test_the_weights_of_the_run_before_are_no_code_of_the_next(tool: Tool) -> None:
    """Untracked where the next run declares them: they would make it dirty, count as code, and stay for ever."""
    tool.write("train.py", "import sys\nopen('m.bin', 'w').write(sys.argv[1] * 1000)\nopen('c.yaml', 'a').close()\n")
    tool.committed()
    kept = ("-o", "model=m.bin", "-o", "config=c.yaml", "--", sys.executable, "train.py")
    for number in ("1", "2"):
        tool("run", "-q", *kept, number)
    code = tool.json("show", "@")["code"]
    assert code["untracked"] == ["c.yaml"]
    tool("run", "-q", "-o", "*.bin", "--", sys.executable, "train.py", "4")
    assert tool.json("show", "@")["code"]["untracked"] == ["c.yaml"]
    tool.git("add", "-f", "m.bin")
    tool("run", "-q", *kept, "5")
    assert "m.bin" in tool.json("show", "@")["code"]["changed"]


def test_what_people_write_stays_code_in_a_folder_of_weights(tool: Tool) -> None:
    tool.committed()
    for name in ("sub/out/m.pt", "sub/out/tokenizer.json", "sub/out/train.py", "sub/notes.txt", "out/other.pt"):
        tool.write(name, "x")
    tool("run", "-q", "-o", "model=out", "--", "true", cwd=tool.folder / "sub")
    code = tool.json("show", "@")["code"]
    assert code["untracked"] == ["out/other.pt", "sub/notes.txt", "sub/out/train.py"]
    tool("run", "-q", "-o", "model=.", "-o", "model=../out", "--", "true", cwd=tool.folder / "sub")
    assert len(tool.json("show", "@")["code"]["untracked"]) == 4


def test_retention_lets_the_weights_go_that_lay_beside_the_code(tool: Tool) -> None:
    tool.write("exptrack.toml", '[retention]\nwindow = "0d"\nkeep = ["promoted"]\n')
    tool.committed()
    for number in ("1", "2", "3"):
        tool("run", "-q", "-n", f"n{number}", "-o", "model=m.bin", "--", "sh", "-c", f"echo {number} > m.bin")
    tool("promote", "n2", "churn")
    tool("gc", "--apply")
    for name, code in (("n1", 6), ("n2", 0), ("n3", 6)):
        tool("get", name, "-o", name, code=code)
    assert tool.json("verify")["passed"]
