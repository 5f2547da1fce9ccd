"""`importance`: which parameters explain a metric over a set of runs, and how sure one can be.

For each parameter that differs: rank and linear correlation (numbers) or eta squared (words), and permutation
importance in a small forest. Too few runs are said to be too few instead of being made to speak.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from exptrack.actions.columns import same_key
from exptrack.actions.find import Warn, find_runs, goal_of, opened
from exptrack.actions.forest import Explained, Importance, explain
from exptrack.actions.keys import SUMMARIES
from exptrack.actions.search import require_metric
from exptrack.config import Project
from exptrack.errors import NoSuchRun
from exptrack.model import Run
from exptrack.reproduction import TAG
from exptrack.store.place import Store
from exptrack.typed import NamedTuple

# Fewer runs tell nothing apart: with nine, two random columns correlate by 0.67 once in twenty times.
ENOUGH = 10
MOST_RUNS = 5000
LARGEST = 1e300


class Factor(NamedTuple):
    """One parameter. `kind`: number or category; `spearman` and `pearson` for numbers, `eta2` (share of the variance
    between the categories) for words; `importance` None with too few runs."""

    name: str
    kind: str
    distinct: int
    spearman: float | None
    pearson: float | None
    eta2: float | None
    importance: Importance | None


class Study(NamedTuple):
    """Strongest first. `part`: the number of each run's summary that counts; `explained`: R² of the forest on runs it
    has not seen; `left_out`: parameter -> why it says nothing."""

    metric: str
    part: str
    runs: int
    explained: float | None
    factors: tuple[Factor, ...]
    left_out: dict[str, str]

    @property
    def is_enough(self) -> bool:
        return self.runs >= ENOUGH


def importance(
    project: Project, store: Store, metric: str, filters: Sequence[str] = (), warn: Warn | None = None
) -> Study:
    """Over the finished runs that meet every filter and have the metric (the newest MOST_RUNS). `METRIC.last` and so on
    choose a number; else the best by the goal, else the last. NoSuchRun (exit 3) when no run has it."""
    name, part = _part(project, store, metric)
    found = find_runs(project, store, [*filters, "status=finished"], limit=MOST_RUNS, warn=warn)
    own = [r for r in found if name in r.manifest.metrics and TAG not in r.tags]
    pairs = [(r, getattr(r.manifest.metrics[name], part)) for r in own]
    pairs = [(r, float(v)) for r, v in pairs if v is not None and math.isfinite(v)]
    if not pairs:
        with opened(project, store) as library:
            require_metric(name, library.indexes())
        raise NoSuchRun(f"no finished run that matches has a value of `{name}`", "`exptrack ls` lists the runs")
    return study(name, part, [r for r, _ in pairs], [v for _, v in pairs])


def _part(project: Project, store: Store, metric: str) -> tuple[str, str]:
    name, _, part = metric.rpartition(".")
    if name and part in SUMMARIES:
        return name, part
    with opened(project, store) as library:
        return metric, goal_of(library, metric) or "last"


def study(metric: str, part: str, runs: Sequence[Run], targets: Sequence[float]) -> Study:
    """Runs and what each reached -> what explains it. Pure."""
    names = sorted({k for r in runs for k in r.manifest.params})
    left_out: dict[str, str] = {}
    columns: dict[str, tuple[str, list[float], int]] = {}
    for name in names:
        values = [r.manifest.params.get(name) for r in runs]
        distinct = len({same_key(v) for v in values})
        is_number = all(_is_number(v) for v in values)
        if distinct < 2:
            continue
        if not is_number and distinct > max(2, len(runs) // 2):
            left_out[name] = "almost another word in each run: it names the run and explains nothing"
            continue
        numbers = [float(v or 0) for v in values if not isinstance(v, str)] if is_number else _codes(values)
        columns[name] = ("number" if is_number else "category", numbers, distinct)
    varies = max(targets) > min(targets)
    forest = _forest(columns, targets) if columns and varies and len(runs) >= ENOUGH else None
    factors = [
        _factor(name, *columns[name], targets, forest.columns[i] if forest else None) for i, name in enumerate(columns)
    ]
    factors.sort(key=_strength, reverse=True)
    if not varies:
        left_out.update({f.name: "the metric is the same in all runs" for f in factors})
        factors = []
    return Study(metric, part, len(runs), forest.share if forest else None, tuple(factors), left_out)


def _is_number(value: object) -> bool:
    """A finite number; an integer beyond every float is a word."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST


def _codes(values: Sequence[object]) -> list[float]:
    """A number for each different value; none at all is a value too."""
    known: dict[object, float] = {}
    return [known.setdefault(same_key(v), float(len(known))) for v in values]


def _forest(columns: dict[str, tuple[str, list[float], int]], targets: Sequence[float]) -> Explained:
    rows = list(zip(*(numbers for _, numbers, _ in columns.values()), strict=True))
    return explain(rows, targets, [kind == "category" for kind, _, _ in columns.values()])


def _factor(
    name: str, kind: str, numbers: list[float], distinct: int, targets: Sequence[float], worth: Importance | None
) -> Factor:
    if kind == "category":
        return Factor(name, kind, distinct, None, None, eta_squared(numbers, targets), worth)
    spearman = pearson(ranks(numbers), ranks(targets))
    return Factor(name, kind, distinct, spearman, pearson(numbers, targets), None, worth)


def _strength(factor: Factor) -> tuple[float, float]:
    correlation = factor.eta2 if factor.eta2 is not None else (factor.spearman or 0.0) ** 2
    return (factor.importance.mean if factor.importance else 0.0, correlation or 0.0)


def ranks(values: Sequence[float]) -> list[float]:
    """1 for the smallest; equal values share the mean of their ranks."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    out = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for i in order[start:end]:
            out[i] = (start + 1 + end) / 2
        start = end
    return out


def pearson(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Linear correlation, -1 to 1; None when one of them does not vary."""
    mean_a, mean_b = math.fsum(a) / len(a), math.fsum(b) / len(b)
    spread_a = math.sqrt(math.fsum((x - mean_a) ** 2 for x in a))
    spread_b = math.sqrt(math.fsum((y - mean_b) ** 2 for y in b))
    if not spread_a or not spread_b:
        return None
    return math.fsum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)) / spread_a / spread_b


def eta_squared(groups: Sequence[float], values: Sequence[float]) -> float | None:
    """Share of the variance that lies between the groups, 0 to 1; None when the values do not vary."""
    mean = math.fsum(values) / len(values)
    total = math.fsum((v - mean) ** 2 for v in values)
    if not total:
        return None
    between = 0.0
    for group in set(groups):
        inside = [v for g, v in zip(groups, values, strict=True) if g == group]
        between += len(inside) * (math.fsum(inside) / len(inside) - mean) ** 2
    return between / total
