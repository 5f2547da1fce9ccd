"""Code on its way into a store: text without its secrets, anything else byte for byte.

Every text file is read to its end, however large: in one piece up to WHOLE, above that piece by piece into a copy, so
that memory stays flat. What is scanned is what is stored: a file that changes meanwhile cannot slip in between.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence

from exptrack.capture.scope import compile_globs
from exptrack.typed import IO, NamedTuple, Protocol

MASK, REFUSE, KEEP = "mask", "refuse", "keep"
WHOLE = 8 << 20
PIECE = 1 << 20
# Bytes a piece may be cut short by so that no token is cut in two: the longest private key the patterns know.
TAIL = 1 << 15
LISTED = 100


class Keeper(Protocol):
    """Where bytes go: a store's objects. `touch`: is it there? Then it counts as stored now, and no `gc` takes it."""

    def touch(self, digest: str) -> bool: ...
    def add_bytes(self, data: bytes) -> str: ...
    def add_file(self, path: str) -> tuple[str, int]: ...


class Stored(NamedTuple):
    """`size` bytes under `digest`; `lines`: where secrets were masked, the first LISTED of them."""

    digest: str
    size: int
    lines: tuple[int, ...] = ()


class Masking:
    """The rule of one snapshot: `[snapshot] secrets`, names and places that the policy allows."""

    def __init__(self, rule: str = MASK, names: Collection[str] = (), places: Sequence[str] = ()) -> None:
        self.rule, self.names = rule, tuple(names)
        self._is_allowed = compile_globs(places) if places else None
        self._places = tuple(places)

    @property
    def key(self) -> tuple[object, ...]:
        """Changes whenever the same file may have to be stored with other bytes."""
        from exptrack.capture.token_shapes import RULES

        return (RULES, self.rule == KEEP, self.names, self._places)

    def store(self, keeper: Keeper, full: str, path: str, folder: str) -> Stored:
        """Put the file at `full` into the store, judged as `path`; `folder`: for the copy of a large one. OSError with
        `full` as its filename when it cannot be read, without it when the store does not take it."""
        if self.rule == KEEP or (self._is_allowed and self._is_allowed(path)):
            return Stored(*keeper.add_file(full))
        with opened(full) as f:
            state, head = os.fstat(f.fileno()), f.read(WHOLE)
            if not is_text(head):
                return Stored(*keeper.add_file(full))
            if len(head) == WHOLE:
                return self._store_large(keeper, f, head, path, folder)
            for _ in range(2):  # read again when it was changed meanwhile; what was read last is kept
                now = os.fstat(f.fileno())
                if (now.st_mtime_ns, now.st_size) == (state.st_mtime_ns, len(head)):
                    break
                f.seek(0)
                state, head = now, f.read(WHOLE)
        masked, lines = self._mask(head, path, 1)
        return Stored(keeper.add_bytes(masked), len(masked), tuple(lines[:LISTED]))

    def _store_large(self, keeper: Keeper, f: IO[bytes], head: bytes, path: str, folder: str) -> Stored:
        import tempfile

        os.makedirs(folder, exist_ok=True)
        lines: list[int] = []
        number = 1
        with tempfile.NamedTemporaryFile(dir=folder) as copy:
            for piece in _pieces(f, head):
                masked, found = self._mask(piece, path, number)
                number += piece.count(b"\n")
                lines += found[: LISTED - len(lines)]
                copy.write(masked)
            copy.flush()
            return Stored(*keeper.add_file(copy.name), tuple(lines))

    def _mask(self, text: bytes, path: str, first: int) -> tuple[bytes, list[int]]:
        from exptrack.capture.code_secrets import find_secrets, lines_of, mask_code

        spans = find_secrets(text, path, self.names)
        return (mask_code(text, spans), lines_of(text, spans, first)) if spans else (text, [])


def opened(full: str) -> IO[bytes]:
    """Opened here and not by the store: whether the file or the store is at fault decides what happens next."""
    return open(os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def is_text(head: bytes) -> bool:
    """As git judges: no NUL in the first 8,000 bytes."""
    return b"\0" not in head[:8000]


def _pieces(f: IO[bytes], head: bytes) -> Iterator[bytes]:
    """The whole file in pieces that end where no token can go on: at a line end, else behind a space or quote."""
    rest = head
    while more := f.read(PIECE):
        rest += more
        cut = _cut(rest)
        yield rest[:cut]
        rest = rest[cut:]
    yield rest


def _cut(text: bytes) -> int:
    least = max(1, len(text) - TAIL)
    begin = text.rfind(b"-----BEGIN ", least)
    end = begin if begin >= least and text.find(b"-----END ", begin) < 0 else len(text)
    places = [text.rfind(mark, least, end) + 1 for mark in (b"\n", b" ", b'"', b"'", b",")]
    return next((place for place in places if place), end)
