"""What was read from a line of pairs: the named numbers, the position, and whether the line alone decided."""

from __future__ import annotations

from exptrack.record.metrics import names
from exptrack.record.metrics.progress import Progress
from exptrack.typed import NamedTuple


def with_split(name: str, split: str | None) -> str:
    """The name with its split in front, where a value under `Test set:` would else join the training's series."""
    return name if split in (None, "train") or names.split_in(name) else f"{split}/{name}"


class Pair(NamedTuple):
    """A named number of a line. `sep` is '=', ':' or '' when only blanks stand between name and value."""

    name: str
    text: str
    start: int
    end: int
    sep: str
    strength: int
    is_percent: bool
    is_listed: bool  # stands between delimiters, as in `a 1.0 | b 2.0`
    head: str
    split: str | None = None

    @property
    def full_name(self) -> str:
        """The name as it is recorded: with the split that was printed before it on the line."""
        return with_split(self.name, self.split)


class Reading(NamedTuple):
    """What the line gave, for State and for the shape cache. `is_stable`: decided by the line's own words alone.
    `is_exact`: and by which numbers are whole; 1 and 1.0 are lines of two shapes."""

    pairs: list[Pair]
    progress: Progress
    is_stable: bool
    split: str | None = None
    is_exact: bool = False
