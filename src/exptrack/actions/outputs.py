"""Declared outputs -> objects. Also after a failure: what the program left behind is exactly what is missed later."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping, Sequence

from exptrack.actions.one_output import Keeper, OneOutput
from exptrack.actions.written import Since, is_older
from exptrack.config import Project
from exptrack.model import Artifact, Declared, StoredFile
from exptrack.store.bulk import Bulk
from exptrack.store.hints import Hints
from exptrack.store.place import Store
from exptrack.together import each, processors
from exptrack.typed import Protocol

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# From so many files or bytes on several are stored at once.
MANY, LARGE = 32, 1 << 23


class Storage(Keeper, Protocol):
    """A store's objects, as Bulk explains them."""

    def settle(self) -> Mapping[str, OSError]: ...
    def forget(self, digests: Iterable[str]) -> None: ...


def store_outputs(
    project: Project, store: Store, declared: Sequence[Declared], cwd: str, since: Since
) -> tuple[list[Artifact], list[str]]:
    """`keep_outputs` as a run does it at its end: many at once, and what was stored by an earlier run is only read."""
    hints = Hints(project.cache)
    bulk = Bulk(store.objects.root, hints)
    try:
        artifacts, warnings = keep_outputs(bulk, declared, cwd, since)
    finally:
        bulk.drop()
    try:
        hints.save()
    except OSError as e:
        warnings.append(f"the next run copies its outputs before it knows that they are stored: {e}")
    return artifacts, warnings


def keep_outputs(
    objects: Storage, declared: Sequence[Declared], cwd: str, since: Since
) -> tuple[list[Artifact], list[str]]:
    """Store every file or folder that matches, all at once; (artifacts, warnings). A pattern without a match is a
    warning; an output that cannot be kept whole is one too, and is not kept at all; one that is older than `since` is
    kept, marked and said."""
    found = [(output, path) for output in declared for path in _find(output.pattern, cwd)]
    by_path = {path: OneOutput(path, cwd) for _, path in found}
    _keep(objects, list(by_path.values()))
    if len(by_path) > 1:
        # While all were under way each took room from the others: what fits alone is kept all the same.
        for one in [one for one in by_path.values() if one.trouble and one.trouble.errno in NO_ROOM]:
            one.look()
            _keep(objects, [one])
    kept: dict[tuple[str, str], Artifact] = {}
    named = {output for output, _ in found}
    warnings = [f"output {o.label} is missing: nothing at {o.pattern}" for o in declared if o not in named]
    for output, path in found:
        one, label = by_path[path], output.label
        if one.trouble:
            warnings.append(f"output {label} not kept: {path}: {one.trouble.strerror or one.trouble}")
            continue
        artifact = one.artifact(label, is_older=is_older(path, since))
        kept[artifact.kind, artifact.path] = artifact
        warnings += [f"output {label}: {path}: left out {what}" for what in one.left_out]
        if artifact.is_older:
            warnings.append(f"output {label}: {output.pattern} was not written by this run: it is older")
    return list(kept.values()), warnings


def _keep(objects: Storage, wanted: Sequence[OneOutput]) -> None:
    """Store these; what stays without `trouble` is whole, durable and named."""
    jobs = [(one, name) for one in wanted for name in one.names]
    each(lambda job: job[0].keep(objects, job[1]), jobs, threads=_threads(wanted, len(jobs)))
    for one in wanted:
        one.close(objects)
    good = {digest for one in wanted if not one.trouble for digest in one.digests()}
    objects.forget({digest for one in wanted if one.trouble for digest in one.digests()} - good)
    try:
        refused = objects.settle()
    except OSError as e:
        refused = dict.fromkeys(good, e)
    for one in wanted:
        for digest in one.digests() & refused.keys():
            one.trouble = one.trouble or refused[digest]


def keep_folder(objects: Keeper, top: str) -> list[StoredFile]:
    """Everything below a folder that has bytes, as the entries of its tree. OSError when not all of it can be read."""
    found = OneOutput(top, top, is_strict=True)
    each(lambda name: found.keep(objects, name), found.names, threads=_threads([found], len(found.names)))
    if found.trouble:
        raise found.trouble
    return found.entries()


def _find(pattern: str, cwd: str) -> list[str]:
    """What a pattern names, outermost only: `out/**` matches a folder and everything in it."""
    try:
        full = os.path.join(cwd, os.path.expanduser(pattern))
        if os.path.lexists(full):
            return [full]
        from glob import glob

        found = glob(full, recursive=True)
    except ValueError:
        return []  # a NUL, or a character no file name can have: a program may declare anything
    out: list[str] = []
    for path in sorted(found, key=lambda p: p.split("/")):
        if not (out and os.path.isdir(out[-1]) and path.startswith(os.path.join(out[-1], ""))):
            out.append(path)
    return out


def _threads(wanted: Sequence[OneOutput], count: int) -> int:
    """One for little: a thread costs more than a small file."""
    if count >= MANY:
        return processors()
    size = sum(one.size_of(name) for one in wanted for name in one.names)
    return processors() if count > 1 and size >= LARGE else 1
