"""Run the command as if we were not there: its terminal, its streams, its signals, its exit code.

Whatever goes wrong on our side once the command runs is a warning in the outcome. Only the command's own end ends the
run, and it is always waited for.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence

from exptrack.files import hold_closed_streams
from exptrack.record.aide import REST, WATCH, start_witness
from exptrack.record.console import Console
from exptrack.record.forward import Forwarder
from exptrack.record.logs import Logs
from exptrack.record.orders import Orders
from exptrack.record.program import find_program
from exptrack.record.relay import Poller
from exptrack.record.signals import Signals, name_of, number_of
from exptrack.record.spawn import Command, Order, Start
from exptrack.record.terminal import copy_window_size, has_terminal, unread
from exptrack.record.wiring import Wiring
from exptrack.typed import Any, NamedTuple

_PTY_CAPACITY = 1 << 20
_PATIENCE = 1.0
# A signal to everybody may kill the command before we hear of it ourselves: seconds after the end that it still counts.
_AT_ONCE = 0.5
_TROUBLES = 100
_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


class Outcome(NamedTuple):
    """How it went. `exit_code` is None when a signal killed it, `signal` ("SIGTERM") then names it.

    `cpu_seconds`: of the command and the descendants it waited for; `max_rss`: bytes, largest single process.
    `is_interrupted`: SIGINT killed it, and went to everybody in the terminal's foreground: see `end_as`. `orders`: what
    came of them (orders.py)."""

    exit_code: int | None
    signal: str | None
    cpu_seconds: float
    max_rss: int
    warnings: tuple[str, ...]
    is_interrupted: bool = False
    orders: tuple[dict[str, Any], ...] = ()


def run_child(
    command: Sequence[str],
    program: str,
    *,
    env: Mapping[str, str],
    folder: str,
    on_start: Callable[[int], None],
    on_order: Callable[[dict[str, Any]], None] = lambda _order: None,
) -> Outcome:
    """Run it to its end, relay its output and log it in `folder`; returns when both are complete.

    `on_start(pid)` is called right after the fork, `on_order` for each order to stop (orders.py) once it is passed on;
    what they raise becomes a warning. NotStarted (126, 127) only when the kernel would not execute the program: then
    nothing ran. Main thread only, since signal handlers are set."""
    hold_closed_streams()
    logs = Logs(folder)
    wiring = Wiring()
    signals = Signals()
    warnings: list[str] = []
    try:
        wiring.prepare()
        start = Start(Order(command, program, env, wiring.streams), signals, wiring.command_terminal)
        wiring.close_given()
        try:
            on_start(start.command.pid)
        except Exception as e:  # noqa: BLE001 - the command runs already, whatever the record has to say to that
            warnings.append(f"the start was not recorded: {e}")
        start.confirm()
        run = _Run(start.command, wiring, signals, logs, Orders(signals.ignored, on_order))
        run.see_through()
    finally:
        wiring.close()
        signals.close()
        warnings += logs.close()
    return run.outcome(warnings)


class _Run:
    """One running command and everything that is watched for it."""

    def __init__(self, command: Command, wiring: Wiring, signals: Signals, logs: Logs, orders: Orders) -> None:
        self._command, self._wiring, self._signals, self._orders = command, wiring, signals, orders
        self._witness = start_witness(signals, command.pid, wiring.terminal)
        self._poller = Poller()
        self._streams = wiring.relay(logs, self._poller)
        self._forwarder = Forwarder(command, self._witness, orders)
        self._console: Console | None = None
        if wiring.terminal:
            self._console = Console(wiring.terminal, self._streams[0], command.pid, self._poller, signals, orders)
        self._ended_at = 0.0
        self._troubles: list[str] = []

    def see_through(self) -> None:
        """Until the command has ended and its output is complete. A failure of ours must not become its failure: it is
        noted, and the loop goes on; one that comes back for ever is a bug that only an end can show."""
        self._poller.watch(self._signals.fd, select.POLLIN, self._on_signals)
        for aide in (self._witness, self._command.anchor):
            if aide:
                self._poller.watch(aide.fd, select.POLLIN, self._on_aides)
        self._signals.unblock()
        while not self._is_complete():
            try:
                self._step()
            except OSError as e:
                self._troubles.append(f"relaying the output: {e}")
                if len(self._troubles) > _TROUBLES:
                    raise
        self._on_signals(0)
        self._forwarder.settle(is_over=True)
        for stream in self._streams:
            stream.close()
        if self._console:
            self._console.close()
        for aide in (self._witness, self._command.anchor):
            if aide:
                aide.dismiss()

    def _is_complete(self) -> bool:
        return self._command.ending is not None and all(stream.is_done for stream in self._streams)

    def _step(self) -> None:
        due = [self._forwarder.next_due(), self._console.next_due() if self._console and not self._ended_at else None]
        self._poller.wait(min((d for d in due if d is not None), default=None))
        if self._console and not self._ended_at:
            self._console.refresh()
        self._forwarder.settle()
        if self._command.ending and not self._ended_at:
            self._ended_at = time.monotonic()
            if self._console:
                self._console.mute()
            for stream, output in zip(self._streams, self._wiring.outputs, strict=True):
                stream.end(_PTY_CAPACITY if output.is_terminal or stream.source < 0 else unread(stream.source))

    def _on_signals(self, _events: int) -> None:
        for number in self._signals.read():
            if number == signal.SIGCHLD:
                self._look()
            elif self._ended_at:
                if time.monotonic() - self._ended_at < _AT_ONCE:
                    self._forwarder.take(number)
                # Told to stop while a reader that does not read keeps us: all of the output is in the log.
                if number in _STOP and time.monotonic() - self._ended_at > _PATIENCE:
                    for stream in self._streams:
                        stream.abandon()
            elif number != signal.SIGWINCH or not self._resize():
                self._forwarder.take(number)

    def _on_aides(self, _events: int) -> None:
        self._witness.read()
        self._look()
        for aide in (self._witness, self._command.anchor):
            if aide and aide.is_gone:
                self._poller.forget(aide.fd)

    def _look(self) -> None:
        if self._command.look():
            self._stop_too(self._command.stopped_by)
        anchor = self._command.anchor
        if anchor and anchor.is_gone and not self._command.ending:
            self._command.outlive_anchor()

    def _resize(self) -> bool:
        """True when the command has been told, or will be by the kernel."""
        if self._console:
            return self._console.resize()
        terminals = [output for output in self._wiring.outputs if output.is_terminal]
        is_changed = [copy_window_size(output.target, output.source) for output in terminals]
        if any(is_changed):
            # The kernel told it at the same time as us, when the size it could ask for was still the old one.
            self._command.send(signal.SIGWINCH)
        return any(is_changed)

    def _stop_too(self, number: int) -> None:
        """The command was stopped: show that to the shell, which only sees us, and go on when it does."""
        if os.getpid() == 1 or not has_terminal():
            return  # no shell that could continue us, and the command's output has to flow when somebody else does
        for stream in self._streams:
            stream.take_what_is_there()
        if self._console:
            self._console.step_aside()
        self._witness.order(WATCH)
        self._signals.stop(number, is_whole_group=self._console is not None)
        self._witness.order(REST)
        if self._console:
            self._console.refresh()
            self._command.send_to_group(signal.SIGCONT)
        elif not self._command.look() and self._command.stopped_by:
            self._command.send(signal.SIGCONT)

    def outcome(self, warnings: list[str]) -> Outcome:
        ending = self._command.ending
        assert ending is not None
        killed_by = os.WTERMSIG(ending.status) if os.WIFSIGNALED(ending.status) else 0
        is_typed = self._console.is_interrupted if self._console else self._forwarder.is_interrupted
        warnings += [s.problem for s in self._streams if s.problem]
        warnings += [*self._forwarder.warnings, *sorted(self._command.problems), *dict.fromkeys(self._troubles)]
        warnings += self._orders.problems
        return Outcome(
            exit_code=None if killed_by else os.WEXITSTATUS(ending.status),
            signal=name_of(killed_by) if killed_by else None,
            cpu_seconds=ending.cpu_seconds,
            max_rss=ending.max_rss,
            warnings=tuple(warnings),
            is_interrupted=killed_by == signal.SIGINT and is_typed,
            orders=tuple(self._orders.came),
        )


def end_as(outcome: Outcome) -> int:
    """The exit code for the shell: the command's, or 128+N. The last call of the process.

    After Ctrl-C it does not return: a shell leaves its loop or script only when it sees that a program *died* of it
    (`$?` is 130 either way). Where no shell is above us in the terminal's session, the number says it all."""
    if outcome.signal is None:
        return outcome.exit_code or 0
    number = number_of(outcome.signal)
    if outcome.is_interrupted and os.getsid(0) != os.getpid():
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return 128 + number


__all__ = ("Outcome", "end_as", "find_program", "run_child")
