"""What has been said so far in one stream (of one rank): where the training is; which block, table or bar is open.

A line without a step of its own takes the position announced before it. Bounded: nothing here grows with the output.
"""

from __future__ import annotations

from exptrack.record.metrics.progress import Progress
from exptrack.typed import NamedTuple

Count = int | float | None


class Found(NamedTuple):
    """A value a family read. `step` and `epoch` as the line or its block told them; None where it told nothing."""

    name: str
    value: float
    step: int | float | None = None
    epoch: int | float | None = None
    is_percent: bool = False


class Table:
    """An open table: its column names, the characters each stands at, what parts them (blanks: ""), the step's and the
    epoch's column."""

    __slots__ = ("columns", "epoch", "is_pairs", "misses", "rows", "section", "sep", "spans", "step")

    def __init__(self, columns: list[str], spans: list[tuple[int, int]]) -> None:
        self.columns = columns
        self.spans = spans
        self.step: int | None = None
        self.epoch: int | None = None
        self.rows = 0
        self.misses = 0
        self.is_pairs = False
        self.sep = ""
        self.section = ""


class Bar:
    """A progress bar being redrawn: the values of its newest frame wait here until its position moves on."""

    __slots__ = ("at", "cut_name", "epoch", "is_epoch", "told_at", "values")

    def __init__(self, at: int | float, epoch: int | float | None, is_epoch: bool) -> None:
        self.at = at
        self.epoch = epoch
        self.is_epoch = is_epoch
        self.told_at = 0.0
        self.cut_name = ""
        self.values: dict[str, tuple[float, bool]] = {}

    def take(self) -> list[Found]:
        """The waiting values as points, once."""
        step = self.epoch if self.is_epoch else self.at
        values, self.values = self.values, {}
        return [Found(name, value, step, self.epoch, percent) for name, (value, percent) in values.items()]


class State:
    """Position, block, table and bars of one stream. `above`: what may be the first line of a header."""

    __slots__ = (
        "above", "bar", "bars", "block_is_strong", "box", "epoch", "has_begun", "heading", "in_block", "is_listing",
        "split", "step", "table",
    )  # fmt: skip

    def __init__(self) -> None:
        self.step: int | float | None = None
        self.epoch: int | float | None = None
        self.split: str | None = None
        self.has_begun = False
        self.heading: Count = None
        self.in_block = False
        self.is_listing = False
        self.block_is_strong = False
        self.table: Table | None = None
        self.above = ""
        self.box: Table | None = None
        self.bars: dict[str, Bar] = {}
        self.bar: Bar | None = None

    def move(self, progress: Progress) -> None:
        """Remember a position; a new epoch forgets the step that belonged to the old one."""
        if progress.epoch is not None:
            if progress.epoch != self.epoch:
                self.step = None
            self.epoch = progress.epoch
        if progress.step is not None:
            self.step = progress.step
        self.has_begun = self.has_begun or progress.is_known

    def place(self, step: Count, epoch: Count) -> tuple[Count, Count]:
        """Step and epoch of a value: its own, else the announced epoch, else the announced step."""
        if step is None and epoch is None:
            if self.heading is not None:
                return self.heading, self.epoch
            epoch = self.epoch
            step = epoch if epoch is not None else self.step
        elif step is None:
            step = epoch
        elif epoch is None:
            epoch = self.epoch
        return step, epoch

    @property
    def is_busy(self) -> bool:
        """Something is open, so that the next line may mean more than its words."""
        return (
            self.in_block
            or self.is_listing
            or self.table is not None
            or (self.box is not None and self.box.is_pairs)
            or self.bar is not None
            or self.split is not None
        )

    def end_block(self) -> None:
        """A line that belongs to no block closes the one before it."""
        self.in_block = self.block_is_strong = False
        self.split = self.bar = self.heading = None
