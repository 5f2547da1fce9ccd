"""The child's world: its interpreter and that one's packages (not ours), lock files it lies beside, variables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from exptrack.capture.interpreter import find_interpreter
from exptrack.capture.probe import Facts, ProbeError, ask
from exptrack.capture.redact import allowed_variables
from exptrack.model import Environment

_LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "conda-lock.yml", "pylock.toml")
# How others begin and end: twelve globs would be twelve expressions to compile in every run.
_LOCK_ENDS = (
    *(("pylock.", ".toml"), ("requirements", ".txt"), ("constraints", ".txt")),
    *(("environment", ".yml"), ("environment", ".yaml")),
)


def capture_environment(
    argv: Sequence[str], env: Mapping[str, str], cwd: str, cache_folder: str, allowed: Sequence[str] = ()
) -> tuple[Environment, list[str]]:
    """What `argv` runs in, started in `cwd` with `env`; and what could not be found out. A command without Python has
    none. `allowed`: names or globs of further variables to keep. Starts the interpreter at most once, 10 seconds."""
    found = find_interpreter(argv, env, cwd)
    warnings = [found.note] if found.note else []
    facts: Facts | None = None
    if found.command:
        try:
            facts = ask(found.command, env, cwd, cache_folder)
        except ProbeError as e:
            warnings.append(f"Python and packages not recorded: {e}")
    variables = allowed_variables(env, allowed)
    lock_files = find_lock_files(cwd)
    if facts is None:
        return Environment(lock_files=lock_files, variables=variables), warnings
    environment = Environment(
        python=facts.version,
        executable=facts.executable or found.command[0],
        implementation=facts.implementation,
        virtualenv=facts.prefix if facts.prefix != facts.base_prefix else None,
        conda=_conda_name(facts.base_prefix),
        packages=dict(sorted(facts.packages.items())),
        sources=dict(sorted(facts.sources.items())),
        lock_files=lock_files,
        variables=variables,
    )
    return environment, warnings


def _conda_name(prefix: str) -> str | None:
    if not os.path.isdir(os.path.join(prefix, "conda-meta")):
        return None
    return "base" if os.path.isdir(os.path.join(prefix, "condabin")) else os.path.basename(prefix)


def find_lock_files(cwd: str) -> tuple[str, ...]:
    """Lock and requirement files in `cwd` and above it up to the git root, as paths below that root; outside a
    repository those of `cwd` alone."""
    folders = [cwd]
    while not os.path.exists(os.path.join(folders[-1], ".git")):
        parent = os.path.dirname(folders[-1])
        if parent == folders[-1]:
            folders = [cwd]
            break
        folders.append(parent)
    found = []
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue  # a folder we may pass through and not list
        found += [os.path.join(folder, n) for n in names if _is_lock_file(n)]
    return tuple(sorted(os.path.relpath(path, folders[-1]) for path in found))


def _is_lock_file(name: str) -> bool:
    if name in _LOCK_FILES:
        return True
    return any(name.startswith(a) and name.endswith(z) and len(name) >= len(a) + len(z) for a, z in _LOCK_ENDS)
