"""The output of a run that declared none: in a managed training job (SageMaker, Vertex) the folder it must leave its
model in. Decided at the end: the program may still declare outputs of its own, or leave nothing there."""

from __future__ import annotations

import os

from exptrack.actions.written import Since, is_older
from exptrack.capture.managed import MOUNT, mounted
from exptrack.model import Declared, Start


def default_outputs(start: Start, since: Since, mount: str = MOUNT) -> tuple[list[Declared], list[str]]:
    """(outputs, warnings). An empty folder, or one this run wrote nothing into since it began, is no model of it."""
    named = start.extra.get("default_model")
    if not isinstance(named, str) or not named:
        return [], []
    path = mounted(named, mount)
    if path is None:
        return [], [
            f"the model is not kept: AIP_MODEL_DIR is {named}, and its bucket is not mounted below {mount}; "
            "declare the folder it was saved in with -o model=PATH"
        ]
    full = os.path.join(start.cwd, path)
    if not _has_bytes(full) or is_older(full, since):
        return [], []
    return [Declared(label="model", pattern=path)], []


def _has_bytes(path: str) -> bool:
    return os.path.isfile(path) or any(files for _, _, files in os.walk(path))
