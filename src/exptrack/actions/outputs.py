"""Declared outputs -> objects. Also after a failure: what the program left behind is exactly what is missed later."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from exptrack.actions.one_output import Keeper, OneOutput, Stretch
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

    root: str

    def add_pieces(self, pieces: Iterable[bytes]) -> str: ...
    def settle(self) -> Mapping[str, OSError]: ...
    def forget(self, digests: Iterable[str], spared: Iterable[str] = ()) -> None: ...


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
    by_path = {path: OneOutput(path, cwd, objects.root) for _, path in found}
    try:
        return _kept(objects, declared, found, by_path, since)
    finally:
        for one in by_path.values():
            one.done()


def _kept(
    objects: Storage,
    declared: Sequence[Declared],
    found: Sequence[tuple[Declared, str]],
    by_path: Mapping[str, OneOutput],
    since: Since,
) -> tuple[list[Artifact], list[str]]:
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
    jobs = ((one, stretch) for one in wanted for stretch in one.stretches())
    begun = list(islice(jobs, MANY))
    each(lambda job: job[0].keep(objects, job[1]), chain(begun, jobs), threads=_threads(begun))
    for one in wanted:
        one.close(objects.add_pieces)
    good, bad = [one for one in wanted if not one.trouble], [one for one in wanted if one.trouble]
    if bad:
        objects.forget(_digests(bad), _digests(good))
    try:
        refused = objects.settle()
    except OSError as e:
        for one in good:
            one.trouble = e
        return
    for one in good if refused else ():
        one.trouble = next((refused[digest] for digest in one.digests() if digest in refused), None)


def _digests(outputs: Iterable[OneOutput]) -> Iterator[str]:
    return (digest for one in outputs for digest in one.digests())


def keep_folder(objects: Keeper, top: str) -> list[StoredFile]:
    """Everything below a folder that has bytes, as the entries of its tree. OSError when not all of it can be read."""
    found = OneOutput(top, top, None, is_strict=True)
    stretches = found.stretches()
    begun = list(islice(stretches, MANY))
    threads = _threads([(found, stretch) for stretch in begun])
    each(lambda stretch: found.keep(objects, stretch), chain(begun, stretches), threads=threads)
    try:
        if found.trouble:
            raise found.trouble
        return list(found.entries())
    finally:
        found.done()


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


def _threads(jobs: Sequence[tuple[OneOutput, Stretch]]) -> int:
    """One for little: a thread costs more than a small file."""
    if len(jobs) >= MANY:
        return processors()
    size = sum(one.size_of(name) for one, stretch in jobs for name in stretch.names)
    return processors() if len(jobs) > 1 and size >= LARGE else 1
