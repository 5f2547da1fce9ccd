"""The points of a run that was continued: what its attempts told, as one curve a metric (docs/resume.md).

A training that goes on from a checkpoint repeats the steps behind it: the old points there belong to weights that were
thrown away, and give way to the new ones, also of a metric that the new attempt never came to. Points without steps of
their own just follow. Streamed: the memory it takes follows the number of metrics, not of points. Every attempt's own
points stay an object of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from exptrack.frozen import replace
from exptrack.record.points import Series, encode_block
from exptrack.record.summaries import most_precise
from exptrack.typed import NamedTuple, TypeVar

Blocks = Callable[[], Iterable[Series]]


@dataclass(slots=True)
class _Told:
    """One series of the attempts so far: how it runs, seen once from its beginning to its end."""

    count: int = 0
    first: float | None = None
    before: float = 0.0
    # Steps that start again with every epoch: where the last of these passes begins, in points.
    last_pass: int = 0
    has_epochs: bool = True
    # The highest step, and the widest way between two.
    last: float = 0.0
    gap: float = 0.0

    def take(self, block: Series) -> None:
        counted = frozenset(block.counted)
        for n, (step, epoch) in enumerate(zip(block.steps, block.epochs, strict=True)):
            if n in counted:
                continue
            if self.first is None:
                self.first = self.last = step
            else:
                self.gap = max(self.gap, step - self.before)
                if step < self.before and step <= self.first:
                    self.last_pass = self.count + n
            self.last = max(self.last, step)
            self.before = step
            self.has_epochs = self.has_epochs and epoch is not None
        self.count += len(block.values)


@dataclass(slots=True)
class _New:
    """One series of the new attempt. `step`, `epoch`: of its first point that has a step."""

    count: int = 0
    step: float | None = None
    epoch: float | None = None

    def take(self, block: Series) -> None:
        self.count += len(block.values)
        if self.step is None:
            counted = frozenset(block.counted)
            for n, step in enumerate(block.steps):
                if n not in counted:
                    self.step, self.epoch = step, block.epochs[n]
                    return


T = TypeVar("T", _Told, _New)


class _Clock(NamedTuple):
    """What a metric that both attempts tell says of where the new one began. `told`: how many points that one has."""

    told: int
    begins: float
    last: float
    gap: float


def continued(old: Blocks, new: Blocks, lost: dict[str, int] | None = None) -> Iterator[Series]:
    """Blocks of the attempts so far and of the next one, each readable from its beginning -> blocks of the run. `lost`
    gets, when all are out, how many points went of each metric that the new attempt has not told again.

    Of a metric that both tell, one source remains, the most precise of the new attempt: the same program prints to a
    terminal today and to a pipe under a batch system tomorrow, and is still one curve."""
    before = _survey(old(), _Told)
    after = _survey(new(), _New)
    both = before.keys() & after.keys()
    of_old = {name: most_precise({s: t.count for s, t in before[name].items()}) for name in both}
    of_new = {name: most_precise({s: t.count for s, t in after[name].items()}) for name in both}
    clocks = {_clock(before[name][of_old[name]], after[name][of_new[name]]) for name in both}
    position: dict[str, int] = {}
    for block in old():
        if block.name not in both:
            kept = _cut(block, _end(before[block.name][block.source], clocks))
            if lost is not None and len(kept.values) < len(block.values):
                lost[block.name] = lost.get(block.name, 0) + len(block.values) - len(kept.values)
            if kept.values:
                yield kept
        elif block.source == of_old[block.name]:
            source = of_new[block.name]
            at = position.get(block.name, 0)
            position[block.name] = at + len(block.values)
            told = before[block.name][block.source]
            kept = _cut(_kept(block, at, told, after[block.name][source]), _end(told, clocks))
            if kept.values:
                yield replace(kept, source=source)
    for block in new():
        if block.name not in both:
            yield block
        elif block.source == of_new[block.name]:
            yield _counted_on(block, before[block.name][of_old[block.name]].count)


def encoded(blocks: Iterable[Series]) -> Iterator[bytes]:
    """The same as lines of a points file."""
    return (encode_block(block.name, block.source, block) for block in blocks)


def _clock(told: _Told, new: _New) -> _Clock | None:
    """None where steps start again with each epoch, or there are none."""
    if told.first is None or told.last_pass or new.step is None:
        return None
    return _Clock(new.count, new.step, told.last, told.gap)


def _end(told: _Told, clocks: Collection[_Clock | None]) -> float:
    """The step behind which points of a metric are of weights that were thrown away, infinity where nobody can tell.

    The new attempt has its own first point at that step of a metric whose steps count the same; of several the one it
    tells most often, since one that is told at step 0 at every start says nothing. Steps count the same when this
    metric's go no further: those of batches go far beyond those of epochs."""
    if told.first is None or told.last_pass:
        return math.inf
    able = [c for c in clocks if c and told.last <= c.last + c.gap]
    return max(able).begins if able else math.inf


def _cut(block: Series, end: float) -> Series:
    """Without the points behind step `end`."""
    if end == math.inf:
        return block
    counted = frozenset(block.counted)
    return _only(block, [n for n, step in enumerate(block.steps) if n in counted or step <= end])


def _kept(block: Series, at: int, told: _Told, new: _New) -> Series:
    """What of an old block stays; it begins at point `at` of its series."""
    first = new.step
    if first is None:
        return block
    counted = frozenset(block.counted)

    def is_repeated(n: int) -> bool:
        if n in counted:
            return False
        step, epoch = block.steps[n], block.epochs[n]
        if not told.last_pass:
            return step >= first
        # Steps that start again with every epoch: later than the checkpoint is what is in a later epoch, too.
        if told.has_epochs and new.epoch is not None and epoch is not None:
            return (epoch, step) >= (new.epoch, first)
        return at + n >= told.last_pass and step >= first

    return _only(block, [n for n in range(len(block.values)) if not is_repeated(n)])


def _only(block: Series, staying: list[int]) -> Series:
    """A block with these of its points."""
    if len(staying) == len(block.values):
        return block
    counted = frozenset(block.counted)
    return replace(
        block,
        values=[block.values[n] for n in staying],
        steps=[block.steps[n] for n in staying],
        epochs=[block.epochs[n] for n in staying],
        at=[block.at[n] for n in staying],
        counted=[k for k, n in enumerate(staying) if n in counted],
    )


def _counted_on(block: Series, count: int) -> Series:
    """Points without steps go on counting where those of the attempts before stopped."""
    if not block.counted or not count:
        return block
    steps = list(block.steps)
    for n in block.counted:
        steps[n] += count
    return replace(block, steps=steps)


def _survey(blocks: Iterable[Series], make: type[T]) -> dict[str, dict[str, T]]:
    found: dict[str, dict[str, T]] = {}
    for block in blocks:
        if block.values:
            found.setdefault(block.name, {}).setdefault(block.source, make()).take(block)
    return found
