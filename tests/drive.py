"""`python drive.py FOLDER COMMAND...`: run_child and nothing else, so that a test sees what it does without a store.

FOLDER gets the logs, `pid` once the command was forked, and `outcome.json` at the end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 20.0


class Driven:
    """One driver process: `Driven(tmp_path, [...], **options of Popen)`, without a terminal unless told otherwise."""

    def __init__(self, folder: Path, command: list[str], **options: Any) -> None:
        self.folder = folder / "run"
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("start_new_session", True)
        self.process = subprocess.Popen([*driver(self.folder), *command], cwd=folder, **options)

    def pid(self) -> int:
        """The command's, once it was started."""
        wait_for((self.folder / "pid").exists)
        return int((self.folder / "pid").read_text())

    def end(self) -> tuple[bytes, bytes]:
        try:
            return self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()

    @property
    def code(self) -> int:
        return self.process.returncode

    def outcome(self) -> Any:
        return json.loads((self.folder / "outcome.json").read_text())

    def log(self, name: str) -> bytes:
        return (self.folder / f"{name}.log").read_bytes()


def driver(folder: Path) -> list[str]:
    return [sys.executable, __file__, str(folder)]


def wait_for(is_so: Callable[[], object], what: str = "") -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain for {what or is_so}"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Zombies do not count."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the second: it went between open and read
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def main() -> int:
    from exptrack.errors import NotStarted
    from exptrack.record import forward
    from exptrack.record.child import end_as, find_program, run_child

    folder, command = sys.argv[1], sys.argv[2:]
    forward.GRACE = float(os.environ.get("TEST_GRACE", forward.GRACE))
    forward.SECOND_ORDER_AFTER = float(os.environ.get("TEST_SECOND", forward.SECOND_ORDER_AFTER))
    os.makedirs(folder, exist_ok=True)

    def on_start(pid: int) -> None:
        if "TEST_FAIL_ON_START" in os.environ:
            raise OSError("no space for the record")
        Path(folder, "pid.tmp").write_text(str(pid))
        os.replace(f"{folder}/pid.tmp", f"{folder}/pid")

    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGTTOU)}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    try:
        program = find_program(command, os.environ, os.getcwd())
        outcome = run_child(command, program, env=dict(os.environ), folder=folder, on_start=on_start)
    except NotStarted as e:
        print(f"error: {e.message}\nhint: {e.hint}", file=sys.stderr)
        return e.exit_code
    assert before == {n: signal.getsignal(n) for n in before}, "signal handlers were not given back"
    assert mask == signal.pthread_sigmask(signal.SIG_BLOCK, []), "the signal mask was not given back"
    Path(folder, "outcome.json").write_text(json.dumps(outcome._asdict()))
    return end_as(outcome)


if __name__ == "__main__":
    sys.exit(main())
