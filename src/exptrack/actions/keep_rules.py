"""Which runs keep their bytes, and which rule says so: [retention] and what is always kept.

Pure: a library of runs in, reasons out. What a run was made from stays as long as the run does.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from exptrack.actions.goals import goal_for
from exptrack.actions.links import Link
from exptrack.config import Config, Keep, parse_duration
from exptrack.model import Promotion, Run
from exptrack.reproduction import TAG
from exptrack.store.schema import unix_time

Reasons = dict[str, list[str]]


def reasons_to_stay(
    runs: Sequence[Run],
    promotions: Mapping[str, Sequence[Promotion]],
    config: Config,
    now: float,
    warn: list[str],
) -> Reasons:
    """Run -> every rule that keeps its bytes, lineage aside; runs without one may go. `now`: seconds since the epoch.
    `warn` hears of rules that keep nothing."""
    found: Reasons = defaultdict(list)
    for model, line in promotions.items():
        if line and line[-1].run:
            found[line[-1].run].append(_current(model))
    for run in runs:
        if run.pinned:
            found[run.id].append("pinned")
        if said := _in_window(run, config.retention_window, now):
            found[run.id].append(said)
    for rule in map(Keep.of, config.retention_keep):
        if rule.what == "promoted":
            _keep_promoted(found, promotions, rule)
        elif rule.what == "best":
            _keep_best(found, runs, rule, config, warn)
    return found


def _current(model: str) -> str:
    return f"promoted (current {model})"


def _in_window(run: Run, window: str, now: float) -> str | None:
    end = unix_time(run.manifest.ended_at or run.manifest.started_at)
    if end is None:
        return "nobody knows when it ended"
    return f"ended less than {window} ago" if now - end < (parse_duration(window) or 0.0) else None


def _keep_promoted(found: Reasons, promotions: Mapping[str, Sequence[Promotion]], rule: Keep) -> None:
    for model, line in promotions.items():
        held = [p for p in line if p.run]
        for p in held[-rule.most :] if rule.most else held:
            if p.run and _current(model) not in found[p.run]:
                found[p.run].append(f"{rule.text} ({model}@{p.sequence})")


def _keep_best(found: Reasons, runs: Sequence[Run], rule: Keep, config: Config, warn: list[str]) -> None:
    told = {s.goal for r in runs if (s := r.manifest.metrics.get(rule.metric)) and s.goal}
    goal = goal_for(rule.metric, config.goals) or (told.pop() if len(told) == 1 else None)
    if goal is None:
        warn.append(f"`{rule.text}` keeps nothing: nothing says whether more or less {rule.metric} is better")
        return
    ranked = []
    for run in runs:
        summary = run.manifest.metrics.get(rule.metric)
        value = getattr(summary, goal) if summary else math.nan
        if run.status == "finished" and math.isfinite(value) and TAG not in run.tags:
            ranked.append((value if goal == "max" else -value, run.manifest.started_at, run.id))
    if not ranked:
        warn.append(f"`{rule.text}` keeps nothing: no finished run has the metric {rule.metric}")
    for place, (_, _, run_id) in enumerate(sorted(ranked, reverse=True)[: rule.most], 1):
        found[run_id].append(f"{rule.text} (no. {place})")


def add_lineage(found: Reasons, links: Sequence[Link], staying: set[str]) -> None:
    """Add to `found` the runs that those in `staying` were made from, and those before them."""
    by_user: dict[str, list[Link]] = defaultdict(list)
    for item in links:
        by_user[item.used.run].append(item)
    todo, seen = sorted(staying), set(staying)
    while todo:
        for made, used in by_user.get(todo.pop(), ()):
            reason = f"made {made.path}, an input of {used.run}"
            if reason not in found[made.run]:
                found[made.run].append(reason)
            if made.run not in seen:
                seen.add(made.run)
                todo.append(made.run)
