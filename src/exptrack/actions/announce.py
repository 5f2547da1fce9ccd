"""Tell the hooks of the policy of a change in a model's history, after the fact: `on_promote`, `on_demote`.

The history is written by then, and no hook takes anything back. Each gets one JSON object on stdin (docs/promotion.md)
and runs in the project's root.
"""

from __future__ import annotations

import json

from exptrack.actions.find import load_run
from exptrack.actions.gates.case import tables_for
from exptrack.actions.hooks import HookResult, run_hook
from exptrack.actions.present.models import promotion_json
from exptrack.actions.present.runs import run_json
from exptrack.config import Config, Project, parse_duration
from exptrack.model import Promotion
from exptrack.store.place import Store
from exptrack.typed import Any


def announce(project: Project, store: Store, action: str, promotion: Promotion) -> list[HookResult]:
    """Run the hooks for a new line of a model's history, one after the other. `action`: promote, rollback or demote;
    who puts an earlier run back deploys it, so a rollback is told to `on_promote`."""
    commands = hooks_for(project.config, promotion.model, is_demotion=promotion.run is None)
    if not commands:
        return []
    told = json.dumps(message(project, store, action, promotion), allow_nan=False).encode() + b"\n"
    limit = parse_duration(project.config.hook_timeout) or 0.0
    return [run_hook(command, told, project.root, limit) for command in commands]


def hooks_for(config: Config, model: str, *, is_demotion: bool) -> list[str]:
    """Those of [hooks], then those of every [promote.NAME] that matches the model."""
    tables = tables_for(config, model)
    if is_demotion:
        return [*config.on_demote, *(command for t in tables for command in t.on_demote)]
    return [*config.on_promote, *(command for t in tables for command in t.on_promote)]


def message(project: Project, store: Store, action: str, promotion: Promotion) -> dict[str, Any]:
    """What a hook reads: the line of history as `models MODEL --json` has it, and the run as `show --json`."""
    run = load_run(project, store, promotion.run) if promotion.run else None
    return {
        "action": action,
        "model": promotion.model,
        "previous": promotion.previous,
        "promotion": promotion_json(promotion),
        "run": run_json(run) if run else None,
    }
