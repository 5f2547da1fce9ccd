"""How large the snapshot would be, known before a byte is read; and the refusal of one that is too large."""

from __future__ import annotations

import os
from collections.abc import Iterator
from stat import S_ISDIR

from exptrack.amounts import size as in_words
from exptrack.capture.seen import ABSENT, Row, Seen, look_at
from exptrack.capture.survey import Survey
from exptrack.errors import NotStarted

LARGEST = 5


def weigh(survey: Survey, seen: Seen, before: dict[str, Row], max_bytes: int) -> dict[str, Row]:
    """Look at every file whose size the last snapshot does not tell -> the dirty and untracked ones with their rows.

    `before` gets rows of clean files as they are now, before the child can touch them: of all where the listing is
    new, else of those that cannot be trusted unseen. NotStarted when everything together is over `max_bytes`."""
    candidates: dict[str, Row] = {}
    for path in (*survey.dirty, *survey.untracked):
        row = look_at(os.path.join(survey.root, path))
        if row != ABSENT and not S_ISDIR(row[0]):
            candidates[path] = row
    dirty, inside = set(survey.dirty), os.path.join(survey.root, "")
    for repository in survey.repositories:
        doubtful = repository.paths
        if repository.is_known:
            doubtful = [*repository.doubtful, *seen.unsure_of(repository.prefix)]
        for path in doubtful:
            if path not in dirty:
                before[path] = look_at(inside + path)
    known = sum(sum(seen.sizes(*seen.segment(r.prefix))) for r in survey.repositories if r.is_known)
    looked_at = sum(row[4] for row in (*before.values(), *candidates.values()))
    if known + looked_at > max_bytes:  # what was looked at again counts twice here: now exactly
        sizes = dict(_remembered(survey, seen, dirty.union(before)))
        sizes.update((p, row[4]) for p, row in (*before.items(), *candidates.items()))
        if sum(sizes.values()) > max_bytes:
            raise _too_large(sizes, max_bytes, is_git=survey.is_git)
    return candidates


def _remembered(survey: Survey, seen: Seen, looked_at: set[str]) -> Iterator[tuple[str, int]]:
    for repository in survey.repositories:
        if repository.is_known:
            start, count = seen.segment(repository.prefix)
            for path, size in zip(repository.paths, seen.sizes(start, count), strict=True):
                if path not in looked_at:
                    yield path, size


def _too_large(sizes: dict[str, int], max_bytes: int, *, is_git: bool) -> NotStarted:
    largest = sorted(sizes, key=lambda p: (-sizes[p], p))[:LARGEST]
    names = ", ".join(f"{ascii(p)[1:-1]} ({in_words(sizes[p])})" for p in largest)
    total = in_words(sum(sizes.values()))
    # Outside a repository nobody reads a .gitignore.
    ignored = " (.gitignore too, for those git does not track)" if is_git else ""
    return NotStarted(
        f"the code snapshot would be {total}, more than {in_words(max_bytes)}; the largest files: {names}",
        f'[snapshot] exclude = ["{ascii(largest[0])[1:-1]}"] in exptrack.toml leaves files out{ignored}; '
        "[snapshot] max_size allows more",
    )
