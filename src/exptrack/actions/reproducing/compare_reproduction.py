"""Two runs of one thing: which outputs and metrics are equal, which nearly, which not; and the verdict on that.

Outputs are compared by digest, metrics as float64. A difference that a tolerance or the spread of the replicates covers
stays listed, with what covers it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from exptrack.actions.reproducing.tolerance import Tolerance, is_compared, tolerance_for
from exptrack.model import Artifact, MetricSummary, RunManifest, StoredFile
from exptrack.reproduction import DIFFERS, REPRODUCED, WITHIN
from exptrack.typed import NamedTuple

PARTS = ("last", "min", "max", "first", "count")
MOST_FILES = 20
# Fewer replicates than this say nothing of a spread.
FEWEST = 3


class Difference(NamedTuple):
    """`what`: output, metric or end. `before`, `after`: digests, numbers or how it ended; None where there is nothing.
    `part`: of a metric, the number that differs. `within`: what covers it (`tolerance 0.005`), None for nothing."""

    what: str
    name: str
    before: str | float | None
    after: str | float | None
    part: str | None = None
    within: str | None = None
    note: str = ""


class Comparison(NamedTuple):
    """`outputs` and `metrics`: how many were compared; `equal`: how many of both were the same to the last bit."""

    differences: tuple[Difference, ...]
    outputs: int
    metrics: int
    equal: int
    left_out: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """reproduced: everything equal. Within tolerance: every metric equal or covered; then an output may have other
        bytes (a time stamp, another order of threads), which no tolerance can judge, if metrics speak for it."""
        if not self.differences:
            return REPRODUCED
        are_covered = all(d.within for d in self.differences if d.what != "output")
        are_there = all(d.before is not None and d.after is not None for d in self.differences if d.what == "output")
        has_other_bytes = any(d.what == "output" for d in self.differences)
        return WITHIN if are_covered and are_there and (self.metrics or not has_other_bytes) else DIFFERS


class Spread(NamedTuple):
    """The last values of a metric over runs of one configuration."""

    low: float
    high: float
    runs: int


def spread_of(replicates: Sequence[RunManifest], metric: str) -> Spread | None:
    """From the smallest to the largest last value; None for fewer than FEWEST runs with a finite one."""
    values = [m.last for r in replicates if (m := r.metrics.get(metric)) and math.isfinite(m.last)]
    return Spread(min(values), max(values), len(values)) if len(values) >= FEWEST else None


class Rules(NamedTuple):
    """`spread_of`: asked for a metric that is out of its tolerance; `ignored`: globs of metrics not to compare."""

    tolerances: Mapping[str, Tolerance] = {}
    ignored: Sequence[str] = ()
    spread_of: Callable[[str], Spread | None] = lambda _: None


def compare(
    before: RunManifest,
    after: RunManifest,
    rules: Rules,
    *,
    moved: Callable[[str], str],
    files_of: Callable[[Artifact], Sequence[StoredFile]],
    unwritten: Iterable[str] = (),
) -> Comparison:
    """`moved`: a path of then -> of now; `files_of`: the entries of a kept folder; `unwritten`: paths of outputs that
    the second run did not write, so that equal bytes prove nothing."""
    outputs = _outputs(before, after, moved, files_of, set(unwritten))
    names = sorted({*before.metrics, *after.metrics})
    compared = [n for n in names if is_compared(n, rules.ignored)]
    metrics = [d for n in compared if (d := _metric(n, before.metrics.get(n), after.metrics.get(n), rules))]
    total = len({key_of(a, moved) for a in before.artifacts} | {key_of(a) for a in after.artifacts})
    return Comparison(
        differences=(*_end(before, after), *outputs, *metrics),
        outputs=total,
        metrics=len(compared),
        equal=total + len(compared) - len(outputs) - len(metrics),
        left_out=tuple(n for n in names if n not in compared),
    )


def _end(before: RunManifest, after: RunManifest) -> list[Difference]:
    ended = [f"exit code {m.exit_code}" if m.signal is None else m.signal for m in (before, after)]
    return [Difference("end", "how it ended", *ended)] if ended[0] != ended[1] else []


def key_of(artifact: Artifact, moved: Callable[[str], str] = lambda path: path) -> tuple[str, str]:
    """By what an output of the one run and of the other are the same output."""
    return artifact.kind, moved(artifact.path) if artifact.path.startswith("/") else artifact.path


def _outputs(
    before: RunManifest,
    after: RunManifest,
    moved: Callable[[str], str],
    files_of: Callable[[Artifact], Sequence[StoredFile]],
    unwritten: set[str],
) -> list[Difference]:
    then, now = {key_of(a, moved): a for a in before.artifacts}, {key_of(a): a for a in after.artifacts}
    found = []
    for key in sorted({*then, *now}):
        a, b = then.get(key), now.get(key)
        name = f"{key[0]} {(a or now[key]).path}"
        if a is None or b is None:
            note = "was not there before" if a is None else "was not written again"
            found.append(Difference("output", name, a.digest if a else None, b.digest if b else None, note=note))
        elif a.digest != b.digest:
            found.append(Difference("output", name, a.digest, b.digest, note=_which_files(a, b, files_of)))
        elif b.path in unwritten:
            note = "was not written again: what lies there is the file of the snapshot"
            found.append(Difference("output", name, a.digest, None, note=note))
    return found


def _which_files(a: Artifact, b: Artifact, files_of: Callable[[Artifact], Sequence[StoredFile]]) -> str:
    if not (a.is_tree and b.is_tree):
        return "" if a.is_tree == b.is_tree else "a folder and a file"
    then, now = ({f.path: (f.digest, f.mode) for f in files_of(x)} for x in (a, b))
    names = sorted(p for p in {*then, *now} if then.get(p) != now.get(p))
    more = f" and {len(names) - MOST_FILES} more" if len(names) > MOST_FILES else ""
    return "differs in " + ", ".join(names[:MOST_FILES]) + more


def _metric(name: str, a: MetricSummary | None, b: MetricSummary | None, rules: Rules) -> Difference | None:
    if a is None or b is None:
        note = "was not told before" if a is None else "was not told again"
        return Difference("metric", name, a.last if a else None, b.last if b else None, "last", note=note)
    part = next((p for p in PARTS if not _is_same(getattr(a, p), getattr(b, p))), None)
    if part is None:
        return None
    return Difference("metric", name, getattr(a, part), getattr(b, part), part, _covered_by(name, a, b, rules))


def _covered_by(name: str, a: MetricSummary, b: MetricSummary, rules: Rules) -> str | None:
    """A tolerance must hold for last, min and max; how many points there were and the first of them do not matter then.
    The spread is one of last values."""
    tolerance = tolerance_for(name, rules.tolerances)
    if tolerance and all(tolerance.allows(getattr(a, p), getattr(b, p)) for p in ("last", "min", "max")):
        return f"tolerance {tolerance}"
    spread = rules.spread_of(name)
    if spread and spread.low <= b.last <= spread.high:
        return f"spread of {spread.runs} replicates, {spread.low:.6g} to {spread.high:.6g}"
    return None


def _is_same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))
