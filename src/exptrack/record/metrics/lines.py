"""Bytes cut anywhere -> whole lines, in bounded memory.

A terminal program redraws: carriage returns, backspaces and cursor movements end a frame, other escapes are
dropped. Lines longer than LONGEST_LINE bytes are no metric lines and are thrown away as they come.
"""

from __future__ import annotations

from exptrack.lazy import bytes_pattern

LONGEST_LINE = 256 * 1024

_MOVES = bytes_pattern(rb"\x1b\[(?:\d*[ABEFGJ]|[12]K|\d*(?:;\d*)?[Hf])|\x08+")
_ESCAPES = bytes_pattern(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\r\n]{0,2000}(?:\x07|\x1b\\)|[()][A-Z0-9]|[@-Z\\^_78=>])"
    rb"|[\x00\x07\x0e\x0f]"
)
# Whatever the two above begin with: how a line is read must not depend on what else is in its block.
_CONTROLS = (b"\r", b"\x1b", b"\x08", b"\x00", b"\x07", b"\x0e", b"\x0f")


class Cutter:
    """Keeps the unfinished line of one stream."""

    def __init__(self) -> None:
        self._tail = b""
        self._is_dropping = False
        self.dropped = 0

    def take(self, data: bytes) -> bytes:
        """The lines (or frames) now whole, as one block that ends at a line's end; empty when there is none."""
        if self._is_dropping:
            end = data.find(b"\n") + 1
            if not end:
                return b""
            data, self._is_dropping = data[end:], False
        cut = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
        if not cut:
            if self._tail.endswith(b"\r") and data and not data.startswith(b"\n"):
                block, self._tail = self._tail, data
                return block
            self._tail += data
            self._limit()
            return b""
        block, self._tail = self._tail + data[:cut], data[cut:]
        self._limit()
        return block

    def _limit(self) -> None:
        if len(self._tail) > LONGEST_LINE:
            self._tail = b""
            self._is_dropping = True
            self.dropped += 1

    def rest(self) -> bytes:
        """The last, unfinished line, at the end of the stream."""
        tail, self._tail = self._tail, b""
        return tail


def has_controls(block: bytes) -> bool:
    """Whether the block holds anything a terminal would act upon besides line feeds."""
    return any(control in block for control in _CONTROLS)


def frames(block: bytes) -> list[tuple[bytes, bool]]:
    """(text, was drawn over) of each line and frame of a block with terminal controls, empty frames left out."""
    block = block.replace(b"\r\n", b"\n")
    block = _ESCAPES.sub(b"", _MOVES.sub(b"\r", block))
    out = []
    for line in block.removesuffix(b"\n").split(b"\n"):
        if b"\r" not in line:
            out.append((line, False))
            continue
        parts = line.split(b"\r")
        last = len(parts) - 1
        out += [(part, i < last) for i, part in enumerate(parts) if part.strip()]
    return out
