"""May this run become the current run of a model? Every gate that applies, with its verdict and what would change it.

Some gates are always there: the run is finished, nothing mandatory is missing, its kept outputs are still in the store.
The rest come from every [promote.NAME] of the policy whose name (a glob) matches the model. Metrics are judged by their
last value: it belongs to the weights that were saved at the end.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from exptrack.actions.goals import goal_for
from exptrack.capture.code import is_reachable_from_remote
from exptrack.config import GATE, Config, Gates
from exptrack.errors import Damaged
from exptrack.model import Artifact, Gate, Run
from exptrack.store.place import Store
from exptrack.store.trees import decode_tree

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


def judge(store: Store, config: Config, run: Run, model: str, current: Run | None) -> tuple[Gate, ...]:
    """Every gate, passed or not, in the order a person would want to fix them."""
    own = [g for g in config.gates if fnmatchcase(model, g.pattern)]
    return (
        _status(run),
        *_missing(run),
        *(_metric(run, text) for g in own for text in g.metrics),
        *(_better(config, run, current, g) for g in own if g.better_than_current),
        *(_clean(run) for g in own if g.clean),
        *(_pushed(run) for g in own if g.pushed),
        *(_output(run, kind) for g in own for kind in g.outputs),
        *_stored(store, run),
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


def _metric(run: Run, text: str) -> Gate:
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


def _better(config: Config, run: Run, current: Run | None, gates: Gates) -> Gate:
    name = gates.better_than_current or ""
    label = f"better_than_current {name}"
    found = run.manifest.metrics.get(name)
    if found is None or math.isnan(found.last):
        value = found.last if found else None
        return Gate(gate=label, passed=False, value=value, wanted=f"a value of {name}", hint="this run has none")
    if current is None:
        return Gate(gate=label, passed=True, value=found.last, wanted="better than the current run: there is none")
    if current.id == run.id:
        return Gate(gate=label, passed=True, value=found.last, wanted="better than the current run: it is this one")
    before = current.manifest.metrics.get(name)
    if before is None or math.isnan(before.last):
        return Gate(gate=label, passed=True, value=found.last, wanted="better than the current run: it has no value")
    goal = found.goal or goal_for(name, config.goals)
    if goal is None:
        return Gate(
            gate=label,
            passed=False,
            value=found.last,
            wanted="a goal",
            hint=f'say in [metrics] goals: "{name}" = "max"',
        )
    gain = found.last - before.last if goal == "max" else before.last - found.last
    # 0.94 - 0.93 is a little less than 0.01 in floats.
    is_better = gain > 0 and (gain >= gates.min_delta or math.isclose(gain, gates.min_delta, rel_tol=1e-9))
    sign = ">" if goal == "max" else "<"
    wanted = f"{sign} {before.last:.6g}" + (f" by {gates.min_delta:g}" if gates.min_delta else "")
    hint = "" if is_better else f"current run {current.id} has {before.last:.6g}"
    return Gate(gate=label, passed=is_better, value=found.last, wanted=wanted, hint=hint)


def _clean(run: Run) -> Gate:
    code = run.manifest.code
    is_clean = code.dirty is False and code.commit is not None
    what = "not under git" if code.commit is None else f"{len(code.changed) + len(code.untracked)} uncommitted files"
    return Gate(
        gate="clean",
        passed=is_clean,
        value="committed" if is_clean else what,
        wanted="committed code",
        hint="" if is_clean else "commit and run again",
    )


def _pushed(run: Run) -> Gate:
    """Is the commit on a branch of a remote? Asked of the repository as it is now: it may have been pushed since."""
    code = run.manifest.code
    answer = is_reachable_from_remote(code.root, code.commit) if code.commit else None
    values = {True: "on a remote branch", False: "only here", None: "unknown: no such commit in this clone"}
    return Gate(
        gate="pushed",
        passed=answer is True,
        value=values[answer],
        wanted="a commit on a remote branch",
        hint="" if answer else "git push the commit; then ask again",
    )


def _output(run: Run, kind: str) -> Gate:
    has = any(a.kind == kind for a in run.manifest.artifacts)
    hint = "" if has else f"declare it: exptrack run -o {kind}=PATH"
    return Gate(gate=f"output {kind}", passed=has, value="kept" if has else None, wanted="kept", hint=hint)


def _stored(store: Store, run: Run) -> Iterator[Gate]:
    if not run.manifest.artifacts:
        return
    gone = [a.path for a in run.manifest.artifacts if not _is_whole(store, a)]
    yield Gate(
        gate="outputs in store",
        passed=not gone,
        value="all" if not gone else f"missing or altered: {', '.join(gone)}",
        wanted="all",
        hint="" if not gone else "their bytes were freed, lost or changed: `exptrack verify` says which; run again",
    )


def _is_whole(store: Store, artifact: Artifact) -> bool:
    """Is every byte of an artifact in the store, read again and hashed now? Of a folder also those of its files."""
    try:
        if not artifact.is_tree:
            return store.objects.is_whole(artifact.digest) is True
        return all(store.objects.is_whole(f.digest) for f in decode_tree(store.objects.read(artifact.digest)))
    except Damaged:
        return False


def unmet(gates: Sequence[Gate]) -> list[Gate]:
    return [g for g in gates if not g.passed]
