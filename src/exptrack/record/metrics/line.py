"""One line (or one frame of a redrawn line) on its way through the families."""

from __future__ import annotations

from exptrack.record.metrics.prefixes import read_prefix


class Line:
    """`text` is the decoded line without escapes; `body` the same without what a logger put before the message.

    `is_frame`: a carriage return or a cursor movement followed, so the next frame draws over this one.
    """

    __slots__ = ("body", "body_at", "is_frame", "is_loud", "rank", "text")

    def __init__(self, text: str, *, is_frame: bool = False) -> None:
        prefix = read_prefix(text)
        self.text = text
        self.body_at = prefix.body_at
        self.body = text[prefix.body_at :]
        self.rank = prefix.rank
        self.is_loud = prefix.is_loud
        self.is_frame = is_frame
