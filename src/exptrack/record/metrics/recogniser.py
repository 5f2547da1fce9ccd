"""Bytes of one stream in, points out: cuts lines, asks the families, remembers the shapes of this program's lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from exptrack.model import Point
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.lines import Cutter, frames, has_controls
from exptrack.record.metrics.registry import FAMILIES, may_be_box
from exptrack.record.metrics.series import Sink
from exptrack.record.metrics.state import Found, State
from exptrack.record.metrics.sweeper import Sweeper
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.record.metrics.patterns import Patterns

_MOST_RANKS = 256
# Nobody prints longer lines of metrics, but for JSON; and no expression below is quick on them.
_LONGEST_TEXT = 4096
_BLOCK = 256 * 1024
Witness = Callable[[str, str, list[Found]], None]


class Recogniser:
    """Bytes of one stream -> points. Cut anywhere, any encoding, bounded memory.

    `patterns` are the user's own (see patterns.py), `ignore` globs of names not to record, `rename` printed name ->
    recorded name. `witness(text, family, found)` is told of every line, for `exptrack parse`. ExptrackError: bad one.
    """

    def __init__(
        self,
        *,
        patterns: Mapping[str, str] | None = None,
        ignore: Sequence[str] = (),
        rename: Mapping[str, str] | None = None,
        witness: Witness | None = None,
    ) -> None:
        self._cutter = Cutter()
        self._sink = Sink(ignore, rename or {})
        self._patterns: Patterns | None = None
        if patterns:
            from exptrack.record.metrics.patterns import Patterns

            self._patterns = Patterns(patterns, self._sink.warnings)
        self._states: dict[int, State] = {0: State()}
        self._witness = witness
        self._sweeper = Sweeper(self._states, self._sink, self._line)

    @property
    def warnings(self) -> list[str]:
        """What could not be recorded, and why."""
        return self._sink.warnings

    @property
    def units(self) -> dict[str, str]:
        """Units by metric name; `%` where a per cent sign was printed behind the value."""
        return self._sink.units

    def feed(self, data: bytes) -> list[Point]:
        """Points of the lines that `data` completes."""
        out: list[Point] = []
        for start in range(0, len(data), _BLOCK):
            block = self._cutter.take(data[start : start + _BLOCK])
            if block:
                self._block(block, out)
        return out

    def close(self) -> list[Point]:
        """Points of the last, unfinished line, and of what still waited for its block or bar to end."""
        out: list[Point] = []
        rest = self._cutter.rest()
        if rest:
            self._block(rest, out)
        for rank, state in self._states.items():
            self._sink.put(_ended(state), rank or None, out)
        return out

    def _block(self, block: bytes, out: list[Point]) -> None:
        if self._patterns or self._witness is not None:
            self._one_by_one(frames(block), out)
        elif not has_controls(block):
            self._sweeper.read(block if block.endswith(b"\n") else block + b"\n", out)
        else:
            cut = frames(block)
            self._sweeper.read(b"".join(raw + b"\n" for raw, _ in cut), out, [is_frame for _, is_frame in cut])

    def _one_by_one(self, lines: list[tuple[bytes, bool]], out: list[Point]) -> None:
        own: list[list[Found]] = [[] for _ in lines]
        if self._patterns:
            own = self._patterns.read([raw.decode("utf-8", "replace") for raw, _ in lines], self._states[0])
        for (raw, is_frame), found in zip(lines, own, strict=True):
            self._sink.put(found, None, out)
            self._line(raw, out, is_frame)

    def _line(self, raw: bytes, out: list[Point], is_frame: bool) -> Line | None:
        """One line by the families; None when it was no text, or two lines glued together."""
        text = raw.decode("utf-8", "replace")
        if text.count("\ufffd") > 4 + len(text) // 20:
            return None
        glued = _unglue(text) if "%|" in text and len(text) <= _LONGEST_TEXT else None
        if glued is not None:
            self._text(glued[0], True, out)
            text = glued[1]
        line = self._text(text, is_frame, out)
        return line if glued is None else None

    def _text(self, text: str, is_frame: bool, out: list[Point]) -> Line:
        line = Line(text, is_frame=is_frame)
        rank = line.rank or 0
        state = self._states.get(rank)
        if state is None:
            rank = rank if len(self._states) < _MOST_RANKS else _MOST_RANKS
            state = self._states.setdefault(rank, State())
        if state.box is not None and not may_be_box(text, state):
            self._sink.put(_closed(state), line.rank, out)
        for family in FAMILIES:
            if len(text) > _LONGEST_TEXT and family.name != "dicts":
                continue
            if not family.may_read(text, state):
                continue
            found = family.read(line, state)
            if found is not None:
                if family.name != "bars":
                    state.bar = None
                self._sink.put(found, line.rank, out)
                if self._witness is not None:
                    self._witness(text, family.name, found)
                return line
        if text.strip(" -=_*#\t"):
            state.end_block()
        if self._witness is not None:
            self._witness(text, "", [])
        return line


def _closed(state: State) -> list[Found]:
    """What an open box still holds, when a line comes that is no row of it."""
    from exptrack.record.metrics.families.boxes import close

    return close(state)


def _ended(state: State) -> list[Found]:
    """What still waits when the output ends. Only the families that were ever used are asked."""
    out = _closed(state) if state.box is not None else []
    if state.bars:
        from exptrack.record.metrics.families.bars import flush

        out = out + flush(state)
    return out


def _unglue(text: str) -> tuple[str, str] | None:
    from exptrack.record.metrics.families.bars import glued

    return glued(text)
