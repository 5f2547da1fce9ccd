"""Groups of runs as rows: for JSON with a mapping a metric, for a table and CSV with a column an aggregate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exptrack.actions.groups import Group
from exptrack.actions.present.runs import cell, plain
from exptrack.typed import Any


def group_json(group: Group, keys: Sequence[str]) -> dict[str, Any]:
    """{"by": {KEY: value}, "count", "runs": [ids], "metrics": {NAME: {AGGREGATE: number}}}; non-finite as null."""
    metrics = {name: {**a.values, "not_finite": a.not_finite} for name, a in group.metrics.items()}
    by = dict(zip(keys, group.key, strict=True))
    return {"by": plain(by), "count": group.count, "runs": list(group.runs), "metrics": plain(metrics)}


def group_row(group: Group, keys: Sequence[str], aggregates: Sequence[str]) -> dict[str, Any]:
    """One line of the table: the keys, the number of runs, then NAME AGGREGATE for each metric (count only once)."""
    row: dict[str, Any] = {**dict(zip(keys, group.key, strict=True)), "count": group.count}
    for name, found in group.metrics.items():
        row |= {f"{name} {a}": found.values.get(a) for a in aggregates if a != "count"}
    return row


def group_csv(groups: Sequence[Group], keys: Sequence[str], aggregates: Sequence[str]) -> Iterator[list[str]]:
    """Header and rows of `ls --group-by --csv`: keys, count of runs, then NAME AGGREGATE for every metric a group has,
    its count too, since not every run may have it. Numbers in full precision."""
    metrics = list(dict.fromkeys(name for group in groups for name in group.metrics))
    yield [*keys, "count", *(f"{name} {a}" for name in metrics for a in aggregates)]
    for group in groups:
        found = [group.metrics[name].values if name in group.metrics else {} for name in metrics]
        yield [*map(cell, group.key), cell(group.count), *(cell(v.get(a)) for v in found for a in aggregates)]
