"""A recorded run as one that is to be started again: what its start says, its variables, and the process that runs it.

The repeated run is an ordinary run of the same project and store; only where it lies and what it is asked to record
come from the first one's manifest instead of a command line and today's policy. Its supervisor is a process of its own,
told by a JSON file (`exptrack __again FILE`), so that nothing this process has imported or opened reaches it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from exptrack import __version__
from exptrack.actions.authors import author
from exptrack.actions.how_to_read import reading_of
from exptrack.actions.reproducing.layout import Layout
from exptrack.actions.reproducing.rebuild_environment import Built
from exptrack.capture.redact import REDACTED, allowed_variables, redact_argv
from exptrack.config import Config, Project
from exptrack.files import write_atomic
from exptrack.model import Run, RunManifest
from exptrack.record.rundir import new_id, utc
from exptrack.reproduction import TAG
from exptrack.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exptrack.actions.run import Voice

# Variables that say where and as what a process runs here and now, not how it computes.
_HERE = (
    *("CUDA_VISIBLE_DEVICES", "CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_CACHE_PATH", "CUDA_MPS_", "NVIDIA_"),
    *("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "SLURM_", "SM_", "AIP_", "CLOUD_ML_", "AZUREML_", "LSB_", "PBS_"),
    *("SGE_", "FLUX_JOB_", "OMPI_COMM_WORLD_", "PMI_", "RAY_JOB_ID", "WORLD_SIZE", "RANK", "LOCAL_", "NODE_RANK"),
    *("GROUP_RANK", "NNODES", "MASTER_", "TRAINING_JOB_NAME", "TORCHELASTIC_", "VIRTUAL_ENV", "CONDA_", "PYENV_"),
    *("UV_PROJECT_ENVIRONMENT", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONSTARTUP", "PYTHONPYCACHEPREFIX", "LD_"),
    *("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "TORCH_HOME", "TRANSFORMERS_CACHE"),
)


def command_of(manifest: RunManifest, layout: Layout) -> list[str]:
    """The recorded words with places of then as places of now; a relative path into the old environment too."""
    old = manifest.environment.virtualenv
    words = []
    for word in manifest.command:
        full = os.path.normpath(os.path.join(manifest.cwd, word))
        is_program = old is not None and "/" in word and full.startswith(os.path.join(old, "bin", ""))
        words.append(layout.moved.path(full) if is_program else layout.moved.text(word))
    if manifest.command[0] == manifest.environment.executable and not old:
        words[0] = os.path.basename(words[0])  # a system's Python by its path: PATH leads to the rebuilt one
    return words


def variables_of(
    recorded: Mapping[str, str], environ: Mapping[str, str], layout: Layout, built: Built, allowed: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """The child's environment: ours, with the recorded variables that decide how it computes as they were then, and
    without those that were not set then. And the notes: which of the others differ."""
    out = {k: v for k, v in environ.items() if not k.startswith("EXPTRACK_") or k == "EXPTRACK_AUTHOR"}
    for name in allowed_variables(environ, allowed):
        if name not in recorded and not name.startswith(_HERE):
            out.pop(name, None)
    notes = []
    for name, value in recorded.items():
        if REDACTED in value:
            notes.append(f"{name} had a secret that was not kept: it is as it is set now")
        elif not name.startswith(_HERE):
            out[name] = layout.moved.text(value)
        elif name.startswith(("LD_", "HF_", "TORCH_HOME", "TRANSFORMERS_")) and environ.get(name) != value:
            notes.append(f"{name} was {value}, and is {environ.get(name, 'not set')}")
    return out | _paths(out, built, layout), notes


def _paths(environ: Mapping[str, str], built: Built, layout: Layout) -> dict[str, str]:
    """`python` and console scripts are those of the rebuilt environment; runners that sync one are told not to."""
    if built.python is None:
        return {}
    mine = os.path.dirname(built.python)
    old = os.path.join(layout.manifest.environment.virtualenv or os.devnull, "bin")
    rest = [p for p in environ.get("PATH", os.defpath).split(os.pathsep) if p not in (mine, old)]
    out = {"PATH": os.pathsep.join([mine, *rest])}
    if built.prefix:
        out |= {"VIRTUAL_ENV": built.prefix, "UV_PROJECT_ENVIRONMENT": built.prefix, "UV_NO_SYNC": "1"}
    return out


def start_of(run: Run, layout: Layout, config: Config, command: Sequence[str]) -> dict[str, Any]:
    """start.json of the repeated run: as the first one was asked for, so that it answers to the policy of then."""
    m, asked = run.manifest, run.manifest.asked
    moved, now = layout.moved.text, time.time()
    outputs = asked.get("outputs") or [[a.kind, a.path] for a in m.artifacts]
    metrics, kinds, tags = asked.get("required") or ((), (), ())
    reading = asked.get("reading") or reading_of(config, patterns=(), files=(), outputs=(), is_declared_only=False)
    places = {k: [moved(p) for p in reading.get(k, ())] for k in ("files", "folders")}
    params = asked.get("params", m.params)
    return {
        "id": new_id(now),
        "command": redact_argv(command, config.secret_names_allowed),
        "cwd": layout.cwd,
        "started_at": utc(now),
        "host": os.uname().nodename,
        "author": author(),
        # Not the name itself, which means the newest run so called, nor the group: a copy is no second sample in it.
        "name": f"{m.name}-again" if m.name else None,
        "project": m.project,
        "group": None,
        "note": f"reproduction of {run.id}",
        "tags": {**run.tags, TAG: run.id},
        "params": dict(params),
        "given_params": list(params),
        "inputs": [{"label": i.name, "pattern": moved(i.path)} for i in m.inputs],
        "outputs": [{"label": label, "pattern": moved(pattern)} for label, pattern in outputs],
        "goals": asked.get("goals", config.goals),
        "required_metrics": list(metrics),
        "required_outputs": list(kinds),
        "required_tags": list(tags),
        "is_written_required": asked.get("written") is True,
        "parent": run.id,
        "resumes": None,
        # A copy of a run that went past the policy has gone past it too.
        **({} if m.policy_bypassed is None else {"policy_bypassed": m.policy_bypassed}),
        "version": __version__,
        "configs": [moved(c) for c in asked.get("configs", ())],
        "reading": {**reading, **places},
    }


class Order:
    """The repeated run as a process to be started. `is_quiet`: its own lines are not printed."""

    def __init__(self, project: Project, layout: Layout, start: Mapping[str, Any], command: Sequence[str]) -> None:
        self.id: str = start["id"]
        self.cwd = layout.cwd
        self.path = os.path.join(layout.work, "again.json")
        order = {
            "root": layout.code,
            "folder": project.folder,
            "store": project.store,
            "cache": layout.cache,
            "policy": project.config.path,
            "start": start,
            "command": list(command),
        }
        write_atomic(self.path, json.dumps(order).encode("ascii"), durable=False)

    def run(self, environ: Mapping[str, str], *, is_quiet: bool, is_stdout_ours: bool) -> int:
        """Start it and wait; its exit code, negative for a signal. `is_stdout_ours`: stdout is for our answer alone.

        What we are told by a signal it is told too, and then waited for: it ends its command in order and seals its
        run."""
        # -P: else `-m` puts the folder of the code in front of our own modules, and a data.py or types.py with it.
        words = [sys.executable, "-P", "-m", "exptrack", "__again", self.path, *(["--quiet"] if is_quiet else [])]
        told: list[int] = []
        process: subprocess.Popen[bytes] | None = None

        def pass_on(number: int, _frame: object) -> None:
            told.append(number)
            if process is not None:
                process.send_signal(number)

        before = {n: signal.signal(n, pass_on) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            process = subprocess.Popen(words, cwd=self.cwd, env=dict(environ), stdout=2 if is_stdout_ours else None)
            for number in told:
                process.send_signal(number)
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if told or code == -signal.SIGINT:
            raise Stopped(told[0] if told else signal.SIGINT)
        return code


class Stopped(BaseException):
    """Somebody told us to stop by this signal; like KeyboardInterrupt no error, and on no account to be passed over."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run_again(words: Sequence[str], voice: Voice) -> int:
    """`exptrack __again FILE [--quiet]`: the supervisor of a repeated run; its exit code as of `run`."""
    from exptrack.actions.request import Request
    from exptrack.actions.run import run_prepared
    from exptrack.config import read_config

    with open(words[0], "rb") as f:
        order: dict[str, Any] = json.load(f)
    config = read_config(order["policy"]) if order["policy"] else Config()
    # What was kept once is kept again, whatever the limit is today.
    project = Project(order["root"], order["folder"], order["store"], config._replace(snapshot_max_bytes=1 << 62))
    project.cache = order["cache"]
    request = Request(command=tuple(order["command"]), is_quiet="--quiet" in words[1:])
    return run_prepared(request, project, order["start"], voice)
