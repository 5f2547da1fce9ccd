"""Small forked processes that see what this one cannot: which signals reached the whole process group.

`kill PID` must reach the command once, through us; `kill %1`, Ctrl-C in a pipeline, `timeout`, systemd and SLURM reach
it without us, and a second copy would end a training that is just saving its checkpoint. Nothing in a signal tells the
two apart; a process that sits beside us does: the witness. The anchor is a witness too, and besides the leader of the
command's session when that has a terminal of its own: without a parent in its session the kernel would discard Ctrl-Z.
Both hold nothing open, ignore nothing, and end when we do.
"""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import time
from collections.abc import Callable

from exptrack.record.signals import Signals
from exptrack.record.terminal import Terminal
from exptrack.typed import NoReturn

PING, WATCH, REST = b"p", b"w", b"r"
_PONG = 255
_WORDS = 254
_PATIENCE = 2.0
_GLANCE = 0.25


class Aide:
    """Our side. `seen`: signal -> when we last heard that it reached the aide (monotonic seconds)."""

    def __init__(self, pid: int, orders: int, reports: int) -> None:
        self.pid, self.fd = pid, reports
        self._orders = orders
        self._seen: dict[int, float] = {}
        self._unfinished = b""
        self._pongs = 0
        self.words: list[list[int]] = []
        self.is_gone = False

    def read(self) -> None:
        """Take in what it reported. The descriptor does not block."""
        try:
            data = os.read(self.fd, 4096)
        except BlockingIOError:
            return
        if not data:
            self.is_gone = True
        data = self._unfinished + data
        while data:
            first = data[0]
            if first == _WORDS:
                line, newline, rest = data[1:].partition(b"\n")
                if not newline:
                    break
                self.words.append([int(word) for word in line.split()])
                data = rest
                continue
            if first == _PONG:
                self._pongs += 1
            else:
                self._seen[first] = time.monotonic()
            data = data[1:]
        self._unfinished = data

    def order(self, order: bytes) -> None:
        try:
            os.write(self._orders, order)
        except OSError:
            self.is_gone = True

    def catch_up(self) -> None:
        """Return when it has reported every signal that reached it before this call, or cannot report any more."""
        wanted = self._pongs + 1
        self.order(PING)
        deadline = time.monotonic() + _PATIENCE
        while self._pongs < wanted and not self.is_gone and (left := deadline - time.monotonic()) > 0:
            select.select([self.fd], [], [], left)
            self.read()

    def saw(self, number: int, since: float) -> bool:
        return self._seen.get(number, -1.0) >= since

    def dismiss(self) -> None:
        os.close(self._orders)
        os.close(self.fd)
        # It would notice and leave; if it is stopped it would not, and must not keep us.
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def start_witness(signals: Signals, command: int, terminal: Terminal | None) -> Aide:
    """An aide in our own process group. `command` is the pid to look at while we are stopped; `terminal` is the one to
    give back if we are killed before we can."""

    def work(duty: _Duty) -> NoReturn:
        duty.ours = terminal
        duty.let_go()
        duty.serve(command)

    return _start(signals, work)


def start_anchor(signals: Signals, terminal: int, lead: Callable[[], int]) -> Aide:
    """An aide that calls `lead`, which opens the session on `terminal` and returns the command's pid, and is the
    command's parent. Its words: [0, pid] at the start, then [1, wait status, CPU microseconds, maximum RSS in KiB] for
    every change of the command's state."""

    def work(duty: _Duty) -> NoReturn:
        duty.parent_of, duty.terminal = lead(), terminal
        duty.let_go()
        duty.say(0, duty.parent_of)
        duty.serve(duty.parent_of)

    return _start(signals, work)


def _start(signals: Signals, work: Callable[[_Duty], NoReturn]) -> Aide:
    inner_orders, orders = os.pipe()
    reports, inner_reports = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            gc.disable()  # a collection would touch, and so copy, every page shared with the parent
            signals.renew()
            work(_Duty(signals, inner_orders, inner_reports))
        finally:
            os._exit(1)
    os.close(inner_orders)
    os.close(inner_reports)
    os.set_blocking(reports, False)
    return Aide(pid, orders, reports)


class _Duty:
    """The aide's own side."""

    def __init__(self, signals: Signals, orders: int, reports: int) -> None:
        self._signals, self._orders, self._reports = signals, orders, reports
        self._supervisor = os.getppid()
        self.parent_of = 0
        self.terminal = -1
        self.ours: Terminal | None = None

    def let_go(self) -> None:
        """Close what is not ours to hold: a pipe held open here would keep its reader waiting."""
        keep = {self._orders, self._reports, self._signals.fd, self._signals.fd_in, self.terminal}
        keep |= {self.ours.fd} if self.ours else set()
        for fd in open_descriptors():
            if fd not in keep:
                try:
                    os.close(fd)
                except OSError:
                    continue  # the one that listed them

    def say(self, *words: int) -> None:
        self._report(b"%c%s\n" % (_WORDS, b" ".join(b"%d" % w for w in words)))

    def _report(self, data: bytes) -> None:
        try:
            os.write(self._reports, data)  # nothing at all is written for b""
        except BrokenPipeError:
            self._leave()

    def serve(self, command: int) -> NoReturn:
        self._signals.unblock()
        poll = select.poll()
        poll.register(self._orders, select.POLLIN)
        poll.register(self._signals.fd, select.POLLIN)
        is_watching = False
        while True:
            ready = poll.poll(_GLANCE * 1000 if is_watching else None)
            if seen := self._signals.read():
                self._report(seen)
            if signal.SIGCHLD in seen:
                self._look_after_command()
            if (self._orders, select.POLLIN) in ready:
                orders = os.read(self._orders, 64)
                self._report(bytes([_PONG]) * orders.count(PING))
                if states := orders.replace(PING, b""):
                    is_watching = states.endswith(WATCH)
            elif any(fd == self._orders for fd, _ in ready):
                self._leave()
            if is_watching and not is_stopped(command):
                # Continued from elsewhere, or killed: whoever relays its output has to wake up too.
                os.kill(self._supervisor, signal.SIGCONT)
                is_watching = False

    def _look_after_command(self) -> None:
        while self.parent_of:
            pid, status, usage = os.wait4(self.parent_of, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if not pid:
                return
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                self.parent_of = 0
                self._protect_foreground()
            self.say(1, status, int((usage.ru_utime + usage.ru_stime) * 1e6), usage.ru_maxrss)

    def _protect_foreground(self) -> None:
        """Our end as session leader hangs up on the foreground group: what the command left behind shall live."""
        try:
            os.tcsetpgrp(self.terminal, os.getpgrp())
        except OSError as e:
            if e.errno not in (errno.EIO, errno.ENOTTY):  # hung up already
                raise

    def _leave(self) -> NoReturn:
        """The supervisor is gone, and the command's terminal with it: what a terminal that goes away sends."""
        if self.ours:
            self.ours.restore()
        if self.parent_of:
            for number in (signal.SIGHUP, signal.SIGCONT):
                os.killpg(self.parent_of, number)
        os._exit(0)


def open_descriptors() -> list[int]:
    """Every open one, and the one they were listed with; without /proc, those that are likely."""
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except FileNotFoundError:
        return list(range(256))


def is_stopped(pid: int) -> bool:
    """Is the process stopped by a signal or a debugger? State T or t of proc_pid_stat(5); without /proc: yes."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            stat = f.read()
    except (FileNotFoundError, ProcessLookupError):  # the second: it ended between open and read
        return not os.path.exists("/proc/self")
    return stat[stat.rindex(b")") + 2 : stat.rindex(b")") + 3] in b"Tt"
