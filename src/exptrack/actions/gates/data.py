"""Gates on data: the same held-out set as the current run, outputs of the kinds that are wanted, kept bytes whole."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from exptrack.actions.gates.case import Case
from exptrack.actions.hashing import altered_among
from exptrack.actions.holdings import files_of
from exptrack.config import Gates
from exptrack.errors import Damaged
from exptrack.model import Artifact, Gate, Input, Run
from exptrack.store.place import Store

SHOWN = 12  # characters of a digest that people see
NAMED = 3  # of the files that are gone
STORED = "outputs in store"
FREED, MISSING, ALTERED = "freed", "missing", "altered"


def input_gates(case: Case, table: Gates) -> Iterator[Gate]:
    """Two numbers compare when they were measured on the same bytes: a gate for each input that must be the same.

    `same_inputs = true` means every input that one of the two runs names. The first run of a model has nothing to be
    the same as, but must have what the policy names, or no later run could ever compare."""
    own, others = _by_name(case.run), _by_name(case.current)
    if isinstance(table.same_inputs, tuple):
        names = list(table.same_inputs)
    elif case.current is None or case.current.id == case.run.id:
        which = "there is none" if case.current is None else "it is this one"
        yield Gate(gate="same inputs", passed=True, value=len(own), wanted=f"as the current run's: {which}")
        return
    else:
        names = sorted(own.keys() | others.keys())
    if not names:
        hint = "neither run names an input: declare what they were measured on, exptrack run -i test=PATH"
        yield Gate(gate="same inputs", passed=False, value=None, wanted="as the current run's", hint=hint)
    for name in names:
        yield _same_input(case, name, own.get(name), others.get(name))


def _same_input(case: Case, name: str, mine: Input | None, before: Input | None) -> Gate:
    label, current = f"same input {name}", case.current
    if mine is None or mine.digest is None:
        what = "was not there" if mine else "was not declared"
        hint = f"it {what}: run again with -i {name}=PATH"
        return Gate(gate=label, passed=False, value=None, wanted="an input with a digest", hint=hint)
    value = mine.digest[:SHOWN]
    if current is None or current.id == case.run.id:
        which = "there is none" if current is None else "it is this one"
        return Gate(gate=label, passed=True, value=value, wanted=f"as the current run's: {which}")
    if before is None or before.digest is None:
        hint = f"the current run {current.id} has no {name}: no number of the two compares; promote with it after"
        hint += f" `exptrack demote {shlex.quote(case.model)}`"
        return Gate(gate=label, passed=False, value=value, wanted="as the current run's", hint=hint)
    is_same = mine.digest == before.digest
    hint = f"measure on {before.path} as it was for {current.id}, or run that configuration on this one"
    return Gate(gate=label, passed=is_same, value=value, wanted=before.digest[:SHOWN], hint="" if is_same else hint)


def _by_name(run: Run | None) -> dict[str, Input]:
    return {i.name: i for i in run.manifest.inputs} if run else {}


def output_gate(run: Run, kind: str) -> Gate:
    has = any(a.kind == kind for a in run.manifest.artifacts)
    hint = "" if has else f"declare it: exptrack run -o {kind}=PATH"
    return Gate(gate=f"output {kind}", passed=has, value="kept" if has else None, wanted="kept", hint=hint)


def stored_gate(store: Store, run: Run) -> Iterator[Gate]:
    """Every kept byte is read again and hashed, whatever the policy says."""
    if not run.manifest.artifacts:
        return
    gone = [lost for a in run.manifest.artifacts for lost in _lost(store, run, a)]
    hints = {
        FREED: f"`exptrack undo gc` while they are in the trash; afterwards `exptrack reproduce {run.id}`",
        MISSING: f"`exptrack verify {run.id}` lists them; run or `exptrack reproduce` again",
        ALTERED: f"`exptrack verify {run.id}` names the files and how to repair them",
    }
    yield Gate(
        gate=STORED,
        passed=not gone,
        value="; ".join(_said(run, why, [path for w, path in gone if w == why]) for why in hints if _has(gone, why))
        or "all",
        wanted="all",
        hint="; ".join(f"{why}: {hint}" for why, hint in hints.items() if _has(gone, why)),
    )


def _has(gone: list[tuple[str, str]], why: str) -> bool:
    return any(w == why for w, _ in gone)


def _said(run: Run, why: str, paths: list[str]) -> str:
    """`freed 2026-11-22: out/model.bin, out/data.bin and 3 more`"""
    when = f" {(run.expired_at or '')[:10]}" if why == FREED else ""
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return f"{why}{when}: {', '.join(paths[:NAMED])}{more}"


def _lost(store: Store, run: Run, artifact: Artifact) -> Iterator[tuple[str, str]]:
    """(why, path) of each file of an artifact that is not in the store whole: every byte is read again and hashed."""
    try:
        files = files_of(store, artifact)
        bad = frozenset(altered_among(store, {f.digest: f.size for f in files}))
    except Damaged:
        yield _why(store, run, artifact.digest), artifact.path
        return
    for file in files:
        if file.digest in bad:
            path = f"{artifact.path}/{file.path}" if artifact.is_tree else artifact.path
            yield _why(store, run, file.digest), path


def _why(store: Store, run: Run, digest: str) -> str:
    try:
        is_there = store.objects.has(digest)
    except Damaged:
        return ALTERED  # not the object: the digest, which is none
    if is_there:
        return ALTERED
    return FREED if digest in run.expired else MISSING


def written_gate(run: Run) -> Iterator[Gate]:
    """Only a note, and only where there is something to note: `[require.end] written` makes such a run incomplete."""
    older = [a.path for a in run.manifest.artifacts if a.is_older]
    if older:
        wanted = "yes, where [require.end] says written = true"
        yield Gate(gate="written by this run", passed=True, value=f"no: {', '.join(older)}", wanted=wanted)
