"""Gates on metrics: a bound, better than the current run, better over several seeds.

Judged by the last value: it belongs to the weights that were saved at the end. A comparison with NaN is never met.
Which way is better is what the policy says now, then what the metric's name says, then what was in force when the run
was sealed: the same order as for `best:METRIC`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from exptrack.actions.gates.case import Case
from exptrack.actions.gates.seeds import better_over_seeds
from exptrack.actions.goals import goal_for
from exptrack.config import GATE, Gates
from exptrack.model import Gate, MetricSummary, Run

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


def metric_gate(run: Run, text: str) -> Gate:
    """`val/acc >= 0.9`, as it stands in the policy."""
    m = GATE.match(text)
    assert m is not None  # config.py took only texts that match
    name, bound = m["metric"], float(m["bound"])
    found = run.manifest.metrics.get(name)
    if found is None:
        near = ", ".join(sorted(run.manifest.metrics)[:8]) or "none"
        return Gate(
            gate=text, passed=False, value=None, wanted=text, hint=f"the run has no metric {name}; it has: {near}"
        )
    # A comparison with NaN is false: a run that diverged is never promoted by accident.
    is_met = OPERATORS[m["op"]](found.last, bound)
    hint = "" if is_met else f"{name} ended at {found.last:.6g}, {abs(found.last - bound):.3g} from the bound"
    return Gate(gate=text, passed=is_met, value=found.last, wanted=f"{m['op']} {bound:g}", hint=hint)


def better_gate(case: Case, table: Gates) -> Gate:
    """Better than the current run by `min_delta`; with `replicates`, over as many seeds of both configurations."""
    name, current = table.better_than_current or "", case.current
    label = f"better_than_current {name}"
    found = case.run.manifest.metrics.get(name)
    if found is None or math.isnan(found.last):
        value = found.last if found else None
        return Gate(gate=label, passed=False, value=value, wanted=f"a value of {name}", hint="this run has none")
    if current is None:
        return Gate(gate=label, passed=True, value=found.last, wanted="better than the current run: there is none")
    if current.id == case.run.id:
        return Gate(gate=label, passed=True, value=found.last, wanted="better than the current run: it is this one")
    before = current.manifest.metrics.get(name)
    if before is None or math.isnan(before.last):
        return Gate(gate=label, passed=True, value=found.last, wanted="better than the current run: it has no value")
    goal = goal_for(name, case.config.goals) or found.goal
    if goal is None:
        return Gate(
            gate=label,
            passed=False,
            value=found.last,
            wanted="a goal",
            hint=f'say in [metrics] goals: "{name}" = "max"',
        )
    if table.replicates:
        return better_over_seeds(case, current, table, label, goal)
    return _better_alone(found, before, current, table, label, goal)


def _better_alone(
    found: MetricSummary, before: MetricSummary, current: Run, table: Gates, label: str, goal: str
) -> Gate:
    gain = found.last - before.last if goal == "max" else before.last - found.last
    # 0.94 - 0.93 is a little less than 0.01 in floats.
    is_better = gain > 0 and (gain >= table.min_delta or math.isclose(gain, table.min_delta, rel_tol=1e-9))
    sign = ">" if goal == "max" else "<"
    wanted = f"{sign} {before.last:.6g}" + (f" by {table.min_delta:g}" if table.min_delta else "")
    hint = "" if is_better else f"current run {current.id} has {before.last:.6g}"
    return Gate(gate=label, passed=is_better, value=found.last, wanted=wanted, hint=hint)
