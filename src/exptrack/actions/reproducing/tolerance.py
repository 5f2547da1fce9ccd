"""How far a metric may be from the recorded one and still count as reproduced, and which metrics are not compared.

A tolerance is absolute (`0.005`) or a share of the recorded value (`1%`). Metrics that measure time, speed or the
machine are never the same twice: they are left out by their name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from exptrack.errors import ExptrackError
from exptrack.typed import NamedTuple

# Whole words of a name, split at everything that is no letter or digit.
_CLOCK_WORDS = frozenset(
    (
        *(
            "time",
            "times",
            "timing",
            "wall",
            "walltime",
            "elapsed",
            "eta",
            "duration",
            "runtime",
            "latency",
            "timestamp",
        ),
        *("seconds", "second", "secs", "sec", "ms", "speed", "throughput", "fps", "qps", "tps", "its", "ips", "flops"),
        *("tflops", "mfu", "memory", "mem", "vram", "rss", "utilisation", "utilization", "watts", "power", "energy"),
        "temperature",
    )
)
# it/s, samples_per_second, tokens/sec, s/it, ms/batch, min_per_epoch
_PER_TIME = re.compile(r"(?:per|/)[ _]?(?:s|secs?|seconds?|ms|min|minutes?|h|hours?)(?![a-z0-9])")
_TIME_PER = re.compile(r"(?<![a-z0-9])(?:s|ms|min)[ _]?(?:/|per)[ _]?(?:it|iter|step|batch|epoch|sample|example)")


class Tolerance(NamedTuple):
    """`amount` of the metric's own unit, or with `is_share` of the recorded value (0.01 is 1 %)."""

    amount: float
    is_share: bool = False

    def allows(self, recorded: float, found: float) -> bool:
        if recorded == found or (math.isnan(recorded) and math.isnan(found)):
            return True
        if not (math.isfinite(recorded) and math.isfinite(found)):
            return False
        delta = abs(found - recorded)
        bound = self.amount * abs(recorded) if self.is_share else self.amount
        # 0.95 - 0.94 is 0.010000000000000009: the bound as written must hold.
        return delta <= bound + 4 * math.ulp(max(abs(recorded), abs(found)))

    def __str__(self) -> str:
        return f"{self.amount * 100:g}%" if self.is_share else f"{self.amount:g}"


def parse_tolerance(value: object) -> Tolerance | None:
    """0.005, "0.005" or "1%"; None for what is no tolerance."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    text = str(value).strip()
    is_share = text.endswith("%")
    try:
        amount = float(text.removesuffix("%"))
    except ValueError:
        return None
    if not (math.isfinite(amount) and amount >= 0):
        return None
    return Tolerance(amount / 100 if is_share else amount, is_share)


def parse_tolerances(words: Sequence[str]) -> dict[str, Tolerance]:
    """`METRIC=0.005`, `*loss*=1%` of the command line; ExptrackError for anything else."""
    found = {}
    for word in words:
        name, _, amount = word.rpartition("=")
        tolerance = parse_tolerance(amount)
        if not name or tolerance is None:
            raise ExptrackError(f"{word!r} is no tolerance", "as in --tolerance val/acc=0.005 or '*loss*=1%'")
        found[name] = tolerance
    return found


def tolerance_for(name: str, tolerances: Mapping[str, Tolerance]) -> Tolerance | None:
    """Exact names first, then globs in order."""
    if name in tolerances:
        return tolerances[name]
    return next((t for pattern, t in tolerances.items() if fnmatchcase(name, pattern)), None)


def is_compared(name: str, ignored: Sequence[str] = ()) -> bool:
    """Does this metric say something of the result, and not of the clock or the machine? `ignored`: more globs."""
    lower = name.lower()
    if any(fnmatchcase(name, glob) for glob in ignored):
        return False
    if _PER_TIME.search(lower) or _TIME_PER.search(lower):
        return False
    return _CLOCK_WORDS.isdisjoint(re.split(r"[^a-z0-9]+", lower))
