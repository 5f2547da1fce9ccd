"""The recorder: a forked process beside the child that parses, captures, samples and seals.

It lives in its own session and ignores the signals meant for the training; the supervisor tells it through a pipe what
happens ("pid N", "end JSON", "drop") and hears back through another. It may crash, hang or be killed: the training goes
on and the run is sealed by the supervisor or by `recover`, from the log.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from exptrack.config import Project
from exptrack.files import write_all
from exptrack.record import rundir

if TYPE_CHECKING:
    from exptrack.capture.snapshot import Snapshot
    from exptrack.store.place import Store

# The recorder says a word every BEAT seconds whatever it is busy with; silent for this long, it is stopped or hangs.
BEAT, SILENCE = 5.0, 30.0


class Link:
    """The supervisor's side: tell the recorder what happened, and wait for its last word."""

    def __init__(self, pid: int, to_recorder: int, from_recorder: int) -> None:
        self.pid, self._to, self._from = pid, to_recorder, from_recorder

    def tell(self, line: bytes) -> None:
        try:
            write_all(self._to, line)
        except OSError:
            return  # it is gone: `wait` will say so

    def wait(self) -> dict[str, Any] | None:
        """The recorder's result; None when it died or fell silent before it had one."""
        os.close(self._to)
        heard = b""
        while True:
            ready, _, _ = select.select([self._from], [], [], SILENCE)
            if not ready:
                # Stopped or hanging: it must not wake up later and seal what was sealed in its place meanwhile.
                os.kill(self.pid, signal.SIGKILL)
                return None
            block = os.read(self._from, 65536)
            if not block:
                break
            heard += block
        _, status = os.waitpid(self.pid, 0)
        words = [line for line in heard.split(b"\n") if line.startswith(b"{")]
        return json.loads(words[-1]) if words and status == 0 else None


def start(project: Project, store: Store, run_dir: rundir.RunDir, snapshot: Snapshot) -> Link:
    """Fork the recorder; returns at once."""
    inner_read, outer_write = os.pipe()
    outer_read, inner_write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        os.close(outer_write)
        os.close(outer_read)
        _live(project, store, run_dir, snapshot, inner_read, inner_write)
    os.close(inner_read)
    os.close(inner_write)
    return Link(pid, outer_write, outer_read)


def _live(
    project: Project,
    store: Store,
    run_dir: rundir.RunDir,
    snapshot: Snapshot,
    orders: int,
    answers: int,
) -> NoReturn:
    """The forked process, from its first line to its last; never returns into the supervisor's code."""
    status = 1
    try:
        _leave(run_dir, keep=(orders, answers, run_dir.lock.fd if run_dir.lock else -1))
        from exptrack.actions.recording import Recording

        Recording(project, store, run_dir, snapshot, orders, answers).go(BEAT)
        status = 0
    except BaseException:  # noqa: BLE001 - this process ends here in any case; nothing above it is ours
        # The supervisor sees the exit status and seals in our place; the reason stays beside the run until then.
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _leave(run_dir: rundir.RunDir, keep: tuple[int, ...]) -> None:
    """Own session, no terminal, no descriptor of the user's: a pipe held open here would keep `| head` waiting."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(run_dir.file(rundir.RECORDER_LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for fd, source in ((0, null), (1, null), (2, log)):
        os.dup2(source, fd)
    low = 3
    for fd in sorted(k for k in keep if k > 2):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, 65536)


def seal_here(project: Project, run_dir: rundir.RunDir) -> dict[str, Any]:
    """The recorder is gone: seal in this process, as `recover` would. Never raises: the training has ended well."""
    try:
        from exptrack.actions.recover import adopt

        return adopt(project, run_dir)
    except Exception as e:  # noqa: BLE001 - whatever it is, the user's exit code must not change for it
        return {"problem": f"not sealed ({e}); `exptrack recover` will do it"}
