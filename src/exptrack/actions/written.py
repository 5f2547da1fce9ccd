"""Was what lies at a path written by this run, or did it lie there before?

By the file system's own times. started_at is taken before the child exists and after whatever ran before it has ended,
so on the file system of start.json, which shows that its clock is ours, not one millisecond of slack is needed: the
second run of a loop, one second after the first, has not written what the first one left. A change of mode, owner or
name counts as written too: `mv` and `cp -p` keep the time of the bytes and are the run's work all the same.
"""

from __future__ import annotations

import os
from itertools import chain

from exptrack.actions.clock import SLACK, seconds_of
from exptrack.actions.one_output import walk
from exptrack.typed import NamedTuple


class Since(NamedTuple):
    """From when on files count as written: seconds since the epoch. `device`: where that holds to the millisecond;
    on any other file system, whose clock nobody knows, SLACK seconds earlier."""

    at: float
    device: int | None = None

    @staticmethod
    def of(started_at: str, witness: str | None = None) -> Since:
        """`witness`: a file that was written between `started_at` and the start of the child, and never since. Its own
        time counts where it is the earlier one (a server whose clock is behind); a copy of it, which is younger, does
        not."""
        at = seconds_of(started_at) or 0.0
        try:
            info = os.stat(witness) if witness else None
        except OSError:
            info = None
        return Since(min(at, info.st_mtime), info.st_dev) if info else Since(at)

    def has(self, info: os.stat_result) -> bool:
        """Was this file written, or put where it is, since then?"""
        slack = 0.0 if info.st_dev == self.device else SLACK
        return max(info.st_mtime, info.st_ctime) >= self.at - slack

    def has_bytes_of(self, info: os.stat_result) -> bool:
        """Were the bytes of this file surely written since then? Not by its name or mode, and only where the clock of
        its file system is known. A time in the future, as an archive may have it, was set when the other time says."""
        return info.st_dev == self.device and min(info.st_mtime, info.st_ctime) >= self.at


def is_older(path: str, since: Since) -> bool:
    """Was nothing at `path` (a file, or a folder with all in it) written since then? False for what has gone."""
    try:
        inside = walk(path, []) if os.path.isdir(path) else ()
        places = chain([os.path.realpath(path)], (os.path.join(path, name) for name in inside))
        return not any(since.has(os.lstat(place)) for place in places)
    except FileNotFoundError:
        return False
