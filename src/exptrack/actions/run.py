"""`run`: check, snapshot, make the record, start the child, and see both through to the end (docs/architecture.md).

This process is the supervisor: it owns the terminal, the log, the signals and the exit code, and imports little. A
forked recorder does everything that may be slow or fail. Once the child runs, no failure of ours reaches it.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping

from exptrack.actions import policy
from exptrack.actions.init import make_project
from exptrack.actions.request import Before, Request, describe, foreseen, is_passed_through, weights_of
from exptrack.config import Project, find_project
from exptrack.errors import ExptrackError, NotStarted
from exptrack.record import rundir
from exptrack.record.program import find_program, given_environment
from exptrack.store.place import open_store
from exptrack.typed import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from exptrack.actions.recorder import Link
    from exptrack.record.child import Outcome


class Voice(NamedTuple):
    """What the user hears: `say` a line; `last_line` puts it together from id, result and seconds (finish.summary)."""

    say: Callable[[str], None]
    last_line: Callable[[str, Mapping[str, Any], float], str]


def run(request: Request, voice: Voice) -> int:
    """Run and record; returns the exit code for the shell. `voice` gets what is meant for the user's stderr.

    Raises NotStarted (125, 126, 127) when nothing was started."""
    gc.disable()  # importing makes no garbage, and looking for it would take a tenth of the time until the child starts
    is_ours = not is_passed_through(request)
    request, before = _continued(request, voice, is_ours=is_ours)
    # Not its path: a folder that was removed is told below, and passes what we pass through.
    program = find_program(request.command, os.environ, os.curdir)
    if not is_ours:
        os.execve(program, list(request.command), given_environment())  # noqa: S606 - one record a run: nothing to add here
    return _record(request, program, _open_project, lambda project: _enter(request, project, before, voice), voice)


def run_prepared(request: Request, project: Project, start: dict[str, Any], voice: Voice) -> int:
    """As `run`, with a start.json made elsewhere: of a run that is repeated, which the policy has allowed once. Nothing
    of the environment makes it a part of another run."""
    gc.disable()
    program = find_program(request.command, os.environ, os.getcwd())
    return _record(request, program, lambda: project, lambda _: (start, _claim(project, start)), voice)


def _record(
    request: Request,
    program: str,
    place: Callable[[], Project],
    enter: Callable[[Project], tuple[dict[str, Any], rundir.RunDir]],
    voice: Voice,
) -> int:
    try:
        project = place()
        open_store(project.store, create=True, is_shared=project.config.is_store_shared)
        start, run_dir = enter(project)
        link = _begin(project, run_dir, start)
    except ExptrackError as e:
        raise policy.refuse(e) from e
    except OSError as e:
        raise NotStarted(f"cannot record here: {e}", "check space and permissions of .exptrack and its store") from e
    return _supervise(request, program, project, link, run_dir, start, voice)


def _open_project() -> Project:
    project = find_project(create=True)
    assert project is not None  # create=True always answers
    make_project(project)
    return project


def _continued(request: Request, voice: Voice, *, is_ours: bool) -> tuple[Request, Before | None]:
    """The run that this is the next attempt at, if any, and the request with the command that was recorded where none
    was given."""
    is_named = request.resume is not None
    if not request.command and not is_named:
        raise NotStarted("no command", "exptrack run -- COMMAND, as in: exptrack run -- python train.py")
    if request.command and (not is_ours or not (is_named or os.environ.get("SLURM_RESTART_COUNT", "0").strip("0"))):
        return request, None
    try:
        if not is_ours:
            from exptrack.actions.resume import command_of

            return command_of(request), None
        if is_named:
            from exptrack.actions.resume import named

            return named(request)
        from exptrack.actions.requeue import requeued

        before, problem = requeued(request)
    except ExptrackError as e:
        raise policy.refuse(e) from e
    if problem and not request.is_quiet:
        voice.say(f"exptrack: {problem}: recording a new run")
    return request, before


def _enter(
    request: Request, project: Project, before: Before | None, voice: Voice
) -> tuple[dict[str, Any], rundir.RunDir]:
    """What start.json will say, and the directory it will be in."""
    start = describe(request, project, before)
    if before is None:
        return start, _claim(project, start)
    try:
        return start, _claim_again(project, start)
    except NotStarted as e:
        if request.resume is not None:
            raise
        if not request.is_quiet:
            voice.say(f"exptrack: {e.message}: recording a new run")
    return _enter(request, project, None, voice)


def _claim(project: Project, start: dict[str, Any]) -> rundir.RunDir:
    while True:
        try:
            return rundir.claim(project.live, start["id"])
        except FileExistsError:
            start["id"] = rundir.new_id()


def _claim_again(project: Project, start: dict[str, Any]) -> rundir.RunDir:
    """The directory of a run that is continued: of two who want that at once, one gets it."""
    run_id, number = start["id"], start["resumes"]["number"]
    taken = NotStarted(f"run {run_id} is being continued by somebody else", f"look at it: `exptrack show {run_id}`")
    try:
        run_dir = rundir.claim(project.live, run_id)
    except FileExistsError:
        raise taken from None
    if open_store(project.store).records.attempt_count(run_id) != number - 1:
        run_dir.remove()
        raise taken
    return run_dir


def _begin(project: Project, run_dir: rundir.RunDir, start: dict[str, Any]) -> Link:
    """The recorder is forked first, so that the snapshot and the recorder's imports go on beside what is left to do
    here. start.json comes when the snapshot is safe: from then on the run exists."""
    from exptrack.actions import recorder

    link = recorder.start(project, run_dir, [*(one["pattern"] for one in start["inputs"]), *weights_of(start)])
    try:
        # What is imported while the recorder waits for git: needed next, and not by the recorder.
        import exptrack.record.child  # noqa: F401

        link.await_snapshot()
        run_dir.begin(start)
    except BaseException:
        link.drop()
        run_dir.remove()
        raise
    link.tell(b"begin\n")
    return link


def _supervise(
    request: Request,
    program: str,
    project: Project,
    link: Link,
    run_dir: rundir.RunDir,
    start: dict[str, Any],
    voice: Voice,
) -> int:
    from exptrack.record.child import end_as, run_child

    gc.freeze()  # what is here stays: looking through it again finds nothing
    gc.enable()
    if not request.is_quiet:
        voice.say(_first_line(start))
    began = time.monotonic()

    def on_start(pid: int) -> None:
        run_dir.write(rundir.PROCESS, rundir.identify(pid)._asdict(), durable=False)
        link.tell(b"pid %d\n" % pid)

    try:
        outcome = run_child(
            request.command,
            program,
            env=_environment(project, run_dir, start),
            folder=run_dir.path,
            on_start=on_start,
            on_order=run_dir.note_order,
        )
    except NotStarted:
        link.drop()
        run_dir.remove()
        raise
    result = _end(run_dir, outcome, time.monotonic() - began, link, project)
    if not request.is_quiet:
        voice.say(voice.last_line(run_dir.id, result, time.monotonic() - began))
    if outcome.exit_code == 0 and request.is_strict and result.get("status") == "incomplete":
        return 4
    return end_as(outcome)


def _environment(project: Project, run_dir: rundir.RunDir, start: dict[str, Any]) -> dict[str, str]:
    """The command's: the user's, and where its run is."""
    environment = {
        **given_environment(),
        "EXPTRACK_RUN_ID": run_dir.id,
        "EXPTRACK_METRICS": run_dir.file(rundir.SIDECAR),
        "EXPTRACK_DIR": project.folder,
    }
    # Only where there was one before: nothing else about an ordinary run differs from the command without us.
    if start["resumes"]:
        environment["EXPTRACK_ATTEMPT"] = str(start["resumes"]["number"])
    else:
        environment.pop("EXPTRACK_ATTEMPT", None)
    return environment


def _end(run_dir: rundir.RunDir, outcome: Outcome, seconds: float, link: Link, project: Project) -> dict[str, Any]:
    """end.json, then the recorder; when that is gone, seal here; when that fails too, `recover` will."""
    from exptrack.actions import recorder

    end = {
        "ended_at": rundir.utc(time.time()),
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "seconds": round(seconds, 6),
        "cpu_seconds": outcome.cpu_seconds,
        "max_rss": outcome.max_rss,
        "warnings": list(outcome.warnings),
        "orders": list(outcome.orders),
    }
    if outcome.orders:
        _hold_out()
    try:
        run_dir.write_end(end)
    except OSError as e:
        # The recorder is told instead: a full disk here may still leave room in a store elsewhere.
        end["warnings"] = [*outcome.warnings, f"end.json could not be written: {e}"]
    import json

    link.tell(b"end " + json.dumps(end).encode("ascii") + b"\n")
    try:
        result: dict[str, Any] | None = link.wait()
    except KeyboardInterrupt:
        return {"problem": "still being stored in the background; `exptrack ls` shows it when it is done"}
    if result is None:
        result = recorder.seal_here(project, run_dir)
    return result


def _hold_out() -> None:
    """The run was told to stop and has: what it left is being stored, and in a container or a batch job that ends with
    us. An order that is repeated is not told to it again. Ctrl-C still leaves the storing to the background."""
    import signal

    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


def _first_line(start: dict[str, Any]) -> str:
    what = f"recording {start['id']}"
    if start["resumes"]:
        what = f"continuing {start['id']}, attempt {start['resumes']['number']}"
    # One line and not several: that is what scripts were promised.
    return " · warning: ".join([f"exptrack: {what}", *foreseen(start)])
