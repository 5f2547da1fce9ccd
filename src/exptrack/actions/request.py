"""What the user asked `run` for, and what start.json says of it: checked against the policy, without secrets.

Read before the child starts: plain data, no dataclasses.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping

from exptrack import __version__
from exptrack.actions import policy
from exptrack.actions.authors import author
from exptrack.actions.how_to_read import reading_of
from exptrack.capture.launcher import is_other_rank
from exptrack.capture.managed import model_folder
from exptrack.capture.redact import mask_text, redact_argv, redact_mapping
from exptrack.config import Config, Project
from exptrack.errors import NotStarted
from exptrack.files import shown_path
from exptrack.record.rundir import RunDir, new_id, utc
from exptrack.typed import Any, NamedTuple

# Kinds of outputs, and ends of names, that nobody writes by hand.
WEIGHTS = frozenset(("model", "checkpoint", "checkpoints", "weights"))
WEIGHT_FILES = (
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".safetensors",
    ".h5",
    ".keras",
    ".onnx",
    ".pkl",
    ".joblib",
    ".npz",
    ".npy",
)


class Request(NamedTuple):
    """What the user asked for; the fields are the options of `run`. No command: the one of the run that is resumed."""

    command: tuple[str, ...] = ()
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
    resume: str | None = None
    is_child: bool = False
    is_strict: bool = False
    is_quiet: bool = False
    is_declared_only: bool = False
    no_policy: str | None = None


class Before(NamedTuple):
    """The run that is continued, as far as the start of its next attempt asks for it.

    `given`: fields of the Request that began it; `resumes`: what start.json says of the attempt's place in the run."""

    run_id: str
    given: Mapping[str, Any]
    tags: Mapping[str, str]
    parent: str | None
    resumes: Mapping[str, Any]


def is_passed_through(request: Request) -> bool:
    """Inside another exptrack run, or a rank above 0 of a launcher: execute only, so that there is one record."""
    return (is_inside_run(os.environ) and not request.is_child) or is_other_rank(os.environ)


def is_inside_run(env: Mapping[str, str]) -> bool:
    """Does the run whose environment this is still go on?

    A shell, a tmux server or a daemon that was started in a run keeps its environment for ever, and what is run there
    later is a run of its own. Where the outer run's folder cannot be seen (a container), its word counts."""
    outer, folder = env.get("EXPTRACK_RUN_ID", ""), env.get("EXPTRACK_DIR", "")
    if not outer or not os.path.isdir(folder):
        return bool(outer)
    return RunDir(os.path.join(folder, "live", os.path.basename(outer))).is_alive


def describe(request: Request, project: Project, before: Before | None = None) -> dict[str, Any]:
    """start.json as plain data, checked against the policy and without secrets. `before`: the run that is continued;
    its tags count as given."""
    given = policy.parse_pairs(request.tags, "tag", "-t")
    parent = os.environ.get("EXPTRACK_RUN_ID") if request.is_child else None
    if before:
        request = request._replace(**{k: v for k, v in before.given.items() if not getattr(request, k)})
        given, parent = {**before.tags, **given}, parent or before.parent
    config = project.config
    tags = policy.tags_of(config, given, os.environ)
    bypassed = policy.bypass(config, request.no_policy)
    if bypassed is None:
        policy.check_start(config, tags, request.name)
    allowed = config.secret_names_allowed
    params = redact_mapping(_typed(policy.parse_pairs(request.params, "parameter", "-p")), allowed)
    now = time.time()
    return {
        "id": before.run_id if before else new_id(now),
        "command": redact_argv(request.command, allowed),
        "cwd": os.getcwd(),
        "started_at": utc(now),
        "host": os.uname().nodename,
        "author": author(),
        "name": mask_text(request.name, allowed) if request.name else None,
        "project": tags.get("project"),
        "group": mask_text(request.group, allowed) if request.group else None,
        "note": mask_text(request.note, allowed) if request.note else None,
        "tags": redact_mapping(tags, allowed),
        "params": params,
        "given_params": list(params),
        "inputs": [_declared(i, None) for i in request.inputs],
        "outputs": [_declared(o, "output") for o in request.outputs],
        **({"default_model": folder} if (folder := model_folder(os.environ)) else {}),
        "goals": config.goals,
        **_asked_of(config if bypassed is None else Config(), request),
        **({} if bypassed is None else {"policy_bypassed": mask_text(bypassed, allowed)}),
        "parent": parent,
        "resumes": {**before.resumes, "id": new_id(now)} if before else None,
        "scheduler": _job(),
        "version": __version__,
        **_how_to_read(request, config),
    }


def foreseen(start: Mapping[str, Any]) -> list[str]:
    """What will be missing at the end as it looks now, told before hours of training. Asks for names only; globs are
    not looked through. A continued run may have the outputs of its attempts before."""
    said = []
    declared = {o["label"] for o in start["outputs"]} | ({"model"} if start.get("default_model") else set())
    if lacking := [
        kind for kind in start["required_outputs"] if kind.partition("=")[0] not in declared and not start["resumes"]
    ]:
        given = ", ".join(f"-o {kind}=…" for kind in lacking)
        how = f'say exptrack.artifact("{lacking[0]}", PATH) or the run will be incomplete'
        said.append(f"the policy wants output {', '.join(lacking)}; no {given} was given: {how}")
    for one in start["inputs"]:
        pattern = one["pattern"]
        if not set("*?[") & set(pattern) and not os.path.exists(os.path.expanduser(pattern)):
            said.append(f"input {one['label']}: nothing at {pattern}")
    return said


def weights_of(start: Mapping[str, Any]) -> list[str]:
    """Paths and globs of declared outputs that are weights: what an earlier run left there is no code of this one,
    although git does not know it. The checkpoint that a continued run goes on with is; splits and the like may be
    written by hand."""
    outputs = [] if start["resumes"] else start["outputs"]
    return [o["pattern"] for o in outputs if o["label"] in WEIGHTS or o["pattern"].endswith(WEIGHT_FILES)]


def _how_to_read(request: Request, config: Config) -> dict[str, Any]:
    for path in request.configs:
        if not os.path.isfile(path):
            raise NotStarted(f"no config file {path}", "-c takes a YAML, JSON or TOML file")
    reading = reading_of(
        config,
        patterns=request.patterns,
        files=request.metrics_files,
        outputs=request.outputs,
        is_declared_only=request.is_declared_only,
    )
    return {"configs": list(request.configs), "reading": reading}


def _asked_of(config: Config, request: Request) -> dict[str, Any]:
    """What is asked of the run until its end; of one that passes the policy by, nothing."""
    wanted = _wanted_of(request) if request.is_strict else ()
    return {
        "required_metrics": config.required_metrics,
        "required_outputs": list(dict.fromkeys((*config.required_outputs, *wanted))),
        "required_tags": config.required_end_tags,
        "is_written_required": config.is_written_required,
        "allowed_tags": config.allowed_tags,
    }


def _wanted_of(request: Request) -> Iterator[str]:
    """With --strict whoever declares an output wants it: by its kind, and by its path where others are of that kind."""
    declared = [_declared(o, "output") for o in request.outputs]
    labels = [one["label"] for one in declared]
    for label, pattern in ((one["label"], one["pattern"]) for one in declared):
        if labels.count(label) == 1 or set("*?[") & set(pattern):
            yield label
        else:
            cwd = os.getcwd()
            yield f"{label}={shown_path(os.path.join(cwd, os.path.expanduser(pattern)), cwd)}"


def _job() -> dict[str, str]:
    """The batch job's ids, where a job may be started again: the run is found by them then, whatever became of it."""
    if "SLURM_JOB_ID" not in os.environ:
        return {}
    from exptrack.capture.scheduler import scheduler_facts

    return scheduler_facts(os.environ)


def _typed(given: dict[str, str]) -> dict[str, Any]:
    if not given:
        return {}
    # On use only: most runs have no -p, and the readers of command lines and config files are 4 ms of imports.
    from exptrack.capture.params import parse_scalar

    return {k: parse_scalar(v) for k, v in given.items()}


def _declared(text: str, default: str | None) -> dict[str, str]:
    """[LABEL=]PATH; a label has no slash, so a path with an equals sign in a folder name stays a path."""
    label, equals, path = text.partition("=")
    if equals and label and path and "/" not in label and not os.path.exists(text):
        return {"label": label, "pattern": path}
    if not text:
        raise NotStarted("an empty path was declared", "write -o model=PATH or -i train=PATH")
    return {"label": default if default is not None else os.path.basename(text.rstrip("/")) or text, "pattern": text}
