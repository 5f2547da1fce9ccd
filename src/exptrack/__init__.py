"""exptrack: what a training script may say to its run. Standard library only; outside a run every call does nothing.

    import exptrack
    exptrack.params(lr=0.1); exptrack.log(step=3, loss=0.3); exptrack.artifact("model", "model.pt")

Each call appends one JSON line to $EXPTRACK_METRICS (docs/sidecar.md). Nothing here raises into a training: what cannot
be written is dropped with one warning on stderr.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False  # as type checkers know it, without the 3 ms that importing `typing` costs every training
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__version__ = "0.1.0"
__all__ = ["artifact", "log", "params", "tags"]

# The open file: path, descriptor, and which file that descriptor was.
_open_file: tuple[str, int, tuple[int, int]] = ("", -1, (0, 0))
_is_broken = False
_has_warned = False


def log(metrics: Mapping[str, Any] | None = None, step: float | None = None, **more: Any) -> None:
    """Metrics of one moment: `log(step=3, loss=0.3)`, `log({"val/acc": 0.9}, 3)`; numpy and torch scalars too."""
    path = os.environ.get("EXPTRACK_METRICS")
    if not path or _is_broken:
        return
    # Written out, where the other calls hand a function to _write: this one runs at every step of a training.
    try:
        line = _encode({**(metrics or {}), **more} if step is None else {"step": step, **(metrics or {}), **more})
    except Exception as e:  # noqa: BLE001 - a tracker may not end a training, whatever the values it was handed do
        _warn(e)
        return
    _append(path, line)


def params(values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
    """Parameters of the run; they win over those of the command line."""
    _write(lambda: {"params": {**(values or {}), **more}})


def tags(values: Mapping[str, str] | None = None, /, **more: str) -> None:
    """Tags of the run, as `-t` gives them."""
    _write(lambda: {"tags": {**(values or {}), **more}})


def artifact(*named: str | os.PathLike[str], kind: str = "output", path: str | os.PathLike[str] | None = None) -> None:
    """A file or folder to keep when the run ends, also when it fails: `artifact("model", "m.pt")`, `artifact("m.pt")`,
    `artifact("m.pt", kind="model")`; the kind is model, tokenizer, split, ... or any word."""
    _write(lambda: {"artifact": _kept(*named, kind=kind, path=path)})


def _kept(*named: str | os.PathLike[str], kind: str, path: str | os.PathLike[str] | None) -> dict[str, str]:
    """ValueError, which becomes a warning, when it is not said which of the words is the path."""
    rest = list(named) if path is None else [*named, path]
    if len(rest) == 2 and kind == "output":
        kind = os.fspath(rest.pop(0))
    if len(rest) != 1:
        raise ValueError("artifact() takes a kind and a path")
    return {"kind": kind, "path": os.path.abspath(os.fspath(rest[0]))}


def _write(line: Callable[[], Mapping[str, Any]]) -> None:
    path = os.environ.get("EXPTRACK_METRICS")
    if not path or _is_broken:
        return
    try:
        text = _encode(line())
    except Exception as e:  # noqa: BLE001 - a tracker may not end a training, whatever the values it was handed do
        _warn(e)
        return
    _append(path, text)


def _append(path: str, line: str) -> None:
    """One write for one line, at once: a training that is killed has lost none of those it logged."""
    global _is_broken
    data = (line + "\n").encode("ascii")
    try:
        while data:
            data = data[os.write(_descriptor(path), data) :]
    except OSError as e:
        _is_broken = True
        _warn(e)


def _descriptor(path: str) -> int:
    """The file, opened once. Asked again at every line: a program that closed all descriptors (a daemon does) may have
    another file of its own under this number by now, and our lines must never end up there."""
    global _open_file
    known, fd, identity = _open_file
    if known == path and fd >= 0:
        try:
            now = os.fstat(fd)
            if (now.st_dev, now.st_ino) == identity:
                return fd
        except OSError:
            fd = -1
    # O_APPEND: lines of several processes and threads of one run do not overwrite each other.
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    made = os.fstat(fd)
    _open_file = (path, fd, (made.st_dev, made.st_ino))
    return fd


def _warn(problem: Exception) -> None:
    """Once a process: a training that logs a million steps is not told a million times."""
    global _has_warned
    if _has_warned or sys.stderr is None:
        return
    _has_warned = True
    try:
        print(f"exptrack: not recorded: {type(problem).__name__}: {problem}", file=sys.stderr)
    except Exception:  # noqa: BLE001 - stderr is closed, or the problem cannot even be printed: nobody is there to hear
        return


def _plain(value: Any) -> Any:
    """What json does not know: numpy and torch scalars have item(), paths, arrays and the rest become text."""
    try:
        scalar = value.item()
    except Exception:  # noqa: BLE001 - none, or an array of several: numpy, torch and jax each raise something else
        return str(value)
    return scalar if isinstance(scalar, (bool, int, float, str)) else str(value)


# Made once: json.dumps would make one at every call, a tenth of the time of a line. The check for what refers to
# itself stays, 0.1 us a line: by its depth alone it would take a program down that has raised its recursion limit.
_encode = json.JSONEncoder(default=_plain).encode
