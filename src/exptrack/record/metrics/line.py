"""One line (or one frame of a redrawn line) on its way through the families."""

from __future__ import annotations

from exptrack.record.metrics.prefixes import read_prefix
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.record.metrics.reading import Reading


class Line:
    """`text` is the decoded line without escapes; `body` the same without what a logger put before the message.

    `is_frame`: a carriage return or a cursor movement followed, so the next frame draws over this one.
    `reading` and `is_hopeless` are notes of the pairs family for the shape book: how the line was read, and that no
    line of these words can hold a metric.
    """

    __slots__ = ("body", "body_at", "is_frame", "is_hopeless", "is_loud", "rank", "rank_at", "reading", "text")

    def __init__(self, text: str, *, is_frame: bool = False) -> None:
        prefix = read_prefix(text)
        self.text = text
        self.body_at = prefix.body_at
        self.body = text[prefix.body_at :]
        self.rank = prefix.rank
        self.rank_at = prefix.rank_at
        self.is_loud = prefix.is_loud
        self.is_frame = is_frame
        self.is_hopeless = False
        self.reading: Reading | None = None
