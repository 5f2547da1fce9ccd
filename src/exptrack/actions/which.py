"""`which`: the run behind a file (by its bytes, whatever it is called now), a folder, a list of digests, or a model."""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from exptrack.actions.digest_list import read_digests
from exptrack.actions.find import Library, Output, load_run, opened, outputs_with
from exptrack.actions.outputs import keep_folder
from exptrack.actions.promote import models
from exptrack.config import Project
from exptrack.errors import Damaged, ExptrackError, NoSuchRun
from exptrack.model import Run, StoredFile
from exptrack.reproduction import TAG
from exptrack.store.as_read import LINK, digest_as_read
from exptrack.store.place import Store
from exptrack.store.trees import encode_tree
from exptrack.typed import NamedTuple


class Match(NamedTuple):
    """One run that kept these bytes, and what it called them. `is_older`: it has not written them, they lay there;
    `promotions`: (model, number) it ever was promoted as; `repeats`: the run it is a copy of, made by `reproduce`."""

    run: Run
    kind: str
    path: str
    is_older: bool = False
    promotions: tuple[tuple[str, int], ...] = ()
    repeats: str | None = None

    def is_current(self, model: str, number: int) -> bool:
        """Is that promotion the one in force?"""
        return model in self.run.models and number == max(n for m, n in self.promotions if m == model)


class Use(NamedTuple):
    """A run that read these bytes, as its input `name`."""

    run_id: str
    name: str
    path: str


class Answer(NamedTuple):
    """The runs that wrote it first, then those that only kept what lay there, then copies by `reproduce`; newest first
    among each. `digest` None: a model was asked for. `files`: of a folder that no run kept as a whole. `uses`: where no
    run kept it, those that had it as an input, newest first."""

    asked: str
    digest: str | None
    matches: tuple[Match, ...]
    files: tuple[Answer, ...] = ()
    uses: tuple[Use, ...] = ()

    @property
    def is_known(self) -> bool:
        """Has a run made it or read it, or every file of it?"""
        return bool(self.matches or self.uses or self.files) and all(f.is_known for f in self.files)


def which(project: Project, store: Store, asked: str) -> Answer:
    """NoSuchRun (exit 3) when it is neither a file nor a model (MODEL, MODEL@ or MODEL@N); a file nobody made has no
    matches."""
    if os.path.exists(asked):
        try:
            entries = _entries(asked)
            digest = _sum(asked) if entries is None else _tree_digest(entries)
        except OSError as e:
            raise ExptrackError(f"cannot read {asked}: {e.strerror}", "name a file or folder that you may read") from e
        with opened(project, store) as library:
            return _answer(library, cache(library.load), asked, digest, entries or ())
    if len(asked) == 64 and set(asked) <= set("0123456789abcdef"):
        with opened(project, store) as library:
            return _answer(library, library.load, asked, asked)
    model, run = _held(store, asked)
    return Answer(asked, None, (Match(load_run(project, store, run), "model", model),))


def _held(store: Store, asked: str) -> tuple[str, str]:
    """(model, id of the run) of MODEL, MODEL@ or MODEL@N. NoSuchRun, or exit 1 for a model that has no run there."""
    model, _, number = asked.partition("@")
    try:
        if not ((number.isascii() and number.isdigit()) or number == ""):
            raise NoSuchRun(f"no model {asked}", "")
        history = models(store, model)[0]
    except Damaged:
        raise
    except ExptrackError as e:
        known = ", ".join(store.records.models()) or "none"
        raise NoSuchRun(f"{asked} is no file and no model", f"models: {known}") from e
    hint = f"`exptrack models {shlex.quote(model)}` shows its history"
    if not number:
        if history.current is None:
            raise ExptrackError(f"{model} has no current run", hint, 1)
        return model, history.current
    found = [p.run for p in history.promotions if str(p.sequence) == number]
    if not found:
        raise NoSuchRun(f"{model} has no promotion {number}", hint)
    if found[0] is None:
        raise ExptrackError(f"{model} had no run then: promotion {number} was a demotion", hint, 1)
    return model, found[0]


def which_listed(project: Project, store: Store, lines: Iterable[str]) -> list[Answer]:
    """One answer a line of a digest list, in its order. ExptrackError (exit 2) for a line that is none, or no line."""
    listed = read_digests(lines)
    with opened(project, store) as library:
        runs = cache(library.load)  # thousands of files, and few runs that made them
        return [_answer(library, runs, name, digest) for name, digest in listed]


def _answer(
    library: Library, runs: Callable[[str], Run], asked: str, digest: str, entries: Sequence[StoredFile] = ()
) -> Answer:
    found, read = outputs_with(library, digest), digest_as_read(entries)
    if not found and read:
        found = outputs_with(library, read)
    if found:
        matches = [_match(library, runs(o.run_id), o) for o in found]
        return Answer(asked, digest, tuple(sorted(matches, key=lambda m: (bool(m.repeats), m.is_older))))
    if uses := _uses(library, digest, read or digest):
        return Answer(asked, digest, (), (), tuple(uses))
    files = [_answer(library, runs, os.path.join(asked, f.path), f.digest) for f in entries if f.mode != LINK]
    return Answer(asked, digest, (), tuple(files))


def _match(library: Library, run: Run, output: Output) -> Match:
    kept = [a for a in run.manifest.kept if a.kind == output.kind]
    mine = [a for a in kept if output.path == a.path or (a.is_tree and output.path.startswith(f"{a.path}/"))]
    is_older = bool(mine) and all(a.is_older for a in mine)
    sql = "SELECT model, sequence FROM promotions WHERE run = ? ORDER BY model, sequence"
    promotions = tuple((str(m), int(n)) for m, n in library.index.select(sql, (run.id,)))
    return Match(run, output.kind, output.path, is_older, promotions, run.tags.get(TAG))


def _uses(library: Library, *digests: str) -> list[Use]:
    """Runs with an input of one of these digests; a folder may be noted by either."""
    sql = (
        "SELECT DISTINCT i.run, i.name, i.path FROM inputs i JOIN runs r ON r.id = i.run WHERE i.digest IN (?, ?) "
        "ORDER BY r.started DESC, r.id DESC, i.name"
    )
    both = (digests[0], digests[-1])
    return [Use(*row) for index in reversed(library.indexes()) for row in index.select(sql, both)]


def digest_of(path: str) -> str:
    """sha256 of a file's bytes; of a folder: of its tree, as an artifact of the same content has it. OSError for what
    has no bytes or may not be read."""
    entries = _entries(path)
    return _sum(path) if entries is None else _tree_digest(entries)


def _entries(path: str) -> list[StoredFile] | None:
    """What is in a folder; None for a file. OSError for anything else."""
    if os.path.isfile(path):
        return None
    if not os.path.isdir(path):
        raise OSError(errno.EINVAL, "not a file or folder", path)
    return keep_folder(_Summer(), path)


def _tree_digest(entries: Sequence[StoredFile]) -> str:
    return hashlib.sha256(encode_tree(entries)).hexdigest()


class _Summer:
    """Takes bytes as a store does, but only to tell their digest."""

    def add_bytes(self, data: bytes) -> str:
        return hashlib.sha256(data).hexdigest()

    def add_file(self, path: str) -> tuple[str, int]:
        return _sum(path), os.stat(path).st_size


def _sum(path: str) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
