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
from collections.abc import Mapping
from typing import Any

__version__ = "0.1.0"
__all__ = ["artifact", "log", "params", "tags"]

_fd = -1
_owner = 0
_is_broken = False


def log(metrics: Mapping[str, Any] | None = None, *, step: float | None = None, **more: Any) -> None:
    """Metrics of one moment: `log(step=3, loss=0.3)`, `log({"val/acc": 0.9}, step=3)`; numpy and torch scalars too."""
    line = more if metrics is None else {**metrics, **more}
    _write(line if step is None else {"step": step, **line})


def params(values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
    """Parameters of the run; they win over those of the command line."""
    _write({"params": {**(values or {}), **more}})


def tags(values: Mapping[str, str] | None = None, /, **more: str) -> None:
    """Tags of the run, as `-t` gives them."""
    _write({"tags": {**(values or {}), **more}})


def artifact(kind: str, path: str | os.PathLike[str]) -> None:
    """A file or folder to keep when the run ends, also when it fails; `kind` is model, tokenizer, split, ..."""
    _write({"artifact": {"kind": kind, "path": os.path.abspath(path)}})


def _write(line: Mapping[str, Any]) -> None:
    global _fd, _owner, _is_broken
    if _is_broken:
        return
    path = os.environ.get("EXPTRACK_METRICS")
    if not path:
        return
    try:
        if _fd < 0 or _owner != os.getpid():
            # O_APPEND: lines of several processes of one run do not overwrite each other.
            _fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            _owner = os.getpid()
        os.write(_fd, json.dumps(line, default=_plain).encode("ascii") + b"\n")
    except (OSError, TypeError, ValueError, RecursionError) as e:
        _is_broken = isinstance(e, OSError)
        print(f"exptrack: not recorded: {e}", file=sys.stderr)


def _plain(value: Any) -> Any:
    """What json does not know: numpy and torch scalars have item(), paths and the rest become text."""
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)
