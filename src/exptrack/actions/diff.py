"""What changed between two runs, section by section, the likeliest cause of another result first.

Same things are left out: 1 is 1.0, NaN is NaN, a folder that lies elsewhere with the same bytes is the same folder.
A stored object that is missing becomes a change with a note: the rest is still compared.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from exptrack.actions.columns import same_key
from exptrack.comparison import Change, RunDiff
from exptrack.errors import Damaged
from exptrack.model import Artifact, Gpu, Machine, MetricSummary, Run, RunManifest
from exptrack.store.place import Store
from exptrack.typed import Any

# Differences that are no answer to "is it the same?": two runs of the same thing never take equally long.
ALWAYS_VARYING = ("duration",)
DURATION_NOISE = 0.05
DURATION_LEAST = 0.1
# What a kernel reserves for itself changes MemTotal a little from boot to boot.
MEMORY_NOISE = 0.02
# Set anew for every job, so they say nothing about why the result is another one.
_JOB_VARIABLES = ("SLURM_", "SM_", "AIP_", "CLOUD_ML_", "LSB_", "PBS_", "MASTER_", "EXPTRACK_")


def diff_runs(store: Store, a: Run, b: Run, *, with_code_lines: bool = True) -> RunDiff:
    """Compare two runs. `with_code_lines`: count added and removed lines, which reads the files that changed."""
    before, after = a.manifest, b.manifest
    sections: dict[str, Iterable[Change]] = {
        "command": _command(before, after),
        "params": _changes(before.params, after.params),
        "code": _code(store, before, after, with_code_lines),
        "packages": _packages(before, after),
        "python": _python(before, after),
        "variables": _variables(before, after),
        "machine": _machine(before, after),
        "inputs": _inputs(before, after),
        "outputs": _outputs(before.artifacts, after.artifacts),
        "status": _status(a, b),
        "metrics": _metrics(before.metrics, after.metrics),
        "duration": _duration(before.seconds, after.seconds),
    }
    found = {name: tuple(changes) for name, changes in sections.items()}
    return RunDiff(a=a.id, b=b.id, sections={name: changes for name, changes in found.items() if changes})


def is_different(diff: RunDiff) -> bool:
    """Is anything another that could be the same? How long it took is not."""
    return any(name not in ALWAYS_VARYING for name in diff.sections)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for key in sorted({*before, *after}):
        if key not in before:
            yield Change(key=key, kind="added", after=after[key])
        elif key not in after:
            yield Change(key=key, kind="removed", before=before[key])
        elif same_key(before[key]) != same_key(after[key]):
            yield Change(key=key, kind="changed", before=before[key], after=after[key])


def _known(**facts: Any) -> dict[str, Any]:
    """Facts that were recorded: what nobody looked at is no difference."""
    return {k: v for k, v in facts.items() if v not in (None, "", 0)}


def _both(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Changes of single facts, where one side may not have been recorded at all."""
    return _changes(before, after) if before and after else iter(())


def _command(before: RunManifest, after: RunManifest) -> Iterator[Change]:
    if before.command != after.command:
        yield Change(key="command", kind="changed", before=list(before.command), after=list(after.command))
    folders = _folder(before), _folder(after)
    if folders[0] != folders[1]:
        yield Change(key="cwd", kind="changed", before=folders[0], after=folders[1])


def _folder(manifest: RunManifest) -> str:
    """The working directory inside the repository: a second checkout elsewhere is the same place."""
    root = manifest.code.root
    inside = os.path.relpath(manifest.cwd, root) if root and manifest.cwd else ""
    return manifest.cwd if not inside or inside.startswith("..") else inside


def _code(store: Store, before: RunManifest, after: RunManifest, with_lines: bool) -> Iterator[Change]:
    a, b = before.code, after.code
    if a.tree == b.tree and (a.tree or a.commit == b.commit):
        return
    if a.commit != b.commit:
        yield from _changes(_known(commit=a.commit), _known(commit=b.commit))
    if not (a.tree and b.tree):
        lacking = " and ".join(m.id for m in (before, after) if not m.code.tree)
        note = f"no snapshot was taken of {lacking}: files cannot be compared"
        yield Change(key="snapshot", kind="changed", before=a.tree, after=b.tree, note=note)
        return
    try:
        kept = _kept_inside(before) | _kept_inside(after)
        for change in _files(store, a.tree, b.tree, with_lines):
            is_output = any(change.key == path or change.key.startswith(path + "/") for path in kept)
            yield replace(change, note="; ".join(filter(None, (change.note, "an output")))) if is_output else change
    except Damaged as e:
        note = f"{e.message}: files cannot be compared"
        yield Change(key="snapshot", kind="changed", before=a.tree, after=b.tree, note=note)


def _kept_inside(manifest: RunManifest) -> set[str]:
    """Where the run's outputs lie among its code: what an earlier run left there is in the next snapshot if git does
    not ignore it, and is still listed, since a checkpoint may be what the next run started from."""
    root = manifest.code.root
    if not root:
        return set()
    return {os.path.relpath(os.path.join(manifest.cwd, a.path), root) for a in manifest.artifacts}


def _files(store: Store, a: str, b: str, with_lines: bool) -> list[Change]:
    """Changes file by file; without counts of lines when bytes of a file are gone. Damaged when a tree is."""
    from exptrack.actions.diff_code import diff_trees

    try:
        return list(diff_trees(store, a, b, with_lines=with_lines))
    except Damaged as e:
        if not with_lines:
            raise
        note = f"{e.message}: lines cannot be counted"
        uncounted = diff_trees(store, a, b, with_lines=False)
        return [*uncounted, Change(key="snapshot", kind="changed", before=a, after=b, note=note)]


def _packages(before: RunManifest, after: RunManifest) -> Iterator[Change]:
    a, b = before.environment, after.environment
    yield from _changes(a.packages, b.packages)
    for change in _changes(a.sources, b.sources):
        # An editable install keeps its version while its code moves on.
        if a.packages.get(change.key) == b.packages.get(change.key):
            yield Change(key=change.key, kind="changed", before=change.before, after=change.after, note="source")


def _python(before: RunManifest, after: RunManifest) -> Iterator[Change]:
    facts = [
        _known(
            python=e.python,
            implementation=e.implementation,
            executable=e.executable,
            conda=e.conda,
        )
        for e in (before.environment, after.environment)
    ]
    return _both(facts[0], facts[1])


def _variables(before: RunManifest, after: RunManifest) -> Iterator[Change]:
    a, b = (
        {k: v for k, v in m.environment.variables.items() if not k.startswith(_JOB_VARIABLES)} for m in (before, after)
    )
    return _changes(a, b)


def _machine(before: RunManifest, after: RunManifest) -> Iterator[Change]:
    a, b = before.machine, after.machine
    facts = _known(host=before.host, **_hardware(a)), _known(host=after.host, **_hardware(b))
    if a.memory and b.memory and abs(a.memory - b.memory) <= MEMORY_NOISE * max(a.memory, b.memory):
        del facts[0]["memory"], facts[1]["memory"]
    yield from _both(*facts)
    yield from _gpus(a.gpus, b.gpus)
    yield from _changes(*(_topology(m.scheduler) for m in (a, b)))


def _hardware(machine: Machine) -> dict[str, Any]:
    return {
        "os": machine.os,
        "cpu": machine.cpu,
        "cores": machine.cores,
        "memory": machine.memory,
        "cuda": machine.cuda,
    }


def _topology(scheduler: Mapping[str, str]) -> dict[str, str]:
    """How many nodes and processes took part; the number of the job is another one every time."""
    wanted = ("nodes", "world", "ntasks", "num_", "count", "size")
    return {k: v for k, v in scheduler.items() if any(w in k.lower() for w in wanted) and "list" not in k.lower()}


def _gpus(before: Sequence[Gpu], after: Sequence[Gpu]) -> Iterator[Change]:
    """Names and numbers first; which card of the same kind it was only when nothing else tells them apart."""
    views = (
        ("gpus", lambda g: g.name if g.mig is None else f"{g.name} {g.mig}"),
        ("gpu memory", lambda g: g.memory),
        ("gpu driver", lambda g: g.driver),
        ("gpu uuid", lambda g: g.uuid),
    )
    for key, view in views:
        a, b = sorted(map(str, map(view, before))), sorted(map(str, map(view, after)))
        if a != b:
            kind = "added" if not before else "removed" if not after else "changed"
            yield Change(key=key, kind=kind, before=_counted(a) or None, after=_counted(b) or None)
            if key == "gpus":
                return


def _counted(values: Sequence[str]) -> list[str]:
    """['A100', 'A100'] -> ['2 × A100']."""
    return [v if n == 1 else f"{n} × {v}" for v in dict.fromkeys(values) if (n := values.count(v))]


def _inputs(before: RunManifest, after: RunManifest) -> Iterator[Change]:
    a, b = (
        {i.name: {"path": i.path, "digest": i.digest, "size": i.size, "files": i.files} for i in m.inputs}
        for m in (before, after)
    )
    for change in _changes(a, b):
        if change.kind == "changed" and change.before["digest"] == change.after["digest"]:
            continue
        yield change


def _outputs(before: Sequence[Artifact], after: Sequence[Artifact]) -> Iterator[Change]:
    """Outputs by kind and path; a kind with one output on each side is the same output under another path."""
    a, b = ({(x.kind, x.path): x for x in side} for side in (before, after))
    pairs = [(a.get(key), b.get(key)) for key in sorted({*a, *b})]
    gone = [x for x, y in pairs if x and not y]
    new = [y for x, y in pairs if y and not x]
    for kind in sorted({x.kind for x in gone}):
        left, right = [x for x in gone if x.kind == kind], [y for y in new if y.kind == kind]
        if len(left) == len(right) == 1:
            pairs = [p for p in pairs if p not in ((left[0], None), (None, right[0]))] + [(left[0], right[0])]
    for x, y in pairs:
        if x and y and x.digest == y.digest:
            continue
        some = y or x
        assert some is not None
        change_kind = "changed" if x and y else "removed" if x else "added"
        yield Change(key=f"{some.kind}={some.path}", kind=change_kind, before=_output(x), after=_output(y))


def _output(artifact: Artifact | None) -> dict[str, Any] | None:
    if artifact is None:
        return None
    return {"path": artifact.path, "digest": artifact.digest, "size": artifact.size, "files": artifact.files}


def _status(a: Run, b: Run) -> Iterator[Change]:
    def facts(run: Run) -> dict[str, Any]:
        m = run.manifest
        return {"status": run.status, "exit_code": m.exit_code, "signal": m.signal, "missing": list(m.missing)}

    return _changes(facts(a), facts(b))


def _metrics(before: Mapping[str, MetricSummary], after: Mapping[str, MetricSummary]) -> Iterator[Change]:
    """Metrics by their last value, those with a goal first: they are what the comparison is about."""
    found = []
    for name in sorted({*before, *after}):
        a, b = before.get(name), after.get(name)
        if a is None or b is None:
            kind = "added" if a is None else "removed"
            change = Change(key=name, kind=kind, before=a.last if a else None, after=b.last if b else None)
        elif same_key(a.last) == same_key(b.last):
            continue
        else:
            change = _moved(name, a.last, b.last, b.goal or a.goal)
        has_goal = bool((a and a.goal) or (b and b.goal))
        found.append((not has_goal, change))
    return (change for _, change in sorted(found, key=lambda f: f[0]))


def _moved(name: str, a: float, b: float, goal: str | None) -> Change:
    verdict = None if goal is None else "better" if _is_better(a, b, goal) else "worse"
    delta = b - a
    return Change(
        key=name, kind="changed", before=a, after=b, delta=delta if math.isfinite(delta) else None, verdict=verdict
    )


def _is_better(a: float, b: float, goal: str) -> bool:
    """Against NaN every number is better: it says that the training had diverged. The two are never the same."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a)
    return b > a if goal == "max" else b < a


def _duration(before: float | None, after: float | None) -> Iterator[Change]:
    if before is None or after is None:
        return
    delta = after - before
    if abs(delta) > max(DURATION_LEAST, DURATION_NOISE * max(before, after)):
        yield Change(key="seconds", kind="changed", before=before, after=after, delta=delta)
