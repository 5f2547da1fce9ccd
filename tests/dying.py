"""Processes that die: at every single system call of a piece of code, or by SIGKILL after so many lines of output.

`die_at_every_step` runs the code once in a forked process for each call it makes to the operating system, and ends that
process with _exit instead of (or right after) the call. What is then on disk is what a crash at that point leaves. The
code sees `folder`, a fresh one for each step.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

# Exit codes of the forks: 77 died as planned, 0 came to the end.
HARNESS = """
import os, shutil, sys
code, top, when = compile(sys.argv[1], "code", "exec"), sys.argv[2], sys.argv[3]
setup = compile(sys.argv[5], "setup", "exec")
known = {}
exec(compile(sys.argv[4], "prelude", "exec"), known)
CALLS = ("open", "write", "fsync", "close", "link", "replace", "rename", "unlink", "mkdir", "rmdir", "fchmod",
         "ftruncate")

def arm(step):
    count = 0
    def wrap(real):
        def call(*args, **more):
            nonlocal count
            count += 1
            if count == step and when == "before":
                os._exit(77)
            out = real(*args, **more)
            if count == step:
                os._exit(77)
            return out
        return call
    for name in CALLS:
        setattr(os, name, wrap(getattr(os, name)))

step = 0
while True:
    step += 1
    folder = os.path.join(top, f"{when}-{step:03d}")
    os.mkdir(folder)
    pid = os.fork()
    if not pid:
        names = {**known, "folder": folder}
        exec(setup, names)
        arm(step)
        try:
            exec(code, names)
        except BaseException:
            import traceback
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status != 77:
        shutil.rmtree(folder)  # this one came to the end: nothing to see
        sys.exit(status)
"""


def die_at_every_step(code: str, top: Path, *, prelude: str = "", setup: str = "") -> list[Path]:
    """Folders that a crash at each step left behind, in order. `prelude` runs once and `setup` in each folder, without
    dying; their names are there in `code`. Fails if the code does."""
    top.mkdir(parents=True, exist_ok=True)
    for when in ("before", "after"):
        done = subprocess.run(
            [sys.executable, "-c", HARNESS, code, str(top), when, prelude, setup],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return sorted(top.iterdir())


def kill_after(code: str, lines: int, *arguments: str) -> list[str]:
    """Run `code` until it has printed so many lines, then SIGKILL; returns every line it got out."""
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = [process.stdout.readline().rstrip("\n") for _ in range(lines)]
    os.kill(process.pid, signal.SIGKILL)
    said += process.stdout.read().splitlines()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    return said


RACE = """
import sys
exec(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
exec(sys.argv[2])
"""


def race(prelude: str, code: str, count: int, *arguments: str) -> list[tuple[int, str]]:
    """`count` processes do `prelude`, wait for each other, then do `code` at once -> (exit code, what it printed) each.

    `sys.argv[3]` is the number of the process, the arguments follow."""
    go_read, go_write = os.pipe()
    command = [sys.executable, "-c", RACE, prelude, code]
    started = [
        subprocess.Popen([*command, str(i), *arguments], stdin=go_read, stdout=subprocess.PIPE, text=True)
        for i in range(count)
    ]
    os.close(go_read)
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    os.close(go_write)
    return [(process.wait(), said) for process in started for said in [process.communicate()[0]]]
