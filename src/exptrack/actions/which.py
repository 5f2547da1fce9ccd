"""`which`: the run behind a file (by its bytes, whatever it is called now), a folder, or a model."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import NamedTuple

from exptrack.actions.find import load_run, outputs_with
from exptrack.actions.outputs import keep_folder
from exptrack.actions.promote import models
from exptrack.config import Project
from exptrack.errors import ExptrackError, NoSuchRun
from exptrack.model import Run
from exptrack.store.place import Store
from exptrack.store.trees import encode_tree


class Match(NamedTuple):
    """One run that kept these bytes, and what it called them."""

    run: Run
    kind: str
    path: str


class Answer(NamedTuple):
    """Newest match first. `digest` None: a model was asked for."""

    asked: str
    digest: str | None
    matches: tuple[Match, ...]


def which(project: Project, store: Store, asked: str) -> Answer:
    """NoSuchRun (exit 3) when it is neither a file nor a model; a file nobody made has no matches."""
    if os.path.exists(asked):
        try:
            digest = digest_of(asked)
        except OSError as e:
            raise ExptrackError(f"cannot read {asked}: {e.strerror}", "name a file or folder that you may read") from e
        return Answer(asked, digest, _matches(project, store, digest))
    if len(asked) == 64 and set(asked) <= set("0123456789abcdef"):
        return Answer(asked, asked, _matches(project, store, asked))
    model = asked.removesuffix("@")
    try:
        history = models(store, model)[0]
    except ExptrackError as e:
        raise NoSuchRun(
            f"{asked} is no file and no model", f"models: {', '.join(store.records.models()) or 'none'}"
        ) from e
    if history.current is None:
        raise ExptrackError(f"{model} has no current run", f"`exptrack models {model}` shows its history", 1)
    return Answer(asked, None, (Match(load_run(project, store, history.current), "model", model),))


def _matches(project: Project, store: Store, digest: str) -> tuple[Match, ...]:
    found = outputs_with(project, store, digest)
    return tuple(Match(load_run(project, store, o.run_id), o.kind, o.path) for o in found)


def digest_of(path: str) -> str:
    """sha256 of a file's bytes; of a folder: of its tree, as an artifact of the same content has it. OSError for what
    has no bytes or may not be read."""
    if os.path.isfile(path):
        return _sum(path)
    if not os.path.isdir(path):
        raise OSError(errno.EINVAL, "not a file or folder", path)
    return hashlib.sha256(encode_tree(keep_folder(_Summer(), path))).hexdigest()


class _Summer:
    """Takes bytes as a store does, but only to tell their digest."""

    def add_bytes(self, data: bytes) -> str:
        return hashlib.sha256(data).hexdigest()

    def add_file(self, path: str) -> tuple[str, int]:
        return _sum(path), os.stat(path).st_size


def _sum(path: str) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
