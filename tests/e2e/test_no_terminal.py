"""Without a terminal, or with one that goes away: cron, `ssh host exptrack run`, `nohup … &`, CI, a reader that leaves.

The same command line once bare and once behind exptrack; what can be seen from outside is equal, and there is a record.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drive import is_alive, wait_for
from screen import Screen
from tool import EXPTRACK, Tool

WAYS = {"bare": [], "wrapped": [EXPTRACK, "run", "-q", "--"]}

# What a training can see of where it stands, in one line; a failing write to a closed stream is part of it.
LOOK = """
import os, sys
def stream(fd):
    try:
        os.fstat(fd)
    except OSError as e:
        return e.strerror
    return "terminal" if os.isatty(fd) else "open"
streams = [stream(fd) for fd in range(3)]  # before a file is opened that gets a free number
with open("seen", "a") as f:
    print(streams, os.getpgrp() == os.getpid(), file=f)
if streams[1] == "open":
    os.write(1, b"step=1 loss=0.5\\n")
sys.exit(7)
"""


@pytest.fixture
def look(tool: Tool) -> list[str]:
    tool.write("look.py", LOOK)
    return [sys.executable, "look.py"]


@pytest.mark.parametrize(
    "redirect",
    ["<&-", "<&- >&- 2>&-", "< /dev/null > out 2>&1", "< /dev/null 2>&1 | cat > out", ">&- 2> err", "< /dev/null"],
)
def test_as_cron_and_batch_systems_start_it(tool: Tool, look: list[str], redirect: str) -> None:
    """A session without a terminal, an environment with next to nothing, streams closed or pointing anywhere."""
    env = {k: v for k, v in tool.env.items() if k in ("PATH", "HOME", "GIT_CONFIG_GLOBAL")}
    codes = []
    for words in WAYS.values():
        line = " ".join([*words, *look])
        done = subprocess.run(
            ["sh", "-c", f"{line} {redirect}"], cwd=tool.folder, env=env, capture_output=True, start_new_session=True
        )
        codes.append(done.returncode)
        assert b"Traceback" not in done.stderr
    assert codes[0] == codes[1]
    bare, wrapped = (tool.folder / "seen").read_text().splitlines()
    assert wrapped == bare
    run = tool.json("show", "@")
    assert (run["status"], run["exit_code"]) == ("failed", 7)
    assert ("loss" in run["metrics"]) == (bare.split(", ")[1] == "'open'")


@pytest.mark.parametrize(
    "locale", [{}, {"LANG": "C.UTF-8"}, {"LC_CTYPE": "C.UTF-8"}, {"LC_ALL": "C"}, {"LC_CTYPE": "C"}]
)
def test_the_environment_is_the_callers_and_three_variables(tool: Tool, locale: dict[str, str]) -> None:
    """Python sets LC_CTYPE for itself in the C locale; programs behind us sort as without us all the same."""
    env = {"ODD": "a=b\nc", **locale}
    bare, wrapped = (
        subprocess.run([*words, "/usr/bin/env", "-0"], cwd=tool.folder, env=env, capture_output=True, text=True)
        for words in WAYS.values()
    )
    given, seen = (dict(word.split("=", 1) for word in d.stdout.split("\0") if word) for d in (bare, wrapped))
    assert given == env
    ours = {name: seen.pop(name) for name in ("EXPTRACK_RUN_ID", "EXPTRACK_METRICS", "EXPTRACK_DIR")}
    assert all(ours.values())
    assert seen == env
    # Nor does the command of another rank see more than it was given.
    rank = subprocess.run(
        [*WAYS["wrapped"], "/usr/bin/env", "-0"], cwd=tool.folder, env=env | {"PMI_RANK": "1"}, capture_output=True
    )
    assert set(rank.stdout.decode().split("\0")) == {*bare.stdout.split("\0"), "PMI_RANK=1"}


def test_what_exptrack_says_never_gets_into_another_stream(tool: Tool) -> None:
    """Without a stderr it says nothing: not on stdout, and not in a file that got the number 2."""
    for line in ("exptrack run -- echo hi > out 2>&-", "exptrack show nobody > out 2>&-", "exptrack ls >&- 2> out"):
        done = subprocess.run(["sh", "-c", line], cwd=tool.folder, env=tool.env, capture_output=True)
        said = (tool.folder / "out").read_text()
        assert (done.returncode, said) == ((3, "") if "nobody" in line else (0, "hi\n" if "hi" in line else ""))
        assert (done.stdout, done.stderr) == (b"", b"")


# Its output is a pipe to somebody who may be gone: then it is ended by SIGPIPE, as every program is.
TALK = """
import os, signal, sys, time
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
with open("pid.tmp", "w") as f: f.write(str(os.getpid()))
os.rename("pid.tmp", "pid")
step = 0
while not os.path.exists("enough"):
    print(f"step={step} loss={1 / (step + 1)}", flush=True)
    step += 1
    time.sleep(0.005)
open("ended", "w").close()
"""


def pid_of(tool: Tool) -> int:
    path = tool.folder / "pid"
    wait_for(path.exists)
    pid = int(path.read_text())
    path.unlink()
    return pid


@pytest.mark.parametrize("way", WAYS)
def test_a_connection_that_is_lost_ends_it_as_without_us(tool: Tool, way: str) -> None:
    """`ssh host exptrack run …`: sshd gives pipes and no terminal, and closes them when the connection is gone."""
    tool.write("talk.py", TALK)
    words = [*WAYS[way], sys.executable, "talk.py"]
    shell = subprocess.Popen(
        ["sh", "-c", " ".join(words)],
        cwd=tool.folder,
        env=tool.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    pid = pid_of(tool)
    assert shell.stdout
    assert shell.stdout.readline() == b"step=0 loss=1.0\n"
    for stream in (shell.stdin, shell.stdout, shell.stderr):
        assert stream
        stream.close()
    wait_for(lambda: not is_alive(pid))
    shell.wait()
    assert not (tool.folder / "ended").exists()
    if way == "wrapped":
        wait_for(lambda: tool.json("show", "@")["status"] != "running")
        run = tool.json("show", "@")
        assert (run["status"], run["signal"]) == ("killed", "SIGPIPE")
        assert run["metrics"]["loss"]["count"] >= 1


@pytest.mark.parametrize("way", WAYS)
def test_nohup_in_the_background_outlives_the_terminal(tool: Tool, way: str) -> None:
    tool.write("talk.py", TALK)
    words = " ".join([*WAYS[way], sys.executable, "talk.py"])
    os.chdir(tool.folder)
    screen = Screen(["bash", "--norc", "--noprofile", "--noediting", "-i"], env={**tool.env, "PS1": "READY> "})
    screen.expect("READY> ")
    screen.type(f"nohup {words} > out 2>&1 &\n")
    pid = pid_of(tool)
    os.close(screen.ours)  # the window is closed; the shell hangs up on its jobs
    os.waitpid(screen.pid, 0)
    before = (tool.folder / "out").stat().st_size
    wait_for(lambda: (tool.folder / "out").stat().st_size > before)
    assert is_alive(pid)
    (tool.folder / "enough").touch()
    wait_for((tool.folder / "ended").exists)
    if way == "wrapped":
        wait_for(lambda: tool.json("show", "@")["status"] == "finished")
        assert (tool.folder / "out").read_text().endswith(tool("logs", "@").stdout)


@pytest.mark.parametrize("reader", ["head -n 3", "sed -n 3q", "true"])
def test_a_reader_that_leaves_ends_it_as_without_us(tool: Tool, reader: str) -> None:
    tool.write("talk.py", TALK)
    codes = []
    for words in WAYS.values():
        line = " ".join([*words, sys.executable, "talk.py"])
        script = f"{line} | {reader}; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", script], cwd=tool.folder, env=tool.env, capture_output=True, text=True)
        codes.append(done.stdout)
    assert codes[0] == codes[1]
    assert codes[1].endswith(f"{128 + signal.SIGPIPE}\n")
    assert tool.json("show", "@")["signal"] == "SIGPIPE"


def test_started_in_the_background_by_a_script_it_is_waited_for(tool: Tool, look: list[str]) -> None:
    line = " ".join([*WAYS["wrapped"], *look])
    script = f"{line} & a=$!; {line} & b=$!; wait $a; echo $?; wait $b; echo $?"
    done = subprocess.run(["sh", "-c", script], cwd=tool.folder, env=tool.env, capture_output=True, text=True)
    assert done.stdout.replace("step=1 loss=0.5\n", "") == "7\n7\n"
    assert [r["status"] for r in tool.json("ls")] == ["failed", "failed"]


def test_killed_as_a_ci_job_is(tool: Tool) -> None:
    """SIGTERM to the group, then SIGKILL: the record is sealed by whoever looks next."""
    tool.write("talk.py", TALK)
    with (tool.folder / "out").open("wb") as out:
        job = subprocess.Popen(
            ["sh", "-c", " ".join([*WAYS["wrapped"], sys.executable, "talk.py"])],
            cwd=tool.folder,
            env=tool.env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    pid = pid_of(tool)
    wait_for(lambda: (tool.folder / "out").stat().st_size > 100)
    os.killpg(job.pid, signal.SIGTERM)
    job.wait()
    wait_for(lambda: not is_alive(pid))
    wait_for(lambda: tool.json("show", "@")["status"] == "killed")
    assert tool.json("show", "@")["signal"] == "SIGTERM"
    assert Path(tool.folder / "out").read_text().startswith("step=0 ")
