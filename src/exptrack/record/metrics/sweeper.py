"""Plain lines in bulk: a block without terminal controls, most of whose lines need not be read one by one.

Pieces without a known word are passed over; neighbours of one known shape are read in one match; what is left goes
to the families, line by line, and teaches the book.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate, groupby

from exptrack.model import Point
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.quiet import is_quiet
from exptrack.record.metrics.redrawn import worth_reading
from exptrack.record.metrics.series import Sink
from exptrack.record.metrics.shapes import NOTHING, Book, Shape, keys_of, sweep
from exptrack.record.metrics.state import State
from exptrack.typed import NamedTuple

_TOGETHER = 32
# Long enough to sweep, short enough that one word of a metric does not have all its neighbours looked at.
_PIECE = 12 * 1024
ReadLine = Callable[[bytes, list[Point], bool], Line | None]


class Run(NamedTuple):
    """Lines `first` up to `last`: `alike` of them have this key; what lies between them says nothing by itself."""

    key: bytes
    first: int
    last: int
    alike: int

    def to(self, last: int) -> Run:
        """The same run with the lines up to `last`; no run stays none."""
        return Run(self.key, self.first, last, self.alike) if self.alike else self


_NO_RUN = Run(b"", 0, 0, 0)


class Sweeper:
    """Reads blocks of whole lines; `read_line` asks the families about one of them."""

    def __init__(self, states: dict[int, State], sink: Sink, read_line: ReadLine) -> None:
        self._states = states
        self._sink = sink
        self._read_line = read_line
        self._book = Book()
        self._block = b""
        self._drawn_over: list[bool] | None = None
        self._ends: list[int] = []
        self._keys: list[bytes] = []

    def read(self, block: bytes, out: list[Point], drawn_over: list[bool] | None = None) -> None:
        """Append the points of `block`, which ends with a line feed. `drawn_over` marks the lines that are frames."""
        if drawn_over is not None:
            self._piece(block, out, drawn_over)
            return
        start = 0
        while start < len(block):
            end = block.find(b"\n", start + _PIECE) + 1 or len(block)
            self._piece(block[start:end], out, None)
            start = end

    def _piece(self, block: bytes, out: list[Point], drawn_over: list[bool] | None) -> None:
        state = self._states[0]
        self._drawn_over = drawn_over
        if not state.is_busy and is_quiet(b"\n" + block):
            return
        keys = keys_of(block)
        keys.pop()
        self._block = block
        self._ends = list(accumulate(map(len, block.split(b"\n")), lambda a, n: a + n + 1, initial=0))
        self._keys = keys
        at = waiting = 0
        run = _NO_RUN
        for key, group in groupby(keys):
            first, at = at, at + len(list(group))
            known = self._book.get(key)
            if known is None and at - first == 1 and at - waiting < _TOGETHER:
                continue
            if known is None and at - first == 1:
                first = at
            # Up to `first` nothing but unknown lines wait. Lines without a word of ours do not end the run before them.
            # They belong to it: should it have to be read line by line after all, each is judged in its turn.
            if waiting < first and not self._is_passed_over(waiting, first):
                self._alike(run.to(waiting), out)
                run = _NO_RUN
                self._one_by_one(waiting, first, out)
            waiting = at
            if first == at or (known is NOTHING and not state.is_busy):
                run = run.to(at)
                continue
            if key == run.key and run.alike:
                run = Run(key, run.first, at, run.alike + at - first)
                continue
            self._alike(run.to(first), out)
            run = Run(key, first, at, at - first)
            if not known or state.is_busy:
                self._alike(run, out)
                run = _NO_RUN
        if waiting < at and not self._is_passed_over(waiting, at):
            self._alike(run.to(waiting), out)
            run = _NO_RUN
            self._one_by_one(waiting, at, out)
        self._alike(run.to(at), out)

    def _line(self, number: int) -> bytes:
        return self._block[self._ends[number] : self._ends[number + 1] - 1]

    def _is_passed_over(self, first: int, last: int) -> bool:
        piece = self._block[self._ends[first] : self._ends[last]]
        return not self._states[0].is_busy and is_quiet(b"\n" + piece)

    def _one_by_one(self, first: int, last: int, out: list[Point]) -> None:
        for number in range(first, last):
            self._one(self._keys[number], number, out)

    def _alike(self, run: Run, out: list[Point]) -> None:
        """The lines of a run, in one sweep as soon as a shape reads all that have its key."""
        state = self._states[0]
        key, first, last, count = run
        if self._drawn_over is not None and b"%|" in key and last - first > 2 and not state.is_busy:
            for number in worth_reading([*map(self._line, range(first, last))], self._drawn_over[first:last]):
                self._one(self._keys[first + number], first + number, out)
            return
        tried = 0
        while first < last:
            known = self._book.get(key)
            if known is NOTHING and not state.is_busy and count == last - first:
                return
            if count and known and len(known) != tried and not state.is_busy:
                tried = len(known)
                if any(self._all(shape, first, last, count, out) for shape in known):
                    return
            self._one(self._keys[first], first, out)
            count -= self._keys[first] == key
            first += 1

    def _all(self, shape: Shape, first: int, last: int, count: int, out: list[Point]) -> bool:
        state = self._states.get(shape.rank)
        if state is None or state.is_busy:
            return False
        rows = shape.pattern.findall(self._block, self._ends[first], self._ends[last])
        if len(rows) != count:
            return False
        sweep(shape, rows, state, self._sink, out)
        return True

    def _one(self, key: bytes, number: int, out: list[Point]) -> None:
        """One line: by its shape, if it has one; else by the families, which may teach one."""
        raw = self._line(number)
        state = self._states[0]
        known = self._book.get(key)
        if known is not None and not state.is_busy:
            if known is NOTHING:
                return
            whole = raw + b"\n"
            for shape in known:
                own = self._states.get(shape.rank)
                rows = shape.pattern.findall(whole)
                if rows and own is not None and not own.is_busy:
                    sweep(shape, rows, own, self._sink, out)
                    return
        was_busy = state.is_busy
        if not was_busy and is_quiet(b"\n" + raw + b"\n"):
            # `a cc: 5` has the key of `acc: 5`: what is learned must hold for both.
            if is_quiet(b"\n" + key + b"\n"):
                self._book.learn_nothing(key)
            return
        if number and not was_busy and not state.above and b"  " in raw and raw == raw.translate(None, b"0123456789"):
            # The first line of a header of two may have no word of ours.
            state.above = self._line(number - 1).decode("utf-8", "replace")
        line = self._read_line(raw, out, self._drawn_over is not None and self._drawn_over[number])
        if line is None or self._states[line.rank or 0].split:
            return
        if line.reading is not None and line.reading.pairs:
            self._book.learn(key, raw, line, line.reading)
        elif line.is_hopeless and not was_busy:
            self._book.learn_nothing(key)
