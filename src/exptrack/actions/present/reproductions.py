"""The public JSON of `reproduce`, and of its score in `show` (docs/json.md)."""

from __future__ import annotations

from collections.abc import Iterable

from exptrack.actions.present.runs import finite
from exptrack.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exptrack.actions.reproducing.compare_environment import Unlike
    from exptrack.actions.reproducing.compare_reproduction import Difference
    from exptrack.actions.reproducing.reproduce import Result
    from exptrack.actions.reproducing.reproducible import Readiness

JsonObject = dict[str, Any]


def readiness_json(ready: Readiness) -> JsonObject:
    """Could it be reproduced now? `met` of `of` checks; `possible` when all that is needed is there."""
    checks = [
        {"check": c.name, "met": c.is_met, "needed": c.is_needed, "text": c.text, "hint": c.hint or None}
        for c in ready.checks
    ]
    return {"possible": ready.is_possible, "met": ready.met, "of": len(ready.checks), "checks": checks}


def result_json(result: Result) -> JsonObject:
    """`reproduce`. `again` null: nothing was run."""
    comparison = result.comparison
    return {
        "verdict": result.verdict,
        "run": result.run.id,
        "again": result.again.id if result.again else None,
        "differences": [_difference(d) for d in comparison.differences] if comparison else [],
        "environment": {
            "same": None if result.environment is None else result.environment == "same",
            "how": result.how,
            "differences": _unlike(result.unlike),
        },
        "problems": list(result.problems),
        "compared": {
            "outputs": comparison.outputs if comparison else 0,
            "metrics": comparison.metrics if comparison else 0,
            "equal": comparison.equal if comparison else 0,
            "left_out": list(comparison.left_out) if comparison else [],
        },
        "folder": result.folder,
        "reproducible": readiness_json(result.ready),
    }


def _difference(one: Difference) -> JsonObject:
    numbers = [v for v in (one.before, one.after) if isinstance(v, (int, float))]
    delta = finite(numbers[1] - numbers[0]) if len(numbers) == 2 else None
    values = {k: finite(v) if isinstance(v, float) else v for k, v in (("before", one.before), ("after", one.after))}
    odd = {k: repr(v) for k, v in (("before", one.before), ("after", one.after)) if v is not None and values[k] is None}
    out = {"what": one.what, "name": one.name, "part": one.part, **values, "delta": delta, "within": one.within}
    out["note"] = one.note or None
    if "nan" in odd.values():
        out["nan"] = True
    return out | ({"not_finite": odd} if odd else {})


def _unlike(unlike: Iterable[Unlike]) -> list[JsonObject]:
    return [{"name": u.name, "before": u.before, "after": u.after} for u in unlike]
