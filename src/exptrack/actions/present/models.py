"""The public JSON of `why`, `promote`, `rollback`, `demote` and `models` (docs/json.md)."""

from __future__ import annotations

from collections.abc import Iterable

from exptrack.actions.present.runs import number_or, with_odd
from exptrack.model import Gate, Promotion
from exptrack.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exptrack.actions.approve import Approval
    from exptrack.actions.hooks import HookResult
    from exptrack.actions.promote import History, Verdict
    from exptrack.actions.rollback import RolledBack

JsonObject = dict[str, Any]


def gate_json(gate: Gate) -> JsonObject:
    """One gate with its verdict."""
    out = {
        "gate": gate.gate,
        "passed": gate.passed,
        "value": number_or(gate.value),
        "wanted": number_or(gate.wanted),
        "hint": gate.hint or None,
    }
    return with_odd(out, {"value": gate.value, "wanted": gate.wanted})


def verdict_json(verdict: Verdict, promotion: Promotion | None = None, hooks: Iterable[HookResult] = ()) -> JsonObject:
    """`why`, and with the promotion that came of it `promote`: may this run be the current one of the model? `hooks`:
    how those went that were told."""
    out: JsonObject = {
        "run": verdict.run.id,
        "model": verdict.model,
        "passed": verdict.is_allowed,
        "current": verdict.current if promotion is None else promotion.run,
    }
    if promotion is not None:
        out |= {"sequence": promotion.sequence, "previous": promotion.previous, "at": promotion.at}
    out["gates"] = [gate_json(g) for g in verdict.gates]
    if promotion is not None:
        out |= {"author": promotion.author, "reason": promotion.reason, "hooks": [hook_json(h) for h in hooks]}
    return out


def changed_json(promotion: Promotion, hooks: Iterable[HookResult]) -> JsonObject:
    """`demote`: the new line of the model's history, and the hooks that were told."""
    return {"model": promotion.model, **promotion_json(promotion), "hooks": [hook_json(h) for h in hooks]}


def rolled_json(done: RolledBack, hooks: Iterable[HookResult]) -> JsonObject:
    """`rollback`: as changed_json, and the gates of today that its run does not meet; null: nobody could ask them."""
    unmet = None if done.unasked else [gate_json(g) for g in done.unmet]
    return changed_json(done.promotion, hooks) | {"unmet": unmet}


def hook_json(hook: HookResult) -> JsonObject:
    """One hook. `exit_code` null: it was not started or did not end by itself; `problem` null: all is well."""
    out = {"command": hook.command, "exit_code": hook.exit_code, "seconds": hook.seconds}
    return out | {"problem": hook.problem or None}


def approval_json(approval: Approval) -> JsonObject:
    """`promote --approve` and `--withdraw`: the verdict as it is with it; `recorded` false: it stood there already."""
    event = approval.event
    told = {
        "action": event.action,
        "author": event.author,
        "at": event.at,
        "manifest": event.data.get("manifest"),
        "reason": event.data.get("reason"),
        "recorded": approval.is_new,
    }
    return verdict_json(approval.verdict) | {"approval": told}


def promotion_json(promotion: Promotion) -> JsonObject:
    """One line of a model's history; `run` null: it was demoted."""
    return {
        "sequence": promotion.sequence,
        "run": promotion.run,
        "previous": promotion.previous,
        "at": promotion.at,
        "author": promotion.author,
        "reason": promotion.reason,
        "gates": [gate_json(g) for g in promotion.gates],
    }


def model_json(history: History, untold: Iterable[str] = ()) -> JsonObject:
    """One model: its current run (null: none) and its whole history, oldest first. `untold`: the hooks that have not
    been told of the last line."""
    promotions = [promotion_json(p) for p in history.promotions]
    return {"model": history.model, "current": history.current, "history": promotions, "untold": list(untold)}


def models_json(histories: Iterable[History]) -> JsonObject:
    """Every model with the promotion that is in force."""
    rows = []
    for model, current, promotions in histories:
        last = promotions[-1]
        row = {"model": model, "current": current, "sequence": last.sequence, "previous": last.previous}
        rows.append(row | {"at": last.at, "author": last.author, "reason": last.reason})
    return {"models": rows}
