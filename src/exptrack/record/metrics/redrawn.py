"""Which frames of a bar need not be read: what they tell is drawn over before anybody could want it.

A bar inside an epoch gives its last frame as the epoch's value, and a running one when its clock has moved on
(families/bars.py). Of frames that differ in their counter, their rate and the digits of their values only, the first
and the last are enough. Known for tqdm's own format; frames of all others are read one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from exptrack.lazy import bytes_pattern
from exptrack.record.metrics.progress import find_progress

# Description, total, clock; the counter, the rate, and values under names without digits may differ.
_FRAME = bytes_pattern(
    rb"([^\n%|\[\]/]*?) *\d{1,3}%\|[^|\n]*\| *\d+/(\d+) \[([\d:]+)<[^,\]\[\n]*,[^,\]\[\n]*"
    rb"((?:, [A-Za-z_ -]+=(?:-?[\d.]+(?:e[-+]?\d+)?%?|nan|-?inf))+)\] *$"
)
_DIGITS = b"0123456789"
Mark = tuple[bytes, bytes, bytes, bytes]


def worth_reading(frames: Sequence[bytes], drawn_over: Sequence[bool]) -> list[int]:
    """Numbers of the frames that have to be read, of frames that follow each other."""
    marks = [_mark(frame) if is_over else None for frame, is_over in zip(frames, drawn_over, strict=True)]
    last = len(marks) - 1
    return [
        i
        for i, mark in enumerate(marks)
        if i in (0, last) or mark is None or mark != marks[i - 1] or mark != marks[i + 1]
    ]


def _mark(frame: bytes) -> Mark | None:
    """What a frame must share with its neighbours to be passed over; None for one that is read in any case."""
    found = _FRAME.match(frame)
    if found is None or not _is_within_epoch(found[1]):
        return None
    # Signs and points stay: whether a value has a fraction decides if it is recorded.
    return found[1], found[2], found[3], found[4].translate(None, _DIGITS)


@lru_cache(maxsize=64)
def _is_within_epoch(description: bytes) -> bool:
    text = description.decode("utf-8", "replace")
    # Another rank's bar has a state of its own, in which something may be open.
    return "rank" not in text.lower() and "pid" not in text and find_progress(text).epoch is not None
