"""Two texts as blocks of equal and different lines; bytes in, split at newlines only, as git and patch(1) do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from exptrack.typed import NamedTuple

SNIFF = 8000  # git looks for a NUL in as many bytes
LARGEST = 4 << 20
# difflib compares every pair of equal lines; above this many pairs it is told to ignore the commonest lines, and above
# this many lines the whole middle is given as replaced: a right patch, if not the smallest.
PAIRS = 2_000_000
LINES = 60_000


class Block(NamedTuple):
    """Lines [a0:a1] of the first text stand where lines [b0:b1] of the second do."""

    is_equal: bool
    a0: int
    a1: int
    b0: int
    b1: int


def is_binary(data: bytes) -> bool:
    return b"\0" in data[:SNIFF]


def split(data: bytes) -> list[bytes]:
    """Lines with their newlines; the last may have none. A carriage return is part of its line."""
    parts = [p + b"\n" for p in data.split(b"\n")]
    parts[-1] = parts[-1][:-1]
    return parts if parts[-1] else parts[:-1]


def compare(a: Sequence[bytes], b: Sequence[bytes]) -> list[Block]:
    """Blocks from the first line to the last, equal and different in turn."""
    from difflib import SequenceMatcher

    first = 0
    while first < len(a) and first < len(b) and a[first] == b[first]:
        first += 1
    last = 0
    while last < min(len(a), len(b)) - first and a[-1 - last] == b[-1 - last]:
        last += 1
    inner_a, inner_b = a[first : len(a) - last], b[first : len(b) - last]
    blocks = [Block(True, 0, first, 0, first)] if first else []
    if inner_a and inner_b and len(inner_a) + len(inner_b) <= LINES:
        counts = Counter(inner_b)
        pairs = sum(n * counts[line] for line, n in Counter(inner_a).items())
        matcher = SequenceMatcher(None, inner_a, inner_b, autojunk=pairs > PAIRS)
        for tag, a0, a1, b0, b1 in matcher.get_opcodes():
            blocks.append(Block(tag == "equal", a0 + first, a1 + first, b0 + first, b1 + first))
    elif inner_a or inner_b:
        blocks.append(Block(False, first, len(a) - last, first, len(b) - last))
    if last:
        blocks.append(Block(True, len(a) - last, len(a), len(b) - last, len(b)))
    return blocks


def count(blocks: Sequence[Block]) -> tuple[int, int]:
    """(added, removed) lines."""
    changed = [k for k in blocks if not k.is_equal]
    return sum(k.b1 - k.b0 for k in changed), sum(k.a1 - k.a0 for k in changed)


def hunks(blocks: Sequence[Block], context: int = 3) -> Iterator[list[Block]]:
    """Different blocks with `context` equal lines around, near ones together; blocks as they go into one hunk."""
    hunk: list[Block] = []
    for k in blocks:
        if not k.is_equal:
            hunk.append(k)
        elif not hunk:
            cut = max(0, k.a1 - k.a0 - context)
            hunk = [Block(True, k.a0 + cut, k.a1, k.b0 + cut, k.b1)]
        elif k.a1 - k.a0 > 2 * context:
            yield [*hunk, Block(True, k.a0, k.a0 + context, k.b0, k.b0 + context)]
            hunk = [Block(True, k.a1 - context, k.a1, k.b1 - context, k.b1)]
        else:
            hunk.append(k)
    if any(not k.is_equal for k in hunk):
        last = hunk[-1]
        if last.is_equal:
            keep = min(context, last.a1 - last.a0)
            hunk[-1] = Block(True, last.a0, last.a0 + keep, last.b0, last.b0 + keep)
        yield hunk
