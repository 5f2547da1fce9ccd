"""Which Python a command will run in, found as the child will find it: its PATH, its folder, its variables.

Looks only: shebangs, console scripts (pip's and uv's, `exec` trick included), shell texts and files with their
activations, uv, poetry, conda and their like. No Python anywhere is an answer too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from exptrack.capture.commands import (
    SHELLS,
    Program,
    find_program,
    is_known_program,
    shell_commands,
    shell_file,
    shell_text,
)
from exptrack.typed import NamedTuple

_HEAD = 64 * 1024
_DEEPEST = 5
_OTHERS = 10
_LOCAL_FOLDER = {"uv": ".venv", "rye": ".venv", "poetry": ".venv", "pdm": ".venv", "pipenv": ".venv"}


class Interpreter(NamedTuple):
    """`command`: the words that start it, empty when there is none. `note`: what a reader should know about it."""

    command: tuple[str, ...] = ()
    note: str = ""


NONE = Interpreter()


def find_interpreter(argv: Sequence[str], env: Mapping[str, str], cwd: str) -> Interpreter:
    """Never raises for what is on disk; a command that does not exist has no interpreter."""
    return _find(argv, env, cwd, 0)


def _find(argv: Sequence[str], env: Mapping[str, str], cwd: str, depth: int) -> Interpreter:
    program = find_program(argv)
    if depth > _DEEPEST or not program.words:
        return NONE
    env = {**env, **program.variables}
    if program.runners:
        return _of_runner(program.runners[-1], env, cwd)
    if program.kind == "shell":
        return _of_shell(program, env, cwd, depth)
    path = which(program.words[0], env, cwd)
    if program.kind == "python" or path is None:
        return Interpreter((path,)) if path else NONE
    return _of_script(path, program, env, cwd, depth)


def which(name: str, env: Mapping[str, str], cwd: str) -> str | None:
    """The file that exec would take for `name` in the child: its PATH, relative entries in its folder."""
    places = [cwd] if "/" in name else [os.path.join(cwd, p) for p in env.get("PATH", os.defpath).split(os.pathsep)]
    for place in places:
        path = os.path.join(place, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _of_script(path: str, program: Program, env: Mapping[str, str], cwd: str, depth: int) -> Interpreter:
    """By the `#!` line; a binary has no Python that could be named."""
    text = _head(path)
    first, _, rest = text.partition("\n")
    words = first[2:].split(maxsplit=1) if first.startswith("#!") else []
    if not words:
        return NONE
    base = os.path.basename(words[0])
    if base == "env":
        # `env -S python -u` splits its text itself; the kernel hands it over as one word.
        line = " ".join(words[1:]).removeprefix("-S").split()
        return _find(["env", *line, path, *program.words[1:]], env, cwd, depth + 1)
    if base in SHELLS:
        jump = _jump(rest, path)
        return Interpreter((jump,)) if jump else _of_text(text, env, cwd, depth, os.path.basename(path))
    return _find([*words, path, *program.words[1:]], env, cwd, depth + 1)


def _jump(text: str, path: str) -> str | None:
    """The Python of a script that is sh and Python at once: pip and uv write `'''exec' PYTHON "$0" "$@"` as its second
    line where PYTHON is too long for a `#!` line, has a blank, or is to be found beside the script."""
    line = text.lstrip().split("\n", 1)[0]
    found = re.match(r"""'''exec'\s+(.+?)\s+"\$0"\s+"\$@\"""", line)
    if found is None:
        return None
    word = found[1]
    if "dirname" in word:
        return os.path.join(os.path.dirname(os.path.realpath(path)), word.rpartition("/")[2].strip("'\""))
    return word.strip("'\"")


def _of_shell(program: Program, env: Mapping[str, str], cwd: str, depth: int) -> Interpreter:
    text = shell_text(program.words)
    file = shell_file(program.words)
    if text is None and file:
        text = _head(os.path.join(cwd, file))
    return _of_text(text or "", env, cwd, depth, os.path.basename(file or "") or "the shell command")


def _of_text(text: str, env: Mapping[str, str], cwd: str, depth: int, what: str) -> Interpreter:
    """The first command in it that is a Python, activations before it included; else the Python on PATH, said so."""
    others = []
    for command in shell_commands(text):
        if activated := _activated(command, env, cwd):
            env = {**env, "PATH": activated + os.pathsep + env.get("PATH", os.defpath)}
            continue
        if command[0].startswith("$"):
            command[0] = env.get(command[0].strip('${}"'), "")
        if not is_known_program((find_program(command).words or ("",))[0]):
            others.append(command)
        elif (found := _find(command, env, cwd, depth + 1)).command:
            return found
    for command in others[:_OTHERS]:  # console scripts: `train-model --lr 1`
        found = _find(command, env, cwd, depth + 1)
        if found.command and not found.note:
            return found
    path = which("python3", env, cwd) or which("python", env, cwd)
    return Interpreter((path,), f"{what} names no Python; recorded is the one on its PATH, {path}") if path else NONE


def _activated(command: Sequence[str], env: Mapping[str, str], cwd: str) -> str | None:
    """The bin folder that `source venv/bin/activate` or `conda activate x` puts in front of PATH."""
    if len(command) < 2:
        return None
    if command[0] in ("source", ".") and os.path.basename(command[1]) == "activate":
        return os.path.dirname(os.path.join(cwd, os.path.expanduser(command[1])))
    if os.path.basename(command[0]) in ("conda", "mamba", "micromamba") and command[1] == "activate":
        name = command[2] if len(command) > 2 else "base"
        prefix = _conda_prefix(name, command[0], env, cwd)
        return os.path.join(prefix, "bin") if prefix else None
    return None


def _of_runner(runner: Sequence[str], env: Mapping[str, str], cwd: str) -> Interpreter:
    """The environment that `uv run`, `conda run -n x` and the like choose, by looking; else by asking them."""
    tool = os.path.basename(runner[0])
    for prefix in _prefixes(tool, runner, env, cwd):
        path = os.path.join(prefix, "bin", "python")
        if os.access(path, os.X_OK):
            return Interpreter((path,))
    path = which(runner[0], env, cwd) or ""
    if tool in ("uv", "pixi") or not path:
        # Asked for a Python, they would build the environment: the child does that, we do not.
        return Interpreter((), f"the environment of `{tool} run` is not there yet: no Python and no packages recorded")
    return Interpreter((path, *runner[1:], "python"))


def _prefixes(tool: str, runner: Sequence[str], env: Mapping[str, str], cwd: str) -> Iterator[str]:
    if tool in ("conda", "mamba", "micromamba"):
        prefix = _option(runner, "-p", "--prefix") or _conda_prefix(
            _option(runner, "-n", "--name") or "base", runner[0], env, cwd
        )
        if prefix:
            yield prefix
        return
    if tool == "uv" and env.get("UV_PROJECT_ENVIRONMENT"):
        yield os.path.join(cwd, env["UV_PROJECT_ENVIRONMENT"])
    if tool in ("poetry", "pipenv", "pdm") and env.get("VIRTUAL_ENV"):
        yield env["VIRTUAL_ENV"]
    local = _LOCAL_FOLDER.get(tool)
    if tool == "pixi":
        local = os.path.join(".pixi", "envs", _option(runner, "-e", "--environment") or "default")
    folder = os.path.join(cwd, _option(runner, "--project", "--directory") or "")
    while local:
        yield os.path.join(folder, local)
        folder, child = os.path.dirname(folder), folder
        if folder == child:
            return


def _option(words: Sequence[str], *names: str) -> str | None:
    for at, word in enumerate(words):
        if word in names and at + 1 < len(words):
            return words[at + 1]
        if word.partition("=")[0] in names and "=" in word:
            return word.partition("=")[2]
    return None


def _conda_prefix(name: str, tool: str, env: Mapping[str, str], cwd: str) -> str | None:
    """The folder of a conda environment by its name, in the places conda itself looks."""
    if "/" in name:
        return os.path.join(cwd, name)
    exe = env.get("CONDA_EXE") or env.get("MAMBA_EXE") or which(tool, env, cwd) or ""
    roots = [os.path.dirname(os.path.dirname(os.path.realpath(exe)))] if exe else []
    roots += [r for r in (env.get("MAMBA_ROOT_PREFIX"), os.path.join(env.get("HOME", "/"), "micromamba")) if r]
    if name in ("base", "root"):
        places = roots
    else:
        listed = (env.get("CONDA_ENVS_PATH") or env.get("CONDA_ENVS_DIRS") or "").split(os.pathsep)
        folders = [*filter(None, listed), *(os.path.join(r, "envs") for r in roots)]
        places = [os.path.join(f, name) for f in [*folders, os.path.join(env.get("HOME", "/"), ".conda", "envs")]]
    return next((p for p in places if os.path.isdir(os.path.join(p, "conda-meta"))), None)


def _head(path: str) -> str:
    try:
        with open(path, "rb") as f:
            return f.read(_HEAD).decode("utf-8", "surrogateescape")
    except OSError:
        return ""  # the child could not read it either, and will say so
