"""A folder as one object: JSON lines, a header, then [path, mode, size, digest] sorted by path.

The same files always give the same bytes, so two folders are equal when their digests are. Paths are relative with
`/`, undecodable bytes as surrogates (PEP 383); a path that could leave the folder makes the whole tree Damaged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from exptrack.errors import Damaged, ExptrackError
from exptrack.model import StoredFile
from exptrack.store.objects import is_digest

FORMAT = 1
HEADER = f'{{"tree":{FORMAT}}}'
MODES = ("100644", "100755", "120000")


def encode_tree(files: Iterable[StoredFile]) -> bytes:
    """Canonical bytes of a tree; ValueError for a path that may not be in one, or may not be beside another."""
    rows = sorted(files, key=lambda f: f.path)
    _check(rows)
    return f"{HEADER}\n".encode() + encode_rows(rows)


def encode_rows(files: Iterable[StoredFile]) -> bytes:
    """The lines of these entries, unchecked and as they come; a row has no newline inside."""
    quoted = json.JSONEncoder().encode  # one for all: json.dumps would make an encoder a row
    return "".join([f'[{quoted(f.path)},"{f.mode}",{f.size},"{f.digest}"]\n' for f in files]).encode("ascii")


def decode_rows(lines: bytes) -> list[StoredFile]:
    """What `encode_rows` made, by ourselves and a moment ago: unchecked."""
    return [StoredFile(path=p, mode=m, size=s, digest=d) for p, m, s, d in map(json.loads, lines.splitlines())]


def decode_tree(data: bytes) -> tuple[StoredFile, ...]:
    """Bytes -> files; Damaged for what is no tree, has a mode we do not write or a path that leaves the folder. A newer
    format is exit 2."""
    files = tuple(f for some in decode_lines([data.removesuffix(b"\n")]) for f in some)
    with _damage():
        _check_folders(files)
    return files


def decode_lines(blocks: Iterable[bytes]) -> Iterator[list[StoredFile]]:
    """`decode_tree` of a tree that comes in blocks of whole lines; whether a file of it is also a folder is not looked
    at, since that takes all of them at once."""
    last = None
    with _damage():
        for block in blocks:
            lines = block.decode("ascii").splitlines()
            if last is None:
                _check_header(lines.pop(0) if lines else "")
            rows = json.loads("[" + ",".join(lines) + "]")
            files = [StoredFile(path=p, mode=m, size=s, digest=d) for p, m, s, d in rows]
            last = _check_rows(files, last or "")
            for f in files:
                if f.mode not in MODES or type(f.size) is not int or f.size < 0:
                    raise ValueError(f"{f.path!r} has mode {f.mode!r:.20} and size {f.size!r:.40}")
                if not isinstance(f.digest, str) or not is_digest(f.digest):
                    raise ValueError(f"{f.path!r} has the digest {f.digest!r:.80}")
            yield files
        if last is None:
            _check_header("")


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, RecursionError) as e:
        raise Damaged(f"not a tree of files: {e}", "`exptrack verify` lists what is damaged") from e


def _check_header(header: str) -> None:
    if header != HEADER:
        _refuse_newer(header)
        raise ValueError(f"its header is {header[:60]!r}")


def _refuse_newer(header: str) -> None:
    m = re.fullmatch(r'\{"tree":(\d{1,9})\}', header)
    if m and int(m[1]) > FORMAT:
        raise ExptrackError(
            f"a tree of files is of format {int(m[1])}; this exptrack reads up to {FORMAT}",
            "upgrade: pip install --upgrade exptrack-run",
        )


def _check(rows: Sequence[StoredFile]) -> None:
    _check_rows(rows, "")
    _check_folders(rows)


def _check_rows(rows: Sequence[StoredFile], last: str) -> str:
    """Every path on its own, and their order after `last`; the new last one."""
    for f in rows:
        if problem := path_problem(f.path):
            raise ValueError(f"{f.path!r:.200} {problem}")
        if f.path <= last:
            raise ValueError(f"{f.path!r} stands there twice" if f.path == last else f"{f.path!r} is out of order")
        last = f.path
    return last


def _check_folders(rows: Sequence[StoredFile]) -> None:
    """That no file is also a folder: such a tree could not be written out."""
    paths, checked = {f.path for f in rows}, {""}
    for f in rows:
        folder = f.path.rpartition("/")[0]
        while folder not in checked:
            checked.add(folder)
            if folder in paths:
                raise ValueError(f"{folder!r} is there both as a file and as a folder")
            folder = folder.rpartition("/")[0]


def path_problem(path: object) -> str | None:
    """Why a path may not be in a tree; None for a good one."""
    if not isinstance(path, str) or not path:
        return "is not a path"
    if path.startswith("/") or "\0" in path:
        return "is absolute or has a NUL"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "has an empty, `.` or `..` part"
    try:
        path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return "has a character no file name can have"
    return None
