"""The cheapest test: lines none of whose words any family knows are thrown away undecoded, many at a time.

It may let a useless line through; it must not stop a metric. A shape that only unknown words announce (`[12] foo:
0.5`) is let through by the way the line begins. Everything here runs in C over the whole piece: two million lines a
second.
"""

from __future__ import annotations

from exptrack.lazy import bytes_pattern
from exptrack.record.metrics import words

_MARKS = """epoch epochs ep step steps iter iters iteration iterations batch batches round rounds gen generation trial
    episode timesteps timestep update updates pass metric metrics avg target value values objective nevals fun
    checkpoint it itn iterate kimg tick mean std learning lr metric score bound fid50k kid50k"""
# To lower case; every digit becomes 0, so that numbers repeat themselves; all else that is no letter becomes a blank.
_LOWER = bytes(
    ord(chr(c).lower()) if chr(c).isalpha() and c < 128 else 48 if 48 <= c < 58 else c if c == 10 or c >= 128 else 32
    for c in range(256)
)
_KNOWN = frozenset(word.encode().translate(_LOWER) for word in words.STRONG | words.SPLIT | frozenset(_MARKS.split()))
_STEMS = (b"rew", b"loss", b"best", b"acc", b"err", b"entropy", b"score", b"epoch", b"norm")
# One character is found at memory speed; only where it stands is the mark itself looked for.
_MARKS_BY_CHARACTER = (
    (b"%", b"%"), (b"{", b"{"), (b"*", b"***"), (b"|", b"|\n"),
    (b"[", b"it ["), (b"^", b"^2"), (b"@", b"P@"), (b"@", b"R@"), (b"\xe2", b"\xe2\x94"), (b"\xe2", b"\xe2\x95"),
)  # fmt: skip
_LEADS = bytes_pattern(rb"\n[ \t]*[\[(]?\d+[ ]*(?:[\]:,/]|  |\t)")
# `ls -l` and `tar -tv`: nothing else begins so, and the words in their lines are names of files; folders among them.
_LISTED = bytes_pattern(rb"\n(?:[-dlbcps](?:[-r][-w][-xsStT]){3}[.+@]? [^\n]*+|(?:/[\w.+@=~-]++){2,}:(?=\n))")
_FILE_OR_FOLDER = (b"-r", b"dr", b"lr")

_WORTH_SORTING_OUT = 4096


def is_quiet(piece: bytes) -> bool:
    """True when no family could read a line of `piece`, as long as nothing is open. It begins and ends with \\n."""
    if _is_listing(piece):
        piece = _LISTED.sub(b"", piece)
    low = piece.translate(_LOWER)
    if len(low) > _WORTH_SORTING_OUT:
        # Programs repeat themselves: words are counted once for lines that differ in their numbers only.
        low = b"\n".join(set(low.split(b"\n")))
    spoken = set(low.split())
    if not _KNOWN.isdisjoint(spoken):
        return False
    joined = b" ".join(spoken)
    for stem in _STEMS:
        if stem in joined:
            return False
    for character, mark in _MARKS_BY_CHARACTER:
        if character in piece and mark in piece:
            return False
    return _LEADS.search(piece) is None


def _is_listing(piece: bytes) -> bool:
    """Asked at three lines: to look for such lines everywhere would take as long as all the rest."""
    begins = piece.startswith
    return (
        begins(_FILE_OR_FOLDER, 1)
        or begins(_FILE_OR_FOLDER, piece.find(b"\n", len(piece) // 2) + 1)
        or begins(_FILE_OR_FOLDER, piece.rfind(b"\n", 0, -1) + 1)
    )
