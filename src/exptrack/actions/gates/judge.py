"""May this run become the current run of a model? Every gate that applies, with its verdict and what would change it.

Some gates are always there: the run is finished, nothing mandatory is missing, it has not passed the policy by, its
kept outputs are still in the store.
The rest come from every [promote.NAME] of the policy whose name (a glob) matches the model, one module a kind
beside this one. The policy of today judges: a promotion is decided now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from exptrack.actions.gates.case import Case
from exptrack.actions.gates.code import branch_gate, clean_gate, pushed_gate
from exptrack.actions.gates.data import input_gates, output_gate, stored_gate, written_gate
from exptrack.actions.gates.metrics import better_gate, metric_gate
from exptrack.actions.gates.trust import approval_gate, reproduction_gate
from exptrack.model import Gate, Run


def judge(case: Case) -> tuple[Gate, ...]:
    """Every gate, passed or not, in the order a person would want to fix them."""
    own = case.tables
    return (
        _status(case.run),
        *_missing(case.run),
        *_bypassed(case),
        *(metric_gate(case.run, text) for g in own for text in g.metrics),
        *(better_gate(case, g) for g in own if g.better_than_current),
        *(clean_gate(case.run) for g in own if g.clean),
        *(branch_gate(case, g) for g in own if g.branches),
        *(pushed_gate(case) for g in own if g.pushed),
        *(gate for g in own if g.same_inputs for gate in input_gates(case, g)),
        *(output_gate(case.run, kind) for g in own for kind in g.outputs),
        *stored_gate(case.store, case.run),
        *written_gate(case.run),
        *(reproduction_gate(case, g) for g in own if g.reproduced),
        *(approval_gate(case, g) for g in own if g.approvals),
    )


def _status(run: Run) -> Gate:
    hints = {
        "running": "wait until it has ended",
        "incomplete": "something mandatory is missing: see the gates below",
        "lost": "nobody saw this run end: run it again",
    }
    hint = hints.get(run.status, f"only finished runs are promoted; look at `exptrack logs {run.id}`")
    is_finished = run.status == "finished"
    return Gate(
        gate="status", passed=is_finished, value=run.status, wanted="finished", hint="" if is_finished else hint
    )


def _missing(run: Run) -> Iterator[Gate]:
    for what in run.manifest.missing:
        yield Gate(
            gate=what,
            passed=False,
            value=None,
            wanted="mandatory",
            hint="[require.end] wants it; run again and give it",
        )


def _bypassed(case: Case) -> Iterator[Gate]:
    """A run that passed the policy by is promoted only where a table says so and none says the opposite."""
    reason = case.run.manifest.policy_bypassed
    if reason is None:
        return
    said = {table.bypassed for table in case.tables}
    is_accepted = True in said and False not in said
    yield Gate(
        gate="policy",
        passed=is_accepted,
        value=f"passed by: {reason}",
        wanted="met, or passed by where the gate accepts it" if is_accepted else "met",
        hint="" if is_accepted else f"run again without --no-policy, or say bypassed = true in {_table(case.model)}",
    )


def _table(model: str) -> str:
    """The head of a model's table, as TOML has it."""
    bare = re.fullmatch(r"[A-Za-z0-9_-]+", model)
    return f"[promote.{model if bare else json.dumps(model, ensure_ascii=False)}]"


def unmet(gates: Sequence[Gate]) -> list[Gate]:
    return [g for g in gates if not g.passed]
