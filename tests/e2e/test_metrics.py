"""Metrics of programs that know nothing of exptrack: printed, written to files, by several processes at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tool import EXPTRACK, Tool

BOTH = """
import os
os.makedirs("logs/v0")
with open("logs/v0/metrics.csv", "w") as file:
    file.write("step,val acc,train_loss\\n")
    for i in range(5):
        file.write(f"{i},{i / 7!r},{1 / (i + 3)!r}\\n")
        print(f"step {i}: val_acc {i / 7:.2f} lr {0.1 / (i + 1):.4f}")
open("data.csv", "w").write("id,price,score\\n1,2,3\\n")
"""


def metrics(tool: Tool, run: str = "@") -> dict[str, tuple[float, int, str]]:
    return {n: (m["last"], m["count"], m["source"]) for n, m in tool.json("show", run)["metrics"].items()}


def test_a_file_tells_more_than_what_is_printed(tool: Tool) -> None:
    tool.write("t.py", BOTH)
    tool("run", "--", "python", "t.py")
    assert metrics(tool) == {
        "val_acc": (4 / 7, 5, "file:logs/v0/metrics.csv"),
        "train_loss": (1 / 7, 5, "file:logs/v0/metrics.csv"),
        "lr": (0.02, 5, "stdout"),
    }
    assert "file:logs/v0/metrics.csv" in tool("show", "@").stdout


@pytest.mark.parametrize(("code", "last"), [(0, 0.25), (3, 0.5)])
def test_a_last_row_without_its_line_feed_counts_after_a_good_end(tool: Tool, code: int, last: float) -> None:
    tool.write("t.sh", f"printf 'step,loss\\n1,0.5\\n2,0.25' > m.csv; exit {code}\n")
    tool("run", "--metrics", "m.csv", "--", "sh", "t.sh", code=code)
    assert metrics(tool)["loss"][0] == last


@pytest.mark.parametrize("how", ["option", "policy"])
def test_the_search_can_be_turned_off(tool: Tool, how: str) -> None:
    tool.write("t.py", BOTH)
    if how == "policy":
        tool.write("exptrack.toml", "[metrics]\nauto = false\n")
    tool("run", *(["--no-auto"] if how == "option" else []), "--", "python", "t.py")
    assert {source for *_, source in metrics(tool).values()} == {"stdout"}
    tool("run", "--no-auto", "--metrics", "logs", "--", "sh", "-c", "rm -r logs && python t.py")
    assert metrics(tool)["train_loss"] == (1 / 7, 5, "file:logs/v0/metrics.csv")


def test_names_of_the_policy_count_for_every_source(tool: Tool) -> None:
    tool.write("t.py", BOTH)
    policy = """
[require.end]
metrics = ["val/acc"]
[metrics]
ignore = ["lr"]
rename = { train_loss = "nll" }
"""
    tool.write("exptrack.toml", policy)
    tool("run", "--strict", "--", "python", "t.py")
    assert set(metrics(tool)) == {"val/acc", "nll"}


def test_a_second_run_tells_its_own_rows_only(tool: Tool) -> None:
    code = "import sys; open('log.csv', sys.argv[1]).write(sys.argv[2])"
    tool("run", "--", "python", "-c", code, "w", "epoch,loss\n1,0.5\n2,0.4\n")
    assert metrics(tool)["loss"][:2] == (0.4, 2)
    tool("run", "--", "python", "-c", code, "a", "3,0.3\n")
    assert metrics(tool)["loss"][:2] == (0.3, 1)
    tool("run", "--", "python", "-c", code, "w", "epoch,loss\n1,0.6\n2,0.7\n")
    assert metrics(tool)["loss"][:2] == (0.7, 2)
    tool("run", "--", "true")
    assert metrics(tool) == {}


def test_sagemakers_definitions_and_a_pattern_that_never_ends(tool: Tool) -> None:
    tool.write("own.json", json.dumps([{"Name": "validation:rmse", "Regex": r"RMSE is ([0-9.]+)!"}]))
    tool.write(
        "exptrack.toml", "[[metrics.definitions]]\nName = 'bad'\nRegex = '(a+)+b([0-9])'\n[metrics]\nauto = false\n"
    )
    code = "print('RMSE is 3.5!'); print('a' * 60); print('RMSE is 2.5!'); print('epoch 3 loss=0.5')"
    tool("run", "--metric", "own.json", "--", "python", "-c", code)
    found = tool.json("show", "@")
    assert found["metrics"]["validation:rmse"]["last"] == 2.5
    assert found["metrics"]["validation:rmse"]["count"] == 2
    assert found["metrics"]["loss"]["last"] == 0.5
    assert any("'bad' took too long" in warning for warning in found["warnings"])


@pytest.mark.parametrize("pattern", ["x=(", "x=no group", "none.json", "t.py.json"])
def test_a_pattern_that_cannot_be_used_starts_nothing(tool: Tool, pattern: str) -> None:
    tool.write("t.py.json", '{"Name": "x"}')
    refused = tool("run", "--metric", pattern, "--", "touch", "started", code=125)
    assert "error: " in refused.stderr
    assert not (tool.folder / "started").exists()


RANK = """
import os, sys
rank = int(sys.argv[1])
for step in range(200):
    text = f"[rank{rank}]: step {step} loss={rank + step / 1000:.4f} grad_norm={step}.5\\n"
    os.write(1, text.encode())
"""
LAUNCH = """
import subprocess, sys
ranks = [subprocess.Popen([sys.executable, "rank.py", str(i)]) for i in range(4)]
sys.exit(max(p.wait() for p in ranks))
"""


def test_ranks_that_print_at_once_are_kept_apart(tool: Tool) -> None:
    tool.write("rank.py", RANK)
    tool.write("launch.py", LAUNCH)
    tool("run", "--", "python", "launch.py")
    found = {n: m for n, m in metrics(tool).items() if n.endswith("loss")}
    expected = {"loss" if not r else f"rank{r}/loss": (r + 0.199, 200, "stdout") for r in range(4)}
    assert found == expected


def test_another_process_sees_the_points_while_the_run_goes_on(tool: Tool) -> None:
    """`exptrack.log`, a printed line and a file; the program waits until a reader has seen all three."""
    code = """
import os, time, exptrack
exptrack.log(step=1, a_loss=0.5)
print("step 1 b_loss=0.25", flush=True)
open("metrics.csv", "w").write("step,c_loss\\n1,0.125\\n")
while not os.path.exists("seen"):
    time.sleep(0.02)
"""
    tool.write("t.py", code)
    run = subprocess.Popen(
        [EXPTRACK, "run", "--", sys.executable, "t.py"],
        cwd=tool.folder,
        env=tool.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        live: dict[str, object] = {}
        while len(live) < 3 and run.poll() is None:
            runs = json.loads(tool("ls", "--json").stdout)
            live = runs[0]["metrics"] if runs else {}
        assert set(live) == {"a_loss", "b_loss", "c_loss"}
        assert runs[0]["status"] == "running"
    finally:
        (tool.folder / "seen").touch()
        assert run.wait() == 0


def test_a_hundred_thousand_names_are_capped_with_one_warning(tool: Tool) -> None:
    code = 'import json\nfor i in range(100000): print(json.dumps({"step": 1, f"loss{i}": 0.5}))'
    tool("run", "--", "python", "-c", code)
    found = tool.json("show", "@")
    assert 0 < len(found["metrics"]) <= 10_000
    assert len([w for w in found["warnings"] if "names" in w]) == 1


def test_binary_and_a_line_without_end_cost_no_metric(tool: Tool) -> None:
    code = """
import sys
out = sys.stdout.buffer
out.write(bytes(range(256)) * 2000)
for _ in range(64):
    out.write(b"x" * (1 << 20))
out.write(b"\\nstep 1 loss=0.5\\n")
"""
    tool.write("t.py", code)
    with open(os.devnull, "wb") as null:
        done = subprocess.run(
            [EXPTRACK, "run", "-q", "--", sys.executable, "t.py"], cwd=tool.folder, env=tool.env, stdout=null
        )
    assert done.returncode == 0
    assert metrics(tool)["loss"] == (0.5, 1, "stdout")


def test_a_thousand_folders_of_data_hide_no_metrics(tool: Tool) -> None:
    for i in range(1000):
        Path(tool.folder / "data" / str(i)).mkdir(parents=True)
        tool.write(f"data/{i}/rows.csv", "id,score\n1,2\n")
    tool.write(".gitignore", "data/\n")
    tool.write("t.py", BOTH)
    tool("run", "--", "python", "t.py")
    assert metrics(tool)["train_loss"][1:] == (5, "file:logs/v0/metrics.csv")


def test_per_cents_keep_their_number_and_say_their_unit(tool: Tool) -> None:
    tool("run", "--", "echo", "epoch 3 val/acc=98.3% loss=0.5")
    metrics = tool.json("show", "@")["metrics"]
    assert (metrics["val/acc"]["last"], metrics["val/acc"]["unit"]) == (98.3, "%")
    assert metrics["loss"]["unit"] is None
    assert "val/acc %" in tool("show", "@").stdout
