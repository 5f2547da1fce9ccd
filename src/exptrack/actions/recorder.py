"""The recorder: a forked process beside the child that parses, captures, samples and seals.

It lives in its own session and ignores the signals meant for the training; the supervisor tells it through a pipe what
happens ("begin", "pid N", "end JSON", "drop") and hears back through another. It may crash, hang or be killed: the
training goes on and the run is sealed by the supervisor or by `recover`, from the log.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

from exptrack.config import Project
from exptrack.errors import ExptrackError, NotStarted
from exptrack.files import read_bytes, write_all
from exptrack.record import rundir
from exptrack.store.place import open_store
from exptrack.typed import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exptrack.capture.snapshot import Snapshot
    from exptrack.record.discover import Watch

# The recorder says a word every BEAT seconds whatever it is busy with; silent for SILENCE, it is stopped or hangs.
BEAT, SILENCE = 5.0, 30.0


class Link:
    """The supervisor's side: tell the recorder what happened, hear how the snapshot went and how the run was sealed."""

    def __init__(self, pid: int, to_recorder: int, from_recorder: int, log: str) -> None:
        self.pid, self._to, self._from, self._log = pid, to_recorder, from_recorder, log
        self._heard = b""
        self._is_reaped = False

    def tell(self, line: bytes) -> None:
        try:
            write_all(self._to, line)
        except OSError:
            return  # it is gone: `wait` will say so

    def await_snapshot(self) -> None:
        """Return when what git could not give back is stored; NotStarted when that was refused or could not be done."""
        answer = self._next()
        if answer is None:
            raise NotStarted("the recorder ended before the run began", self._last_words())
        if answer.get("refused"):
            raise NotStarted(answer["refused"], answer.get("hint", ""))

    def wait(self) -> dict[str, Any] | None:
        """The recorder's result; None when it died or fell silent before it had one."""
        os.close(self._to)
        result = self._next()
        self._reap()
        return result

    def drop(self) -> None:
        """Nothing is to be recorded: end it and the git it may be waiting for, at once."""
        if self._is_reaped:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(self.pid, signal.SIGKILL)  # not yet the leader of its group: it has started nothing either
        self._reap()

    def _reap(self) -> None:
        if not self._is_reaped:
            os.waitpid(self.pid, 0)
            self._is_reaped = True

    def _next(self) -> dict[str, Any] | None:
        """The next thing it says; None when it died or fell silent."""
        while True:
            line, newline, rest = self._heard.partition(b"\n")
            if newline:
                self._heard = rest
                if line.lstrip(b".").startswith(b"{"):
                    answer: dict[str, Any] = json.loads(line.lstrip(b"."))
                    return answer
                continue
            ready, _, _ = select.select([self._from], [], [], SILENCE)
            if not ready:
                # Stopped or hanging: it must not wake up later and seal what was sealed in its place meanwhile.
                os.kill(self.pid, signal.SIGKILL)
            block = os.read(self._from, 65536) if ready else b""
            if not block:
                self._reap()
                return None
            self._heard += block

    def _last_words(self) -> str:
        try:
            lines = read_bytes(self._log).decode("utf-8", "replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else "memory or process limits? nothing was started"


def start(project: Project, run_dir: rundir.RunDir, data: Sequence[str] = ()) -> Link:
    """Fork the recorder; returns at once. It holds the run's lock too. `data`: patterns of what is no code."""
    inner_read, outer_write = os.pipe()
    outer_read, inner_write = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(outer_write)
        os.close(outer_read)
        _live(project, run_dir, data, inner_read, inner_write)
    os.close(inner_read)
    os.close(inner_write)
    return Link(pid, outer_write, outer_read, run_dir.file(rundir.RECORDER_LOG))


def _live(project: Project, run_dir: rundir.RunDir, data: Sequence[str], orders: int, answers: int) -> NoReturn:
    """The forked process, from its first line to its last; never returns into the supervisor's code."""
    status = 1
    try:
        _leave(run_dir, keep=(orders, answers, run_dir.lock.fd if run_dir.lock else -1))
        from exptrack.beside import Beside

        Beside(lambda: _show_life(run_dir, answers))
        taken = _take_snapshot(project, data, answers)
        if taken is not None:
            from exptrack.actions.recording import Recording

            Recording(project, run_dir, *taken, orders, answers).go()
        status = 0
    except BaseException:  # noqa: BLE001 - this process ends here in any case; nothing above it is ours
        # The supervisor sees the end and seals in our place; the reason stays beside the run until then.
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _show_life(run_dir: rundir.RunDir, answers: int) -> None:
    """From the first line to the last: to the supervisor, while there is one, and to other machines on this disk."""
    is_heard, shown = True, time.monotonic()
    while True:
        try:
            if is_heard:
                os.write(answers, b".")
        except OSError:
            is_heard = False  # the supervisor is gone; the main thread notices by itself
        time.sleep(BEAT)
        if time.monotonic() - shown >= rundir.PULSE:
            shown = time.monotonic()
            try:
                run_dir.pulse()
            except OSError as e:
                print(f"no sign of life could be left: {e}", file=sys.stderr)


def _take_snapshot(project: Project, data: Sequence[str], answers: int) -> tuple[Snapshot, Watch | None] | None:
    """Store what git could not give back, and say so; None when it was refused. Beside it the first look at the working
    folder: what lies there before the child starts is not what the child wrote."""
    from exptrack.capture.snapshot import Snapshot

    config = project.config
    answer: dict[str, str] = {}
    watch = None
    try:
        snapshot = Snapshot.begin(
            project.root,
            cwd=os.getcwd(),
            exclude=config.snapshot_exclude,
            max_bytes=config.snapshot_max_bytes,
            folder=project.folder,
            store=project.store,
            cache_folder=project.cache,
            secrets=config.snapshot_secrets,
            secret_names=config.secret_names_allowed,
            secret_places=config.secrets_allowed_in,
            data=data,
        )

        if config.is_searching:
            from exptrack.record.discover import Watch

            watch = Watch([os.getcwd()], None, project.folder)
        snapshot.keep_dirty(open_store(project.store).objects)
    except ExptrackError as e:
        answer = {"refused": e.message, "hint": e.hint}
    except OSError as e:
        answer = {"refused": f"the code cannot be kept: {e}", "hint": "check space and permissions of the store"}
    write_all(answers, json.dumps(answer).encode("ascii") + b"\n")
    return None if answer else (snapshot, watch)


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

        return adopt(project, run_dir, os.environ)
    except Exception as e:  # noqa: BLE001 - whatever it is, the user's exit code must not change for it
        return {"problem": f"not sealed ({e}); `exptrack recover` will do it"}
