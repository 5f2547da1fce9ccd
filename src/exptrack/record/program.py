"""Before anything is started: which file a command names, what to say when there is none, and its environment."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence

from exptrack.errors import NotStarted

NOT_EXECUTABLE, NOT_FOUND = 126, 127


def given_environment() -> dict[str, str]:
    """The environment this process was started with. Python sets LC_CTYPE in it where the locale is C (PEP 538), and
    the command would then sort and write otherwise than without us."""
    environment = dict(os.environ)
    if environment.get("LC_CTYPE", "").upper().endswith(("UTF-8", "UTF8")) and not environment.get("LC_ALL"):
        try:
            with open("/proc/self/environ", "rb") as file:
                given = (b"\0" + file.read()).partition(b"\0LC_CTYPE=")
        except OSError:
            return environment  # no Linux, or no /proc: then it stays
        del environment["LC_CTYPE"]
        if given[1]:
            environment["LC_CTYPE"] = os.fsdecode(given[2].partition(b"\0")[0])
    return environment


def find_program(command: Sequence[str], env: Mapping[str, str], cwd: str) -> str:
    """The path to execute, looked up on PATH as execvp(3) does; a name with a slash is taken as it is.

    NotStarted with exit code 127 (nothing of that name) or 126 (a folder, or not executable). `cwd` is only looked at:
    the command starts in the folder of this process, so relative answers stay right."""
    name = command[0]
    if "/" in name:
        return _checked(name, cwd)
    refused = ""
    # os.defpath is what the C library searches when there is no PATH at all.
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder or ".", name)
        full = os.path.join(cwd, path)
        if name and os.path.isfile(full):
            if os.access(full, os.X_OK):
                return path
            refused = refused or path
    if refused:
        raise not_executable(refused)
    raise NotStarted(f"command not found: {name or '(empty)'}", _guess(name, env, cwd), NOT_FOUND)


def _checked(path: str, cwd: str) -> str:
    full = os.path.join(cwd, path)
    if os.path.isdir(full):
        raise NotStarted(f"{path} is a folder, not a program", _module_hint(full), NOT_EXECUTABLE)
    if not os.path.exists(full):
        raise NotStarted(f"no such file: {path}", _guess(path, {}, cwd), NOT_FOUND)
    if not os.access(full, os.X_OK):
        raise not_executable(path)
    return path


def not_executable(path: str) -> NotStarted:
    interpreter = {".py": "python", ".sh": "bash"}.get(os.path.splitext(path)[1])
    other = f", or write `{interpreter} {path}`" if interpreter else ""
    return NotStarted(f"{path} is not executable", f"chmod +x {path}{other}", NOT_EXECUTABLE)


def _module_hint(path: str) -> str:
    return "python runs a folder with a __main__.py" if os.path.exists(os.path.join(path, "__main__.py")) else ""


def _guess(name: str, env: Mapping[str, str], cwd: str) -> str:
    if any(c.isspace() for c in name):
        return f"give the words of the command one by one, without quotes around all of them: {name}"
    if name.endswith(".py") and os.path.exists(os.path.join(cwd, name)):
        return f"write `python {name}`"
    if name and "/" not in name and os.path.exists(os.path.join(cwd, name)):
        return f"write `./{name}`: the current folder is not on PATH"
    if name == "python" and any(os.access(os.path.join(p, "python3"), os.X_OK) for p in env.get("PATH", "").split(":")):
        return "this machine has python3"
    return "is its environment (venv, conda, module) active?" if name and "/" not in name else "check the path"


def explain_exec_error(program: str, number: int) -> NotStarted:
    """What execve(2) said about a file that was there: the kernel is asked last, and it has the last word."""
    if number == errno.ENOENT and os.path.exists(program):
        return NotStarted(
            f"{program}: the interpreter its first line names is not there",
            "look at the #! line (a Windows line ending counts as part of the name)",
            NOT_EXECUTABLE,
        )
    if number == errno.ENOENT:
        return NotStarted(f"no such file: {program}", "it was there a moment ago", NOT_FOUND)
    if number == errno.E2BIG:
        return NotStarted(f"{program}: the arguments and the environment are too long together", "", NOT_EXECUTABLE)
    return NotStarted(f"{program} cannot be executed: {os.strerror(number)}", "", NOT_EXECUTABLE)
