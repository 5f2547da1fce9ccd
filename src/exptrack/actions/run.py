"""`run`: check, snapshot, make the record, start the child, and see both through to the end (docs/run.md).

This process is the supervisor: it owns the terminal, the log, the signals and the exit code, and imports little. A
forked recorder does everything that may be slow or fail. Once the child runs, no failure of ours reaches it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from exptrack import __version__
from exptrack.actions import policy
from exptrack.actions.authors import author
from exptrack.actions.init import make_project
from exptrack.capture.redact import mask_text, redact_argv, redact_mapping
from exptrack.capture.snapshot import Snapshot
from exptrack.config import Project, find_project
from exptrack.errors import ExptrackError, NotStarted
from exptrack.record import rundir
from exptrack.record.child import Outcome, find_program, run_child
from exptrack.store.place import Store, open_store

RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")


class Request(NamedTuple):
    """What the user asked for; the fields are the options of `run`."""

    command: tuple[str, ...]
    tags: tuple[str, ...] = ()
    name: str | None = None
    note: str | None = None
    group: str | None = None
    params: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    metrics_files: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    is_child: bool = False
    is_strict: bool = False
    is_quiet: bool = False


def run(request: Request, say: Callable[[str], None]) -> int:
    """Run and record; returns the exit code for the shell. `say` gets the lines meant for the user's stderr.

    Raises NotStarted (125, 126, 127) when nothing was started."""
    program = find_program(request.command, os.environ, os.getcwd())
    if is_passed_through(request):
        os.execve(program, list(request.command), dict(os.environ))  # noqa: S606 - one record a run: nothing to add here
    try:
        project = _open_project()
        snapshot = Snapshot.begin(
            project.root,
            exclude=project.config.snapshot_exclude,
            max_bytes=project.config.snapshot_max_bytes,
            folder=project.folder,
            cache_folder=project.cache,
        )
        start = _describe(request, project)
        store = open_store(project.store, create=True)
        snapshot.keep_dirty(store.objects)
        run_dir = _create(project, start)
    except ExptrackError as e:
        raise policy.refuse(e) from e
    except OSError as e:
        raise NotStarted(f"cannot record here: {e}", "check space and permissions of .exptrack and its store") from e
    return _supervise(request, program, project, store, snapshot, run_dir, say)


def is_passed_through(request: Request) -> bool:
    """Inside another exptrack run, or a rank above 0 of a launcher: execute only, so that there is one record."""
    if os.environ.get("EXPTRACK_RUN_ID") and not request.is_child:
        return True
    return any(os.environ.get(name, "0").strip() not in ("", "0") for name in RANKS)


def _open_project() -> Project:
    project = find_project(create=True)
    assert project is not None  # create=True always answers
    make_project(project)
    return project


def _describe(request: Request, project: Project) -> dict[str, Any]:
    """start.json as plain data, checked against the policy and without secrets."""
    given = policy.parse_pairs(request.tags, "tag", "-t")
    tags = policy.tags_of(project.config, given, os.environ)
    policy.check_start(project.config, tags, request.name)
    params = policy.parse_pairs(request.params, "parameter", "-p")
    patterns = policy.parse_pairs(request.patterns, "metric pattern", "--metric")
    for path in request.configs:
        if not os.path.isfile(path):
            raise NotStarted(f"no config file {path}", "-c takes a YAML, JSON or TOML file")
    config = project.config
    now = time.time()
    return {
        "id": rundir.new_id(now),
        "command": redact_argv(request.command),
        "cwd": os.getcwd(),
        "started_at": rundir.utc(now),
        "host": os.uname().nodename,
        "author": author(),
        "name": request.name,
        "project": tags.get("project"),
        "group": request.group,
        "note": mask_text(request.note) if request.note else None,
        "tags": redact_mapping(tags),
        "params": redact_mapping(params),
        "given_params": list(params),
        "inputs": [_declared(i, None) for i in request.inputs],
        "outputs": [_declared(o, "output") for o in request.outputs],
        "goals": config.goals,
        "required_metrics": config.required_metrics,
        "required_outputs": config.required_outputs,
        "required_tags": config.required_end_tags,
        "parent": os.environ.get("EXPTRACK_RUN_ID") if request.is_child else None,
        "version": __version__,
        "configs": list(request.configs),
        "reading": {
            "patterns": {**config.patterns, **patterns},
            "ignore": config.ignored_metrics,
            "rename": config.renamed_metrics,
            "files": list(request.metrics_files),
        },
    }


def _declared(text: str, default: str | None) -> dict[str, str]:
    """[LABEL=]PATH; a label has no slash, so a path with an equals sign in a folder name stays a path."""
    label, equals, path = text.partition("=")
    if equals and label and path and "/" not in label and not os.path.exists(text):
        return {"label": label, "pattern": path}
    if not text:
        raise NotStarted("an empty path was declared", "write -o model=PATH or -i train=PATH")
    return {"label": default if default is not None else os.path.basename(text.rstrip("/")) or text, "pattern": text}


def _create(project: Project, start: dict[str, Any]) -> rundir.RunDir:
    while True:
        try:
            return rundir.create(project.live, start)
        except FileExistsError:
            start["id"] = rundir.new_id()


def _supervise(
    request: Request,
    program: str,
    project: Project,
    store: Store,
    snapshot: Snapshot,
    run_dir: rundir.RunDir,
    say: Callable[[str], None],
) -> int:
    from exptrack.actions import recorder

    link = recorder.start(project, store, run_dir, snapshot)
    if not request.is_quiet:
        say(f"exptrack: recording {run_dir.id}")
    environment = dict(os.environ)
    environment |= {
        "EXPTRACK_RUN_ID": run_dir.id,
        "EXPTRACK_METRICS": run_dir.file(rundir.SIDECAR),
        "EXPTRACK_DIR": project.folder,
    }
    began = time.monotonic()

    def on_start(pid: int) -> None:
        run_dir.write(rundir.PROCESS, rundir.identify(pid)._asdict(), durable=False)
        link.tell(b"pid %d\n" % pid)

    try:
        outcome = run_child(request.command, program, env=environment, folder=run_dir.path, on_start=on_start)
    except NotStarted:
        link.tell(b"drop\n")
        link.wait()
        rundir.remove(run_dir.path)
        raise
    result = _end(run_dir, outcome, time.monotonic() - began, link, project)
    if not request.is_quiet:
        say(_last_line(run_dir.id, result, time.monotonic() - began))
    if outcome.signal is not None:
        return 128 + _signal_number(outcome.signal)
    if outcome.exit_code == 0 and request.is_strict and result.get("status") == "incomplete":
        return 4
    return outcome.exit_code or 0


def _end(run_dir: rundir.RunDir, outcome: Outcome, seconds: float, link: Any, project: Project) -> dict[str, Any]:
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
    }
    try:
        run_dir.write(rundir.END, end)
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


def _last_line(run_id: str, result: dict[str, Any], seconds: float) -> str:
    if problem := result.get("problem"):
        return f"exptrack: {run_id}: {problem}"
    parts = [f"exptrack: {result['status']} {run_id} in {duration(seconds)}"]
    if result.get("missing"):
        parts.append("missing: " + ", ".join(result["missing"]))
    if result.get("headline"):
        parts.append(result["headline"])
    if result.get("warnings"):
        parts.append(f"{result['warnings']} warning" + "s"[: result["warnings"] != 1] + ": exptrack show")
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """0.4 s, 12 s, 3 min 20 s, 2 h 05 min, 3 d 4 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def _signal_number(name: str) -> int:
    import signal

    return int(getattr(signal, name, 0)) or int(name.removeprefix("SIG").removeprefix("RT") or 0)


def say_on_stderr(line: str) -> None:
    """One line of ours; a closed or broken stderr must not touch the run."""
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):
        return


__all__: Sequence[str] = ("Request", "duration", "is_passed_through", "run", "say_on_stderr")
