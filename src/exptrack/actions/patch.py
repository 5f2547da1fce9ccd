"""Two code snapshots as a patch that `git apply` takes: git's extended headers, unified hunks, literal binary patches.

Format: git-diff(1) "Generating patch text with -p"; binary hunks as git's `--binary` writes them (zlib, base 85, at
most 52 bytes a line). Text is str with undecodable bytes as surrogates: write it with errors="surrogateescape".
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b85encode
from collections.abc import Iterator, Sequence

from exptrack.actions import lines
from exptrack.actions.diff_code import FilePair, is_large, pair_files, read_both
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.store.place import Store

LARGEST_BINARY = 1 << 20
_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}
NO_BLOB = "0" * 40


def patch(store: Store, a: str | None, b: str | None) -> Iterator[str]:
    """The patch from tree `a` to tree `b`, in pieces that end with a newline, file by file in the order of paths.

    A binary file over LARGEST_BINARY is only named ("Binary files ... differ"), as git does without --binary: then the
    patch cannot be applied. Damaged when bytes are gone."""
    for pair in pair_files(store, a, b):
        if pair.a and pair.b and (pair.a.mode == "120000") != (pair.b.mode == "120000"):
            # A file that became a symlink, or back: git wants to see it removed and made anew.
            yield from _file(store, FilePair(pair.a, None))
            yield from _file(store, FilePair(None, pair.b))
        else:
            yield from _file(store, pair)


def _file(store: Store, pair: FilePair) -> Iterator[str]:
    name_a, name_b = (pair.a or pair.b).path, (pair.b or pair.a).path  # type: ignore[union-attr]  # one of them is there
    old, new = quote("a/" + name_a), quote("b/" + name_b)
    yield f"diff --git {old} {new}\n"
    yield from _modes(pair)
    if pair.is_renamed:
        yield f"similarity index 100%\nrename from {quote(name_a)}\nrename to {quote(name_b)}\n"
    if pair.a and pair.b and pair.a.digest == pair.b.digest:
        return
    shown_a = _shown(old) if pair.a else "/dev/null"
    shown_b = _shown(new) if pair.b else "/dev/null"
    if is_large(pair):
        yield f"Binary files {shown_a.rstrip()} and {shown_b.rstrip()} differ\n"
        return
    a, b = read_both(store, pair)
    yield f"index {_blob(a) if pair.a else NO_BLOB}..{_blob(b) if pair.b else NO_BLOB}\n"
    if lines.is_binary(a) or lines.is_binary(b):
        if max(len(a), len(b)) > LARGEST_BINARY:
            yield f"Binary files {shown_a.rstrip()} and {shown_b.rstrip()} differ\n"
        else:
            yield "GIT binary patch\n" + _literal(b) + _literal(a)
    elif a or b:
        yield f"--- {shown_a}\n+++ {shown_b}\n"
        yield from _hunks(lines.split(a), lines.split(b))


def _modes(pair: FilePair) -> Iterator[str]:
    if pair.a is None and pair.b is not None:
        yield f"new file mode {pair.b.mode}\n"
    elif pair.b is None and pair.a is not None:
        yield f"deleted file mode {pair.a.mode}\n"
    elif pair.a and pair.b and pair.a.mode != pair.b.mode:
        yield f"old mode {pair.a.mode}\nnew mode {pair.b.mode}\n"


def _hunks(a: Sequence[bytes], b: Sequence[bytes]) -> Iterator[str]:
    for hunk in lines.hunks(lines.compare(a, b)):
        first, last = hunk[0], hunk[-1]
        yield f"@@ -{_range(first.a0, last.a1)} +{_range(first.b0, last.b1)} @@\n"
        for block in hunk:
            if block.is_equal:
                yield from _marked(" ", a[block.a0 : block.a1])
            else:
                yield from _marked("-", a[block.a0 : block.a1])
                yield from _marked("+", b[block.b0 : block.b1])


def _range(start: int, end: int) -> str:
    """Lines count from 1; an empty range names the line before it."""
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _marked(mark: str, texts: Sequence[bytes]) -> Iterator[str]:
    for line in texts:
        text = line.decode("utf-8", "surrogateescape")
        yield mark + text if text.endswith("\n") else f"{mark}{text}\n\\ No newline at end of file\n"


def _blob(data: bytes) -> str:
    """git's name for these bytes; `git apply` checks it for binary files."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _literal(data: bytes) -> str:
    packed, out = zlib.compress(data), [f"literal {len(data)}\n"]
    for i in range(0, len(packed), 52):
        part = packed[i : i + 52]
        length = chr(len(part) + (64 if len(part) <= 26 else 70))  # A-Z for 1..26, a-z for 27..52
        out.append(length + b85encode(part, pad=True).decode("ascii") + "\n")
    return "".join(out) + "\n"


def quote(path: str) -> str:
    """As git with core.quotePath: names with control characters, quotes or non-ASCII bytes in C's string syntax."""
    data = path.encode("utf-8", "surrogateescape")
    if all(32 <= c < 127 and c not in _ESCAPES for c in data):
        return path
    text = (f"\\{_ESCAPES[c]}" if c in _ESCAPES else chr(c) if 32 <= c < 127 else f"\\{c:03o}" for c in data)
    return '"' + "".join(text) + '"'


def _shown(quoted: str) -> str:
    """A name with spaces ends with a tab in ---/+++ lines, or patch(1) would take the rest for a time."""
    return quoted + "\t" if " " in quoted and not quoted.startswith('"') else quoted
