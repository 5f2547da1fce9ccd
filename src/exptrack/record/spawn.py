"""Start the command: fork, the descriptors and signals as without us, exec; and what becomes of it afterwards.

The command keeps our working directory, our umask, every inherited descriptor but the standard streams that are
relayed, and, unless it gets a terminal of its own, our session and our process group.
"""

from __future__ import annotations

import errno
import os
import select
import signal
from collections.abc import Mapping, Sequence

from exptrack.errors import NotStarted
from exptrack.record.aide import Aide, start_anchor
from exptrack.record.program import explain_exec_error
from exptrack.record.signals import Signals, name_of
from exptrack.record.terminal import make_controlling
from exptrack.typed import NoReturn

# ru_maxrss is in KiB on Linux, in bytes on macOS (getrusage(2)).
_RSS_UNIT = 1 if os.uname().sysname == "Darwin" else 1024


# Plain classes: making a NamedTuple takes a third of a millisecond, and the command waits for it.
class Order:
    """What to execute. `streams`: descriptors for stdin, stdout and stderr; None leaves the inherited one."""

    __slots__ = ("command", "env", "program", "streams")

    def __init__(
        self,
        command: Sequence[str],
        program: str,
        env: Mapping[str, str],
        streams: tuple[int | None, int | None, int | None],
    ) -> None:
        self.command, self.program, self.env, self.streams = command, program, env, streams


class Ending:
    """How the command ended: the status of wait(2), its CPU seconds, its largest resident set in bytes."""

    __slots__ = ("cpu_seconds", "max_rss", "status")

    def __init__(self, status: int, cpu_seconds: float, max_rss: int) -> None:
        self.status, self.cpu_seconds, self.max_rss = status, cpu_seconds, max_rss


class Command:
    """The running command: our child, or the anchor's when it has a terminal of its own."""

    def __init__(self, pid: int, anchor: Aide | None) -> None:
        self.pid, self.anchor = pid, anchor
        self.ending: Ending | None = None
        self.stopped_by = 0
        self.problems: set[str] = set()

    def look(self) -> bool:
        """Take in what happened to it; True when it has newly been stopped."""
        changes = list(self._heard() if self.anchor else self._waited())
        for status, cpu_seconds, rss in changes:
            self.stopped_by = os.WSTOPSIG(status) if os.WIFSTOPPED(status) else 0
            if has_ended(status):
                self.ending = Ending(status, cpu_seconds, rss * _RSS_UNIT)
        return bool(changes and self.stopped_by)

    def outlive_anchor(self) -> None:
        """Its parent was killed, and with it the knowledge of how the command ends; only that can still be seen."""
        self.problems.add("how the command ended is not known: the process that held its terminal session was killed")
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            fd = -1
        if fd >= 0:
            select.select([fd], [], [])
            os.close(fd)
        self.ending = Ending(signal.SIGHUP, 0.0, 0)

    def _heard(self) -> list[tuple[int, float, int]]:
        assert self.anchor
        self.anchor.read()
        changes = [(w[1], w[2] / 1e6, w[3]) for w in self.anchor.words]
        self.anchor.words.clear()
        return changes

    def _waited(self) -> list[tuple[int, float, int]]:
        # Only ever this pid: the recorder and the witness are our children too, and somebody else's to wait for.
        changes: list[tuple[int, float, int]] = []
        while self.ending is None and not (changes and has_ended(changes[-1][0])):
            pid, status, usage = os.wait4(self.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if not pid:
                break
            changes.append((status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss))
        return changes

    def send(self, number: int) -> None:
        """To its process alone."""
        self._send(self.pid, number)

    def send_to_group(self, number: int) -> None:
        """To its whole group where that is not ours: where it has a terminal of its own."""
        self._send(-self.pid if self.anchor else self.pid, number)

    def _send(self, target: int, number: int) -> None:
        if self.ending is not None:
            return
        try:
            os.kill(target, number)
        except ProcessLookupError:
            return  # it has ended, and the news is on its way
        except PermissionError as e:
            self.problems.add(f"{name_of(number)} could not be passed on to the command: {e.strerror}")


def has_ended(status: int) -> bool:
    return os.WIFEXITED(status) or os.WIFSIGNALED(status)


class Start:
    """A command between fork and exec."""

    def __init__(self, order: Order, signals: Signals, terminal: int | None) -> None:
        """`terminal`: the command's end of a new one, for a session and a process group of its own."""
        self._order = order
        self._failure, report = os.pipe()
        if terminal is None:
            self.command = Command(_fork(order, signals, report, -1), None)
        else:
            self.command = _start_in_session(order, signals, report, terminal)
        os.close(report)

    def confirm(self) -> None:
        """Return when the program runs. NotStarted when the kernel would not execute it; then nothing ran."""
        # The write end closes by itself at exec (O_CLOEXEC): no news is good news.
        with open(self._failure, "rb") as failure:
            number = failure.read()
        if not number:
            return
        if self.command.anchor:
            self.command.anchor.dismiss()
        else:
            os.waitpid(self.command.pid, 0)
        raise explain_exec_error(self._order.program, int(number))


def _start_in_session(order: Order, signals: Signals, report: int, terminal: int) -> Command:
    def lead() -> int:
        os.setsid()
        make_controlling(terminal)
        return _fork(order, signals, report, terminal)

    anchor = start_anchor(signals, terminal, lead)
    while not anchor.words and not anchor.is_gone:
        select.select([anchor.fd], [], [])
        anchor.read()
    if not anchor.words:
        raise NotStarted("a terminal for the command could not be set up")
    return Command(anchor.words.pop(0)[1], anchor)


def _fork(order: Order, signals: Signals, report: int, terminal: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        if terminal >= 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(terminal, os.getpid())  # SIGTTOU is ignored until hand_back
        for target, fd in enumerate(order.streams):
            if fd is not None:
                os.dup2(fd, target)
        signals.hand_back()
        _execute(order)
    except OSError as e:
        os.write(report, b"%d" % (e.errno or errno.EIO))
    finally:
        os._exit(127)


def _execute(order: Order) -> NoReturn:
    words = list(order.command)
    try:
        os.execve(order.program, words, order.env)  # noqa: S606 - to run the command is what we are for
    except OSError as e:
        if e.errno != errno.ENOEXEC:
            raise
    # A script without a first line that names its interpreter: execvp(3) and every shell give it to sh.
    os.execve("/bin/sh", ["/bin/sh", order.program, *words[1:]], order.env)  # noqa: S606
