"""One hook: started, told on stdin, ended when it takes too long; never an error of ours."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exptrack.actions import hooks
from exptrack.actions.hooks import run_hook

WAIT = 60.0


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def test_a_hook_reads_what_it_is_told_in_the_folder_it_is_told(tmp_path):
    code = "import sys, os; open('told', 'w').write(sys.stdin.read() + os.getcwd())"
    done = run_hook(python(code), b'{"a": 1}\n', str(tmp_path), WAIT)
    assert (done.exit_code, done.problem, done.seconds > 0) == (0, "", True)
    assert (tmp_path / "told").read_text() == '{"a": 1}\n' + os.path.realpath(tmp_path)


def test_without_an_operator_there_is_no_shell(tmp_path):
    run_hook("touch 'a; b' $HOME '*' '#'", b"", str(tmp_path), WAIT)
    assert sorted(os.listdir(tmp_path)) == ["#", "$HOME", "*", "a; b"]


@pytest.mark.parametrize(
    "command", ["cat > told", "cat>told", "cat | tee told", "cd . && cat > told", "(cat; true) >told"]
)
def test_a_line_for_a_shell_is_read_by_one(tmp_path, command):
    done = run_hook(command, b"{}", str(tmp_path), WAIT)
    assert (done.exit_code, done.problem) == (0, "")
    assert (tmp_path / "told").read_text() == "{}"


def test_a_hook_that_reads_nothing_is_no_problem(tmp_path):
    done = run_hook("true", b"x" * 1_000_000, str(tmp_path), WAIT)
    assert (done.exit_code, done.problem) == (0, "")


@pytest.mark.parametrize(
    ("command", "code", "problem"),
    [
        ("false", 1, "exited with 1"),
        (python("import os; os.kill(os.getpid(), 9)"), None, "was ended by SIGKILL"),
        ("./not-there", None, "could not be started: No such file or directory"),
        ("/", None, "could not be started: Permission denied"),
    ],
)
def test_how_it_can_go_wrong(tmp_path, command, code, problem):
    done = run_hook(command, b"", str(tmp_path), WAIT)
    assert (done.command, done.exit_code, done.problem) == (command, code, problem)


def test_what_it_prints_goes_to_stderr(tmp_path, capfd):
    run_hook(python("import sys; print('out'); print('err', file=sys.stderr)"), b"", str(tmp_path), WAIT)
    out, err = capfd.readouterr()
    assert (out, sorted(err.split())) == ("", ["err", "out"])


def gone(pid: int) -> bool:
    """Dead, or dead and not yet waited for by whoever has it now."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_one_that_takes_too_long_goes_with_what_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr(hooks, "GRACE", 0.2)
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "time.sleep(600)\n"
    )
    done = run_hook(python(code), b"", str(tmp_path), 2.0)
    assert (done.exit_code, done.problem) == (None, "took longer than 2 s and was ended")
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        end = time.monotonic() + WAIT
        while not gone(pid) and time.monotonic() < end:
            os.sched_yield()
        assert gone(pid)


def test_ctrl_c_ends_the_hook_too(tmp_path, monkeypatch):
    real = subprocess.Popen.communicate

    def interrupted(child, *words):
        while not (tmp_path / "pid").exists():
            os.sched_yield()
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    code = "import os, time; open('p', 'w').write(str(os.getpid())); os.rename('p', 'pid'); time.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        run_hook(python(code), b"", str(tmp_path), WAIT)
    monkeypatch.setattr(subprocess.Popen, "communicate", real)
    assert gone(int((tmp_path / "pid").read_text()))
