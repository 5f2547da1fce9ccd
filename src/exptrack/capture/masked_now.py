"""What stands now where the last snapshot masked something, by its digest, as [secrets] allow takes it.

For the terminal of somebody who can read the file; it is kept nowhere, since a short password can be guessed from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence

from exptrack.capture.code_secrets import find_secrets, lines_of, value_id
from exptrack.capture.masked_copy import WHOLE, opened
from exptrack.capture.scope import compile_globs
from exptrack.capture.seen import CACHE_FILE
from exptrack.typed import NamedTuple


class Masked(NamedTuple):
    """`place`: as train.py:12."""

    place: str
    value_id: str


def masked_now(cache_folder: str, root: str, allowed: Collection[str], allowed_in: Sequence[str]) -> Iterator[Masked]:
    """Of the files below `root` that the last snapshot masked something in, as they are now; of large ones the first
    WHOLE bytes. What is gone, cannot be read or is `allowed_in` is passed over: the next snapshot sees it anew."""
    try:
        with open(os.path.join(cache_folder, CACHE_FILE), "rb") as f:
            paths = sorted(json.loads(f.readline())["masked"])
    except (OSError, ValueError, KeyError, TypeError):
        return  # no cache: there was no snapshot
    is_innocent = compile_globs(allowed_in)
    for path in paths:
        if allowed_in and is_innocent(path):
            continue
        try:
            with opened(os.path.join(root, path)) as f:
                data = f.read(WHOLE)
        except OSError:
            continue
        spans = find_secrets(data, path, allowed)
        for line, span in zip(lines_of(data, spans), spans, strict=True):
            yield Masked(f"{path}:{line}", value_id(data[slice(*span)]))
