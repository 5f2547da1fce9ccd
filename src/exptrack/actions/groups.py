"""`ls --group-by`: runs that share values of some keys, and their metrics' last values taken together.

NaN and infinities take no part in an aggregate and are counted beside it: one diverged seed must neither hide in a mean
nor turn it into NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from exptrack.actions.find import Warn, answered, conditions_of, opened
from exptrack.actions.keys import Key, UnknownKey, metric_key, parse_key
from exptrack.actions.search import Search, parse_column, unknown_names
from exptrack.config import Project
from exptrack.errors import ExptrackError
from exptrack.model import Scalar
from exptrack.store.index import Index
from exptrack.store.place import Store
from exptrack.typed import Any, NamedTuple


class Aggregate(NamedTuple):
    """One metric over the runs of a group. `values`: aggregate -> number, None where there are too few runs for it;
    `not_finite`: how many runs had NaN or an infinity and were left out."""

    values: Mapping[str, float | None]
    not_finite: int


@dataclass(frozen=True, slots=True)
class Group:
    """`key`: the values the runs share, in the order of the keys asked for (None: the run has none)."""

    key: tuple[Scalar, ...]
    count: int
    runs: tuple[str, ...]
    metrics: Mapping[str, Aggregate]


def _std(values: Sequence[float]) -> float | None:
    """Sample standard deviation (n - 1); None for a single value."""
    if len(values) < 2:
        return None
    mean = _mean(values)
    return math.hypot(*(v - mean for v in values)) / math.sqrt(len(values) - 1)


def _mean(values: Sequence[float]) -> float:
    try:
        return math.fsum(values) / len(values)
    except OverflowError:  # the sum of a few 1e308 is no float; their mean is
        return math.fsum(v / len(values) for v in values)


def _median(values: Sequence[float]) -> float:
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


AGGREGATES: Mapping[str, Callable[[Sequence[float]], float | None]] = {
    "mean": _mean,
    "std": _std,
    "min": min,
    "max": max,
    "median": _median,
    "count": len,
}


def group_runs(
    project: Project,
    store: Store,
    filters: Sequence[str],
    by: Sequence[str],
    *,
    aggregates: Sequence[str] = ("mean", "std", "count"),
    metrics: Sequence[str] | None = None,
    warn: Warn | None = None,
    now: float | None = None,
) -> list[Group]:
    """Groups sorted by their key, numbers before texts, missing last. `metrics`: names, in their order; None for all
    there are, by name.

    ExptrackError (exit 2) for an unknown aggregate, key or filter."""
    if wrong := [a for a in aggregates if a not in AGGREGATES]:
        raise ExptrackError(f"no aggregate is called `{wrong[0]}`", "aggregates: " + ", ".join(AGGREGATES))
    with answered(project, store):
        keys = [parse_column(text) for text in by]
        search = Search(conditions_of(project, store, filters, now), columns=keys)
    with opened(project, store, warn) as library:
        if warn:
            asked = [metric_key(name) for name in metrics or ()]
            for text in unknown_names(search._replace(columns=[*keys, *asked]), library.indexes()):
                warn(text)
        members: dict[tuple[Any, ...], list[str]] = {}
        for run_id, _, *pairs in search.rows(library.index, library.live):
            values = [_value(k, pairs[2 * n], pairs[2 * n + 1]) for n, k in enumerate(keys)]
            members.setdefault(tuple(map(_order, values)), []).append(run_id)
        last = _last_values(library.indexes(), metrics)
    return [
        Group(tuple(part[-1] for part in key), len(ids), tuple(ids), _summed(ids, last, aggregates, metrics))
        for key, ids in sorted(members.items(), key=lambda item: item[0])
    ]


def metrics_of(columns: Sequence[str]) -> list[str]:
    """`--columns` of groups -> names of metrics, bare or in full. ExptrackError (exit 2) for what is none."""
    out = []
    for text in filter(None, map(str.strip, columns)):
        try:
            key = parse_key(text)
        except UnknownKey:
            out.append(text)
            continue
        if key.table != "metrics" or key.column != "last":
            raise ExptrackError(f"`{text}` is no metric: groups take last values together", "--columns metrics.val/acc")
        out.append(key.name)
    return out


def _value(key: Key, value: Any, kind: str | None) -> Scalar:
    if kind == "bool":
        return bool(value == "true")
    if kind == "float" and value == "nan":
        return math.nan
    if key.kind == "bool" and value is not None:
        return bool(value)
    return value  # type: ignore[no-any-return]  # a column of SQLite: text, number or None


def _order(value: Scalar) -> tuple[int, Any, Any]:
    """Sorts and tells apart: (rank, what to compare, the value)."""
    if value is None:
        return 4, 0, None
    if isinstance(value, str):
        return 3, value, value
    if isinstance(value, bool):
        return 0, value, value
    # One and the same NaN, so that all of them are one group: no two others are equal.
    return (2, 0, math.nan) if value != value else (1, value, value)


def _last_values(indexes: Sequence[Index], names: Sequence[str] | None) -> dict[str, dict[str, float]]:
    """Run -> metric -> last value, NaN for the NULL that stands for it."""
    wanted = f" WHERE name IN ({','.join('?' * len(names))})" if names is not None else ""
    out: dict[str, dict[str, float]] = {}
    for index in indexes:
        for run, name, last in index.select(f"SELECT run, name, last FROM metrics{wanted}", names or ()):  # noqa: S608 - marks
            out.setdefault(run, {})[name] = math.nan if last is None else last
    return out


def _summed(
    ids: Sequence[str],
    last: Mapping[str, Mapping[str, float]],
    aggregates: Sequence[str],
    order: Sequence[str] | None,
) -> dict[str, Aggregate]:
    found: dict[str, list[float]] = {}
    for run_id in ids:
        for name, value in last.get(run_id, {}).items():
            found.setdefault(name, []).append(value)
    out = {}
    for name in sorted(found) if order is None else [n for n in dict.fromkeys(order) if n in found]:
        finite = [v for v in found[name] if math.isfinite(v)]
        values = {a: (AGGREGATES[a](finite) if finite or a == "count" else None) for a in aggregates}
        out[name] = Aggregate(values, len(found[name]) - len(finite))
    return out
