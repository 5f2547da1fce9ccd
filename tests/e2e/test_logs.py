"""`logs` and `logs -f`: every byte, in order, of runs that are over, that go on, and that end while somebody looks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from drive import wait_for
from tool import EXPTRACK, Tool

TOKEN = "ghp_" + "a1B2c3D4e5" * 4


class Live:
    """A run that goes from stage to stage as files `go1`, `go2`, ... appear; `at1`, ... say that it waits there."""

    def __init__(self, tool: Tool, stages: list[str]) -> None:
        self.folder = tool.folder
        lines = ["import os, sys, time", "out, err = sys.stdout.buffer, sys.stderr.buffer"]
        for n, stage in enumerate(stages):
            if n:
                lines.append(f"open('at{n}', 'w').close()")
                lines.append(f"while not os.path.exists('go{n}'): time.sleep(0.01)")
            lines += [stage, "out.flush(); err.flush()"]
        tool.write("live.py", "\n".join(lines))
        self.process = subprocess.Popen(
            [EXPTRACK, "run", "-q", "-n", "live", "--", sys.executable, "live.py"],
            cwd=tool.folder,
            env=tool.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.wait(1)

    def wait(self, stage: int) -> None:
        wait_for((self.folder / f"at{stage}").exists, f"stage {stage}")

    def go(self, stage: int) -> None:
        (self.folder / f"go{stage}").touch()

    def end(self) -> None:
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0


class Reader:
    """`exptrack logs -f` into a pipe."""

    def __init__(self, tool: Tool, *words: str) -> None:
        self.process = subprocess.Popen(
            [EXPTRACK, "logs", "live", "-f", *words],
            cwd=tool.folder,
            env=tool.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def line(self) -> bytes:
        assert self.process.stdout
        return self.process.stdout.readline()

    def rest(self) -> bytes:
        out, err = self.process.communicate(timeout=30)
        assert (self.process.returncode, err) == (0, b"")
        return out


@pytest.fixture
def logs_of(tool: Tool):
    def read(*words: str) -> bytes:
        return subprocess.run(
            [EXPTRACK, "logs", *words], cwd=tool.folder, env=tool.env, capture_output=True, check=True
        ).stdout

    return read


BOTH = r"""
import sys, time
for n in range(20):
    for stream in (sys.stdout, sys.stderr):
        print(stream.name, n, file=stream, flush=True)
        time.sleep(0.002)
"""


def test_both_streams_come_in_order_and_each_alone(tool: Tool, logs_of) -> None:
    tool.write("both.py", BOTH)
    done = tool("run", "-q", "--", sys.executable, "both.py")
    assert logs_of("@", "--stream", "stdout").decode() == done.stdout
    assert logs_of("@", "--stream", "stderr").decode() == done.stderr
    both = logs_of("@").decode().splitlines()
    assert sorted(both) == sorted((done.stdout + done.stderr).splitlines())
    assert [line for line in both if "stdout" in line] == done.stdout.splitlines()
    assert both != done.stdout.splitlines() + done.stderr.splitlines()
    assert "no stream out" in tool("logs", "@", "--stream", "out", code=2).stderr


def test_bytes_are_bytes(tool: Tool, logs_of) -> None:
    data = bytes(range(256)) * 5000 + b"\xff\x00no newline"
    (tool.folder / "data").write_bytes(data)
    run = [EXPTRACK, "run", "-q", "--", "cat", "data"]
    subprocess.run(run, cwd=tool.folder, env=tool.env, stdout=subprocess.DEVNULL, check=True)
    assert logs_of("@") == data
    assert logs_of("@", "-f") == data


def test_secrets_are_masked_while_the_run_goes_on_and_afterwards(tool: Tool, logs_of) -> None:
    live = Live(tool, [f"out.write(b'token {TOKEN[:20]}'); out.flush(); out.write(b'{TOKEN[20:]} ok\\n')", ""])
    reader = Reader(tool)
    wanted = b"token [redacted] ok\n"
    assert reader.line() == wanted
    assert logs_of("live") == wanted
    live.go(1)
    live.end()
    assert reader.rest() == b""
    assert logs_of("live") == wanted


def test_following_shows_what_comes_and_the_last_of_it(tool: Tool) -> None:
    tail = "for n in range(50000): out.write(b'line %d\\n' % n)\nout.write(b'and no newline')"
    live = Live(tool, ["out.write(b'begin\\n')", "err.write(b'warn\\n')", tail])
    reader = Reader(tool)
    assert reader.line() == b"begin\n"
    live.go(1)
    assert reader.line() == b"warn\n"
    live.go(2)
    live.end()
    assert reader.rest() == b"".join(b"line %d\n" % n for n in range(50000)) + b"and no newline"


def test_following_one_stream(tool: Tool) -> None:
    live = Live(tool, ["out.write(b'begin\\n'); err.write(b'warn\\n')", "out.write(b'end\\n'); err.write(b'bye\\n')"])
    reader = Reader(tool, "--stream", "stderr")
    assert reader.line() == b"warn\n"
    live.go(1)
    live.end()
    assert reader.rest() == b"bye\n"


def test_a_stopped_follower_misses_nothing_when_the_run_is_sealed_meanwhile(tool: Tool) -> None:
    """The directory goes while the follower holds its files; it finds the end in them."""
    import signal

    live = Live(tool, ["out.write(b'begin\\n')", "out.write(b'end\\n')"])
    reader = Reader(tool)
    assert reader.line() == b"begin\n"
    reader.process.send_signal(signal.SIGSTOP)
    live.go(1)
    live.end()
    assert not os.listdir(tool.folder / ".exptrack" / "live")
    reader.process.send_signal(signal.SIGCONT)
    assert reader.rest() == b"end\n"


def test_a_reader_that_went_away_ends_the_following_even_when_nothing_is_printed(tool: Tool) -> None:
    live = Live(tool, ["out.write(b'begin\\n')", ""])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; '{EXPTRACK}' logs live -f | head -1"],
        cwd=tool.folder, env=tool.env, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == (b"begin\n", b"", 141)
    live.go(1)
    live.end()


def test_ctrl_c_ends_the_following_and_not_the_run(tool: Tool) -> None:
    import signal

    live = Live(tool, ["out.write(b'begin\\n')", ""])
    reader = Reader(tool)
    reader.line()
    reader.process.send_signal(signal.SIGINT)
    assert reader.process.communicate(timeout=30) == (b"", b"")
    assert reader.process.returncode == 130
    live.go(1)
    live.end()


def test_a_log_that_is_not_in_the_store_is_said(tool: Tool) -> None:
    tool("run", "-q", "--", "echo", "hello")
    for path in Path(tool.folder / ".exptrack" / "store" / "objects").rglob("*"):
        if path.is_file() and path.read_bytes() == b"hello\n":
            path.unlink()
    assert "not in the store" in tool("logs", "@", code=6).stderr
