"""Lists of digests as `sha256sum`, `sha256sum --tag` and people write them: one a line.

`DIGEST  NAME` (a `*` for the second blank: read as binary), `SHA256 (NAME) = DIGEST`, or a digest alone, each also with
`sha256:` in front. A backslash in front of a line means that the name is escaped (coreutils manual, md5sum invocation).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from exptrack.errors import ExptrackError

_LINE = re.compile(r"(\\?)(?:(?i:sha256):)?([0-9a-fA-F]{64})(?: [ *]|[ \t]+|\Z)(.*)\Z", re.S)
_TAGGED = re.compile(r"(\\?)SHA256 \((.*)\) = ([0-9a-fA-F]{64})\Z", re.S)
_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\\\": "\\"}


def read_digests(lines: Iterable[str]) -> list[tuple[str, str]]:
    """(name, sha256 in lower case) of each line that is not empty; without a name the digest stands for it.
    ExptrackError (exit 2) for a line that is no such thing, with its number, and for a list without any."""
    found = []
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n").lstrip(" \t")
        if not text:
            continue
        if m := _LINE.match(text):
            escaped, digest, name = m[1], m[2].lower(), m[3]
        elif m := _TAGGED.match(text):
            escaped, name, digest = m[1], m[2], m[3].lower()
        else:
            raise ExptrackError(
                f"line {number} is no digest: {text:.80}",
                "one a line, as `sha256sum FILE…` prints them: `DIGEST  NAME`",
            )
        if escaped:
            name = re.sub(r"\\[nr\\]", lambda e: _ESCAPES[e[0]], name)
        found.append((name or digest, digest))
    if not found:
        raise ExptrackError("no digest to ask for", "`sha256sum FILE… | exptrack which -`")
    return found
