"""The last look at a run before it is sealed: nothing that has the shape of a token is in its manifest or its points.

What people and programs are known to put secrets into (arguments, parameters, tags, notes, logs) was judged before, by
its names too. This is the net below it: paths, metric names, groups, patterns and whatever comes to be recorded later.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from exptrack import wire
from exptrack.capture.redact import mask_shapes
from exptrack.files import write_all
from exptrack.model import RunManifest
from exptrack.typed import Any


def without_tokens(manifest: RunManifest) -> RunManifest:
    """The manifest itself, as a rule; one with `[redacted]` in their place when there are tokens in it."""
    if not mask_shapes(wire.encode(manifest))[1]:
        return manifest
    return wire.from_plain(RunManifest, _clean(wire.plain(manifest)))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        masked, count = mask_shapes(value.encode("utf-8", "surrogatepass"))
        return masked.decode("utf-8", "surrogatepass") if count else value
    if isinstance(value, dict):
        return {_clean(k): _clean(v) for k, v in value.items()}
    return [_clean(v) for v in value] if isinstance(value, list) else value


def rename_points(path: str) -> None:
    """Take tokens out of the names of metrics in a file of points; OSError when the disk does not take the new one."""
    if not os.path.exists(path) or not any(count for _, count in _masked(path)):
        return
    renamed = path + ".renamed"
    fd = os.open(renamed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        for line, _ in _masked(path):
            write_all(fd, line)
    finally:
        os.close(fd)
    os.replace(renamed, path)


def _masked(path: str) -> Iterator[tuple[bytes, int]]:
    """Every line with its name masked, and whether it was. Only names are looked at: the rest of a block is numbers."""
    with open(path, "rb") as f:
        for line in f:
            at = line.find(b'"name":')
            name, end = _string_at(line, at + 7) if at >= 0 else (b"", 0)
            masked, count = mask_shapes(name)
            yield (line[: end - len(name)] + masked + line[end:] if count else line), count


def _string_at(line: bytes, start: int) -> tuple[bytes, int]:
    """The JSON string that begins at or behind `start`, and where it ends; (b"", start) when there is none."""
    text = line[start : start + 4096].decode("ascii", "replace")
    space = len(text) - len(text.lstrip())
    try:
        _, length = json.JSONDecoder().raw_decode(text, space)
    except ValueError:
        return b"", start
    return line[start + space : start + length], start + length
