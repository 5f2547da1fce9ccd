"""`plot` as it is used: in a pipe, in a terminal, of a run that goes on."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import subprocess
import sys

import pytest

from drive import wait_for
from screen import Screen
from tool import EXPTRACK, Tool

TRAIN = """
import sys
for step in range(100):
    train = float("nan") if step == 50 else 2 - step / 100
    print(f"step {step}: train loss {train:.4f}, val loss {2.5 - step / 50:.4f}")
"""
LIVE = """
import os, time
print("step 0: loss 3.5", flush=True)
print("step 1: loss 2.5", flush=True)
while not os.path.exists("go1"): time.sleep(0.01)
print("step 2: loss 1.5", flush=True)
while not os.path.exists("go2"): time.sleep(0.01)
print("step 3: loss 0.5", flush=True)
"""
BRAILLE = "[\u2801-\u28ff]"


@pytest.fixture
def trained(tool: Tool) -> Tool:
    tool.write("train.py", TRAIN)
    for name in ("a", "b"):
        tool("run", "-q", "-n", name, "--", sys.executable, "train.py")
    return tool


@pytest.fixture
def live(tool: Tool, monkeypatch: pytest.MonkeyPatch):
    """A run that waits for `go1` and `go2`."""
    monkeypatch.chdir(tool.folder)  # for programs on a Screen
    tool.write("live.py", LIVE)
    process = subprocess.Popen(
        [EXPTRACK, "run", "-q", "-n", "live", "--", sys.executable, "live.py"],
        cwd=tool.folder, env=tool.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for(lambda: list((tool.folder / ".exptrack").glob("live/*/process.json")))
    yield process
    for n in (1, 2):
        (tool.folder / f"go{n}").touch()
    process.communicate(timeout=30)


def test_a_pipe_gets_a_picture_and_no_escape_codes(trained: Tool) -> None:
    out = trained("plot", "train loss").stdout
    lines = out.splitlines()
    assert lines[0] == "train loss"
    assert len(lines) <= 24
    assert re.search(BRAILLE, out)
    assert "1 NaN left out" in out
    assert "1.01 at step 99" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("width", [40, 200])
def test_narrow_and_wide(trained: Tool, width: int) -> None:
    lines = trained("plot", "*loss", "a", "b", "--width", str(width), "--height", "30").stdout.splitlines()
    assert width - 2 <= max(map(len, lines)) <= width
    assert [sum(run in line for line in lines) for run in trained.run_ids()] == [2, 2]


def test_plain_characters_where_the_locale_asks_for_them(trained: Tool) -> None:
    assert trained("plot", "*loss", env={"LC_ALL": "C"}).stdout.isascii()


def test_log_smooth_and_axes(trained: Tool) -> None:
    assert trained("plot", "val loss", "--log", "--smooth", "0.9").stdout.startswith(
        "val loss, log scale, smoothed 0.9"
    )
    assert "time (s)" in trained("plot", "val loss", "--x", "time").stdout
    assert "axis" in trained("plot", "val loss", "--x", "bogus", code=2).stderr
    assert "smooth" in trained("plot", "val loss", "--smooth", "1.5", code=2).stderr


def test_json_and_csv_have_every_point(trained: Tool) -> None:
    (one,) = trained.json("plot", "train loss", "a")
    assert one["steps"] == list(range(100))
    assert one["values"][49:52] == [1.51, None, 1.49]
    assert one["not_finite"] == {"50": "nan"}
    rows = list(csv.DictReader(io.StringIO(trained("plot", "*loss", "a", "b", "--csv").stdout)))
    assert len(rows) == 400
    assert [r["value"] for r in rows if r["name"] == "b" and r["metric"] == "train loss"][50] == "nan"
    trained("plot", "val loss", "--json", "-f", code=2)


def test_what_is_not_there(trained: Tool) -> None:
    done = trained("plot", "los", code=3)
    assert done.stderr.startswith("error: no metric `los`")
    assert "train loss" in done.stderr
    trained("plot", "val loss", "nobody", code=3)
    trained("run", "-q", "-n", "other", "--", "echo", "step 1 val loss=0.5 acc=0.75")
    assert "b has no metric acc" in trained("plot", "acc", "b", "other").stderr


def test_a_running_run_is_read_by_another_process(tool: Tool, live: subprocess.Popen[bytes]) -> None:
    def values() -> list[float]:
        done = tool("plot", "loss", "live", "--json", code=None)
        return json.loads(done.stdout)[0]["values"] if done.returncode == 0 else []

    wait_for(lambda: values() == [3.5, 2.5])
    assert tool.json("show", "live")["metrics"]["loss"]["last"] == 2.5
    assert tool.json("ls")[0]["status"] == "running"
    assert "running" in tool("plot", "loss", "live").stdout
    (tool.folder / "go1").touch()
    wait_for(lambda: values() == [3.5, 2.5, 1.5])


def test_following_on_a_terminal_draws_over_itself_and_ends_with_the_run(
    tool: Tool, live: subprocess.Popen[bytes]
) -> None:
    with Screen([EXPTRACK, "plot", "loss", "live", "-f"], env=tool.env | {"TERM": "xterm"}) as screen:
        screen.expect("2.5 at step 1")
        (tool.folder / "go1").touch()
        before = screen.expect("1.5 at step 2")
        assert re.search(rb"\x1b\[\d+F", before)
        (tool.folder / "go2").touch()
        screen.expect("0.5 at step 3")
        after = screen.rest()
        assert screen.code == 0
    assert b"?25l" not in before + after
    assert b"1049" not in before + after


def test_ctrl_c_leaves_the_run_alone(tool: Tool, live: subprocess.Popen[bytes]) -> None:
    with Screen([EXPTRACK, "plot", "loss", "live", "-f"], env=tool.env | {"TERM": "xterm"}) as screen:
        screen.expect("2.5 at step 1")
        screen.type("\x03")
        assert b"Traceback" not in screen.rest()
        assert screen.code == 130
    assert live.poll() is None


def test_following_in_a_pipe_gives_the_last_picture_only(tool: Tool, live: subprocess.Popen[bytes]) -> None:
    follower = subprocess.Popen(
        [EXPTRACK, "plot", "loss", "live", "-f"], cwd=tool.folder, env=tool.env, stdout=subprocess.PIPE, text=True
    )
    for n in (1, 2):
        (tool.folder / f"go{n}").touch()
    out, _ = follower.communicate(timeout=30)
    assert follower.returncode == 0
    assert out.count("at step") == 1
    assert "0.5 at step 3" in out
    assert "\x1b" not in out


def test_a_follower_waits_for_a_metric_that_may_come(tool: Tool, live: subprocess.Popen[bytes]) -> None:
    with Screen([EXPTRACK, "plot", "accuracy", "live", "-f"], env=tool.env | {"TERM": "xterm"}) as screen:
        screen.expect("waiting for points of accuracy")
        for n in (1, 2):
            (tool.folder / f"go{n}").touch()
        screen.expect("error: no metric `accuracy`")
        screen.rest()
        assert screen.code == 3


def test_head_ends_it_quietly(trained: Tool) -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; '{EXPTRACK}' plot '*loss' --csv | head -1"],
        cwd=trained.folder, env=trained.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("run,name,metric")
    assert done.stderr == ""
    assert done.returncode in (0, -signal.SIGPIPE, 141)
