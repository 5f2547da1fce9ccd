"""The points of a run that was continued: what its attempts told, as one curve a metric (docs/resume.md).

A training that goes on from a checkpoint repeats the steps behind it: the old points there belong to weights that were
thrown away, and give way to the new ones. Points without steps of their own just follow. Streamed: the memory it takes
follows the number of metrics, not of points. Every attempt's own points stay an object of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from exptrack.frozen import replace
from exptrack.record.points import Series, encode_block
from exptrack.record.summaries import most_precise
from exptrack.typed import TypeVar

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

    def take(self, block: Series) -> None:
        counted = frozenset(block.counted)
        for n, (step, epoch) in enumerate(zip(block.steps, block.epochs, strict=True)):
            if n in counted:
                continue
            if self.first is None:
                self.first = step
            elif step < self.before and step <= self.first:
                self.last_pass = self.count + n
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


def continued(old: Blocks, new: Blocks) -> Iterator[Series]:
    """Blocks of the attempts so far and of the next one, each readable from its beginning -> blocks of the run.

    Of a metric that both tell, one source remains, the most precise of the new attempt: the same program prints to a
    terminal today and to a pipe under a batch system tomorrow, and is still one curve."""
    before = _survey(old(), _Told)
    after = _survey(new(), _New)
    both = before.keys() & after.keys()
    of_old = {name: most_precise({s: t.count for s, t in before[name].items()}) for name in both}
    of_new = {name: most_precise({s: t.count for s, t in after[name].items()}) for name in both}
    position: dict[str, int] = {}
    for block in old():
        if block.name not in both:
            yield block
        elif block.source == of_old[block.name]:
            source = of_new[block.name]
            at = position.get(block.name, 0)
            position[block.name] = at + len(block.values)
            kept = _kept(block, at, before[block.name][block.source], after[block.name][source])
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

    staying = [n for n in range(len(block.values)) if not is_repeated(n)]
    if len(staying) == len(block.values):
        return block
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
