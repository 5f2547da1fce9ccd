"""Start-up is a feature: what `run` must not import before its child starts, and what other commands leave out."""

from __future__ import annotations

import subprocess
import sys

from tool import Tool

HEAVY = {
    "typer", "click", "rich", "git", "psutil", "pynvml", "sqlite3", "sqlite_utils", "yaml", "dataclasses", "inspect",
    "asyncio", "importlib.metadata", "multiprocessing", "subprocess", "exptrack.model", "exptrack.wire",
}  # fmt: skip


def modules_of(tool: Tool, code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tool.folder, env=tool.env, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split(","))


# run_child is where the child starts: what is loaded there was paid for before it.
BEFORE_THE_CHILD = """
import sys
from exptrack.record import child
from exptrack.cli import main
def stop(*a, **k):
    print(",".join(sys.modules)); sys.stdout.flush()
    import os; os._exit(0)
child.run_child = stop
main.main(["run", "-t", "owner=me", "-m", "why", "-p", "a=1", "--", sys.executable, "train.py", "--lr", "1"])
"""


def test_run_imports_nothing_heavy_before_the_child(tool: Tool) -> None:
    tool.write("exptrack.toml", 'project = "x"\n[require]\ntags = ["owner"]\n')
    tool.write("train.py", "print('step 1 loss=0.5')\n")
    tool.committed()
    tool.write("new.py", "x = 1\n")
    loaded = modules_of(tool, BEFORE_THE_CHILD)
    assert {"exptrack.actions.run", "exptrack.config", "tomllib"} <= loaded
    assert loaded & HEAVY == set()


def test_without_a_policy_file_typing_stays_out_too(tool: Tool) -> None:
    """tomllib imports it; nothing of ours does (exptrack/typed.py)."""
    tool.write("train.py", "print('step 1 loss=0.5')\n")
    tool.committed()
    code = "import sys; sys.modules.pop('typing', None)\n" + BEFORE_THE_CHILD  # a .pth file may have brought it
    assert "typing" not in modules_of(tool, code)


# Also what the recorder imports is paid for by every run. A .pth file may have brought some of it already.
UNTIL_THE_SEAL = """
import sys
for name in ("typing", "threading", "subprocess", "hashlib", "_hashlib"):
    sys.modules.pop(name, None)
from exptrack.actions import finish
seal = finish.finish
def noted(*a, **k):
    result = seal(*a, **k)
    open("modules", "w").write(",".join(sys.modules))
    return result
finish.finish = noted
from exptrack.cli import main
main.main(["run", "-q", "--", sys.executable, "train.py", "--lr", "1"])
print(open("modules").read())
"""


def test_a_plain_run_is_recorded_without_what_it_does_not_need(tool: Tool) -> None:
    tool.write("train.py", "print('step 1 loss=0.5')\n")
    tool.committed()
    modules_of(tool, UNTIL_THE_SEAL)  # the first asks the interpreter who it is, with subprocess
    loaded = modules_of(tool, UNTIL_THE_SEAL)
    assert {"exptrack.actions.recording", "exptrack.store.index", "exptrack.record.metrics.families.pairs"} <= loaded
    unneeded = {"typing", "threading", "subprocess", "hashlib", "_hashlib", "dataclasses", "inspect", "glob"}
    unneeded |= {f"exptrack.{name}" for name in ("capture.gpus", "actions.outputs", "record.metrics.patterns")}
    assert loaded & unneeded == set()


def test_help_and_lists_in_a_pipe_do_not_import_rich(tool: Tool) -> None:
    tool("run", "--", "true")
    for words in (["--help"], ["ls"], ["show", "@"], ["run", "--help"]):
        code = f"""
import sys, io
from exptrack.cli import main
real, sys.stdout = sys.stdout, io.StringIO()
main.main({words!r})
print(",".join(sys.modules), file=real)
"""
        assert modules_of(tool, code) & {"rich", "git", "psutil", "pynvml", "sqlite_utils", "yaml"} == set(), words
