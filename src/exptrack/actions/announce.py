"""Tell the hooks of the policy of a change in a model's history, after the fact: `on_promote`, `on_demote`.

The history is written by then, and no hook takes anything back. Each gets one JSON object on stdin (docs/promotion.md)
and runs in the project's root. The line of history names who is to be told, an event each who was: what is between the
two when somebody dies is told late, by `promote` of the same run again, and so twice where only the event is missing.
While somebody is telling nobody else does: a hook may take minutes, and may be a script that promotes.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager

from exptrack.actions.find import load_run
from exptrack.actions.hooks import HookResult, run_hook
from exptrack.actions.journal import Journal
from exptrack.actions.ledger_tip import events_since
from exptrack.actions.present.models import promotion_json
from exptrack.actions.present.runs import run_json
from exptrack.actions.promote import hooks_for
from exptrack.capture.redact import mask_text
from exptrack.config import Project, parse_duration
from exptrack.files import turn
from exptrack.model import Promotion
from exptrack.store.place import Store
from exptrack.typed import Any

TOLD = "told"


def announce(project: Project, store: Store, action: str, promotion: Promotion) -> list[HookResult]:
    """Run the hooks for a new line of a model's history, one after the other. `action`: promote, rollback or demote;
    who puts an earlier run back deploys it, so a rollback is told to `on_promote`."""
    with _turn(store, promotion) as is_ours:
        return _tell(project, store, action, promotion, hooks_of(project, promotion) if is_ours else [])


def announce_late(project: Project, store: Store, promotion: Promotion) -> list[HookResult]:
    """Run those that a line of history was to be told to and was not, as far as today's policy has them: who may write
    the store decides of no command that runs here."""
    # `promote` writes at least the gate `status` down; only a rollback asks for none.
    action = "demote" if promotion.run is None else "promote" if promotion.gates else "rollback"
    with _turn(store, promotion) as is_ours:
        left = untold(store, promotion) if is_ours else []
        commands = [command for command in hooks_of(project, promotion) if mask_text(command) in left]
        return _tell(project, store, action, promotion, commands)


def hooks_of(project: Project, promotion: Promotion) -> list[str]:
    """What today's policy has for a line of history."""
    return hooks_for(project.config, promotion.model, is_demotion=promotion.run is None)


def _turn(store: Store, promotion: Promotion) -> AbstractContextManager[bool]:
    return turn(store.records.promotion_path(promotion.model, promotion.sequence))


def untold(store: Store, promotion: Promotion) -> list[str]:
    """The commands that were to be told of a line of history and were not, or are just being told."""
    if not promotion.hooks:
        return []
    about = {"model": promotion.model, "sequence": promotion.sequence}
    said = [e.data for e in events_since(store, promotion.at, json.dumps(promotion.model)) if e.action == TOLD]
    told = [data.get("hook") for data in said if about.items() <= data.items()]  # no set: a forged one may be anything
    return [command for command in promotion.hooks if command not in told]


def _tell(project: Project, store: Store, action: str, promotion: Promotion, commands: list[str]) -> list[HookResult]:
    if not commands:
        return []
    told = json.dumps(message(project, store, action, promotion), allow_nan=False).encode() + b"\n"
    limit = parse_duration(project.config.hook_timeout) or 0.0
    results = []
    for command in commands:
        result = run_hook(command, told, project.root, limit)
        results.append(_noted(store, promotion, result))
    return results


def _noted(store: Store, promotion: Promotion, result: HookResult) -> HookResult:
    data = {"model": promotion.model, "sequence": promotion.sequence, "hook": mask_text(result.command)}
    data["problem"] = mask_text(result.problem) or None
    try:
        Journal(store).add(promotion.run or promotion.previous or "", TOLD, data)
    except OSError as e:
        note = f"was told, which could not be recorded: {e.strerror}"
        return result._replace(problem=f"{result.problem}; {note}" if result.problem else note)
    return result


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
