"""`run --resume RUN`: what the next attempt at a run begins with, or why there is none (docs/resume.md).

Nothing is written here but what `recover` writes of the attempt before. Read before the child starts, but only where a
run is continued: an ordinary start never imports this.
"""

from __future__ import annotations

import os

from exptrack.actions.carry_on import promoted_as
from exptrack.actions.find import resolve
from exptrack.actions.places import Place, here
from exptrack.actions.request import Before, Request, is_inside_run
from exptrack.actions.unsealed import is_going_on
from exptrack.capture.managed_job import is_only_named
from exptrack.capture.redact import REDACTED
from exptrack.config import Config, find_project
from exptrack.errors import Damaged, NotStarted
from exptrack.files import Lock
from exptrack.model import Run, RunManifest
from exptrack.record.attempts import attempts_of
from exptrack.record.rundir import LOCK, RunDir, stillborn
from exptrack.typed import Any

# Words about a run that a later attempt takes over; the others (pins, promotions, expiry) stay as they were said.
SAID = ("tag", "untag", "note")


def named(request: Request) -> tuple[Request, Before]:
    """The run that `--resume` names, and the request with its command where none was given. NotStarted when it cannot
    be continued, NoSuchRun with the candidates when the name is not one run's."""
    place, run = _run(request)
    request = _with_command(request, run.manifest)
    _stay_in(place, run)
    return request, continuation(place, run)


def command_of(request: Request) -> Request:
    """The request with the named run's command, for a rank or a nested start that records nothing itself."""
    _, run = _run(request)
    # Of the run around it, or of one around that, it would be the command that we are a part of: started by itself,
    # again and again. In a rank of its own it is what rank 0 has just begun.
    if run.status == "running" and is_inside_run(os.environ):
        raise _still_running(run.id)
    return _with_command(request, run.manifest)


def _run(request: Request) -> tuple[Place, Run]:
    if not request.resume:
        raise NotStarted("--resume names no run", "a variable that is not set? `--resume @` is the last run")
    place = here()
    return place, resolve(*place, request.resume)


def _still_running(run_id: str) -> NotStarted:
    return NotStarted(f"run {run_id} is still running", f"`exptrack logs -f {run_id}` follows it")


def continuation(place: Place, run: Run) -> Before:
    """What the next attempt at this run begins with. NotStarted when there may be none."""
    run_dir = RunDir(os.path.join(place.project.live, run.id))
    if run.status == "running" or (is_going_on(place.store, run_dir) and run_dir.is_alive):
        raise _still_running(run.id)
    if is_going_on(place.store, run_dir):
        raise NotStarted(f"run {run.id} is not sealed yet", "`exptrack recover` says why")
    if where := promoted_as(place.store, run.id):
        raise NotStarted(
            f"run {run.id} is {where}: what is promoted does not change any more",
            "start a new run from its weights; they are an input then, and the two are linked",
        )
    _clear(place, run.id)
    heard = [e.id for e in place.store.records.events_about(run.id) if e.action in SAID]
    m = run.manifest
    try:
        options = _options(m, place.project.config)
    except (TypeError, ValueError, AttributeError) as e:
        raise Damaged(f"what run {m.id} was asked for cannot be read: {e}", "`exptrack verify` checks the run") from e
    return Before(
        run_id=run.id,
        given={"name": m.name, "note": run.note, "group": m.group, "no_policy": m.policy_bypassed} | options,
        tags=run.tags,
        parent=m.parent,
        resumes={
            "number": len(attempts_of(m)) + 1,
            "first_started_at": m.started_at,
            "heard": heard,
        },
    )


def _clear(place: Place, run_id: str) -> None:
    """An attempt that was killed before it began has left a directory in the way, which is nothing."""
    for run_dir in stillborn(place.project.live):
        lock = Lock(run_dir.file(LOCK))
        try:
            if run_dir.id == run_id and not run_dir.is_alive and lock.acquire(wait=False):
                run_dir.remove()
        except FileNotFoundError:
            continue  # somebody else has just done it
        finally:
            lock.release()


def _options(m: RunManifest, config: Config) -> dict[str, Any]:
    """The options of the attempt before, as fields of a Request. Of a run that an older exptrack sealed only those that
    its inputs and outputs tell."""
    asked = m.asked or {"outputs": [[a.kind, a.path] for a in m.artifacts]}
    reading = asked.get("reading", {})
    # Patterns of the policy are not repeated: they may have been mended there.
    patterns = [f"{k}={v}" for k, v in reading.get("patterns", {}).items() if k not in config.patterns]
    words = {
        # What a managed job only named is named by it again.
        "inputs": [f"{i.name}={_from(m.cwd, i.path)}" for i in m.inputs if not is_only_named(i, m.warnings)],
        "outputs": [f"{label}={_from(m.cwd, pattern)}" for label, pattern in asked.get("outputs", ())],
        "configs": [_from(m.cwd, path) for path in asked.get("configs", ())],
        "metrics_files": [_from(m.cwd, path) for path in reading.get("files", ())],
        "patterns": patterns,
    }
    given = {k: tuple(w for w in v if REDACTED not in w) for k, v in words.items()}
    return given | {"is_declared_only": reading.get("auto") is False}


def _from(cwd: str, path: str) -> str:
    """A relative path means the same file from whatever folder the run is continued."""
    is_here = os.path.realpath(cwd) == os.path.realpath(os.getcwd())
    return path if is_here else os.path.join(cwd, os.path.expanduser(path))


def _stay_in(place: Place, run: Run) -> None:
    """The folder of the recorded command may by now be another project's: of the copy this one was made from, or of
    somebody else who has the store in common. The run is recorded here or nowhere."""
    project = find_project()
    if project is None or project.folder != place.project.folder:
        raise NotStarted(
            f"run {run.id} was started in {run.manifest.cwd}, which is not in this project",
            "write the command again, behind --",
        )


def _with_command(request: Request, m: RunManifest) -> Request:
    """Without a command the recorded one is run again, in the folder it was run in."""
    if request.command:
        return request
    if any(REDACTED in word for word in m.command):
        raise NotStarted(
            f"the command of {m.id} held a secret, which was not recorded", "write the command again, behind --"
        )
    try:
        os.chdir(m.cwd)
    except OSError as e:
        raise NotStarted(
            f"run {m.id} was started in {m.cwd}: {e.strerror}", "write the command again, behind --"
        ) from e
    return request._replace(command=m.command)
