"""Ask the child's interpreter once who it is, and remember the answer until something it depends on changes.

The interpreter runs eleven words of ours with the child's variables in the child's folder: its own prefix and sys.path,
nothing imported but `sys`. The answer and the package lists are kept per interpreter, each with the stat it hangs on.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence

from exptrack import files
from exptrack.capture.digests import RACY_NS
from exptrack.capture.packages import list_packages
from exptrack.typed import Any, NamedTuple

TIMEOUT = 10.0
_MARK = b"exptrack-probe\0"
_QUESTION = (
    "import sys\n"
    "o = getattr(sys.stdout, 'buffer', sys.stdout)\n"
    "o.write(chr(0).join(['exptrack-probe', sys.version.split()[0], sys.executable or '', sys.prefix, "
    "getattr(sys, 'base_prefix', sys.prefix), sys.implementation.name] + [p for p in sys.path if p])"
    ".encode('utf-8', 'surrogateescape'))\n"
)
# Variables that decide what an interpreter answers, and files that decide which one a shim starts.
_VARIABLES = ("PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "PYTHONPLATLIBDIR", "HOME")
_SHIM_VARIABLES = ("PATH", "PYENV_VERSION", "ASDF_PYTHON_VERSION", "MISE_PYTHON_VERSION", "VIRTUAL_ENV", "CONDA_PREFIX")
_SHIM_FILES = (".python-version", ".tool-versions", "mise.toml", "poetry.lock", "pdm.lock", "Pipfile.lock")


class Facts(NamedTuple):
    """An interpreter about itself, and the packages its sys.path leads to."""

    version: str
    executable: str
    prefix: str
    base_prefix: str
    implementation: str
    path: tuple[str, ...]
    packages: dict[str, str]
    sources: dict[str, str]


class ProbeError(Exception):
    """The interpreter did not answer; the text says why."""


def ask(command: Sequence[str], env: Mapping[str, str], cwd: str, cache_folder: str) -> Facts:
    """What `command` (a Python, or `poetry run python`) says of itself. Raises ProbeError; takes at most TIMEOUT
    seconds when it has to be started, and no process when nothing changed since the last time."""
    from exptrack.sha256 import sha256

    name = sha256("\0".join(command).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    path = os.path.join(cache_folder, f"python-{name}.json")
    key = _key(command, env, cwd)
    known = _load(path)
    folders: dict[str, Any] = known.get("folders", {})
    answer = known.get("answer") if known.get("key") == key else None
    if answer is None or _is_site_changed(folders):
        answer = _start(command, env, cwd)
        is_new = True
    else:
        is_new = False
    fresh = {p: _folder(p, folders.get(p)) for p in answer[5:]}
    if is_new or fresh != folders:
        _save(path, {"key": key, "answer": answer, "folders": fresh})
    return _facts(answer, fresh)


def _facts(answer: Sequence[str], folders: Mapping[str, Any]) -> Facts:
    packages: dict[str, str] = {}
    sources: dict[str, str] = {}
    for _, found, origins in folders.values():
        for name, version in found.items():
            if name not in packages:  # the first on sys.path is the one that is imported
                packages[name] = version
                if name in origins:
                    sources[name] = origins[name]
    version, executable, prefix, base_prefix, implementation, *path = answer
    return Facts(version, executable, prefix, base_prefix, implementation, tuple(path), packages, sources)


def _key(command: Sequence[str], env: Mapping[str, str], cwd: str) -> list[Any]:
    """Everything the answer depends on, as JSON gives it back."""
    exe = command[0]
    key: list[Any] = [*command, _stamp(os.path.realpath(exe)), [env.get(v) for v in _VARIABLES]]
    key.append(_stamp(os.path.join(os.path.dirname(exe), "..", "pyvenv.cfg")))
    if env.get("PYTHONPATH"):
        key.append(cwd)  # its entries may be relative
    if len(command) > 1 or _is_script(exe):
        key += [cwd, [env.get(v) for v in _SHIM_VARIABLES]]
        folder = cwd
        while True:
            key += [s for f in _SHIM_FILES if (s := _stamp(os.path.join(folder, f)))]
            folder, child = os.path.dirname(folder), folder
            if folder == child:
                break
    return key


def _stamp(path: str) -> str | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return f"{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}"


def _is_script(path: str) -> bool:
    try:
        with open(path, "rb") as f:
            return f.read(2) == b"#!"
    except OSError:
        return False


def _folder(path: str, known: Any) -> list[Any]:
    """[mtime or 0 when it must not be trusted, packages, sources] of an entry of sys.path."""
    try:
        changed = os.stat(path).st_mtime_ns
        if known is not None and known[0] == changed:
            return list(known)
        packages, sources = list_packages(path)
    except OSError:
        return [0, {}, {}]  # a zip file or a folder that is not there
    return [changed if changed < time.time_ns() - RACY_NS else 0, packages, sources]


def _is_site_changed(folders: Mapping[str, Any]) -> bool:
    """A new .pth file there may have led sys.path elsewhere."""
    for path, (changed, _, _) in folders.items():
        if path.endswith(("site-packages", "dist-packages")):
            try:
                now = os.stat(path).st_mtime_ns
            except OSError:
                now = 0
            if now != changed:
                return True
    return False


def _start(command: Sequence[str], env: Mapping[str, str], cwd: str) -> list[str]:
    import signal
    import subprocess

    child_env = {k: v for k, v in env.items() if k != "PYTHONINSPECT"}
    try:
        # A session of its own: Ctrl-C is the training's, and a launcher that hangs ends with all it started.
        process = subprocess.Popen(
            [*command, "-c", _QUESTION],
            env=child_env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as e:
        raise ProbeError(f"{command[0]} cannot be started: {e}") from e
    with process:
        try:
            out, err = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired as e:
            os.killpg(process.pid, signal.SIGKILL)
            raise ProbeError(f"{command[0]} did not answer within {TIMEOUT:g} seconds") from e
    _, mark, answer = out.rpartition(_MARK)
    words = answer.decode("utf-8", "surrogateescape").split("\0")
    if not mark or process.returncode != 0 or len(words) < 5:
        said = err.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
        raise ProbeError(f"{command[0]} gave no answer (exit code {process.returncode}): {said}")
    return words


def _load(path: str) -> dict[str, Any]:
    try:
        known = json.loads(files.read_bytes(path))
        is_whole = all(len(f) == 3 for f in known["folders"].values()) and len(known["answer"]) >= 5
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # not there, torn, or another version's: asked again
    return known if is_whole else {}


def _save(path: str, answer: dict[str, Any]) -> None:
    """A cache that cannot be written costs the next run a question, and nothing else."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        files.write_atomic(path, json.dumps(answer).encode("ascii"), durable=False)
    except OSError:
        return
