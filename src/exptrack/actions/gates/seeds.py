"""`replicates = N`: better than the current run over N seeds of both configurations, by Welch's t-test.

One lucky seed promotes nothing. The null hypothesis is that the true gain is `min_delta` or less. A seed of the run's
own configuration that ended at NaN or infinity refuses it; such seeds of the current run are left out, since nothing
can be better than them by a number.
"""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from exptrack.actions.gates.case import Case
from exptrack.actions.gates.replicates import PARAMETER, IsSeed, Replicates, replicates_of, seed_rule, seeds_in
from exptrack.actions.gates.welch import mean, p_above
from exptrack.config import Config, Gates
from exptrack.model import Gate, Run, RunManifest
from exptrack.typed import Any


def better_over_seeds(case: Case, current: Run, table: Gates, label: str, goal: str) -> Gate:
    """The gate for two runs that both have the metric; `goal`: max or min."""
    metric, is_seed = table.better_than_current or "", seed_rule(case.config.seeds)
    mine, theirs = replicates_of(case.store, [case.run.manifest, current.manifest], is_seed)
    own, before = _values(mine, metric, is_seed), _values(theirs, metric, is_seed)
    wanted = f"{'>' if goal == 'max' else '<'} over {table.replicates} seeds each, p <= {table.p:g}"
    wanted += f", by {table.min_delta:g}" if table.min_delta else ""
    diverged = [run_id for run_id, v in own.items() if not math.isfinite(v)]
    before = {run_id: v for run_id, v in before.items() if math.isfinite(v)}
    if diverged:
        value, hint = f"{len(diverged)} of {len(own)} seeds ended at no number", f"look at {', '.join(diverged)}"
    elif any(run.id == current.id for run in mine.runs):
        value = "the configuration of the current run itself"
        hint = f"{case.run.id} and {current.id} differ in their seeds only: neither is better"
    elif len(own) < table.replicates or len(before) < table.replicates:
        value = f"{_told(own)} against {_told(before)}"
        hint = _missing(case, current, table.replicates - len(own), table.replicates - len(before), is_seed)
        hint += _near(mine, table.replicates - len(own))
    else:
        return _tested(list(own.values()), list(before.values()), table, label, goal, wanted)
    return Gate(gate=label, passed=False, value=value, wanted=wanted, hint=hint)


def _values(found: Replicates, metric: str, is_seed: IsSeed) -> dict[str, float]:
    return {run.id: run.metrics[metric].last for run in found.distinct(metric, is_seed)}


def _tested(own: list[float], before: list[float], table: Gates, label: str, goal: str, wanted: str) -> Gate:
    a, b = (own, before) if goal == "max" else ([-v for v in own], [-v for v in before])
    # As without replicates, a margin below nothing is none.
    shift = max(table.min_delta, 0.0)
    try:
        gain, p = mean(a) - mean(b), p_above(a, b, shift)
    except OverflowError:
        gain = p = math.nan
    is_bare = len({*own}) == len({*before}) == 1
    # 0.94 - 0.93 is a little less than 0.01 in floats.
    if is_bare and gain > 0 and math.isclose(gain, shift, rel_tol=1e-9):
        p = 0.0
    value = f"{_told(own)} against {_told(before)}: p = {p:.3g}" + (", no seed changes anything" if is_bare else "")
    is_met = p <= table.p
    hint = ""
    if not is_met:
        hint = f"the gain is {gain:.3g}, which may be chance: more seeds would tell, or a better run"
        hint = hint if gain > shift else f"the gain is {gain:.3g}: not better on average"
    return Gate(gate=label, passed=is_met, value=value, wanted=wanted, hint=hint)


def _told(values: Sequence[float] | dict[str, float]) -> str:
    numbers = list(values.values()) if isinstance(values, dict) else list(values)
    count = f"{len(numbers)} seed" + "s"[: len(numbers) != 1]
    try:
        return f"{mean(numbers):.6g} ({count})" if numbers else f"nothing ({count})"
    except OverflowError:
        return f"too large to average ({count})"


def _missing(case: Case, current: Run, own: int, before: int, is_seed: IsSeed) -> str:
    """How many seeds are missing, and the commands that run them."""
    said = []
    if own > 0:
        said.append(f"{own} more of this configuration: {_again(case, case.run.manifest, is_seed)}")
    if before > 0:
        how = f"`{_place_again(case, current.manifest)}`, there {_again(case, current.manifest, is_seed)}"
        said.append(f"{before} more of the current run's configuration: {how}")
    return "; ".join(said)


def _place_again(case: Case, run: RunManifest) -> str:
    """Commands that make a folder DIR with the code of a run whose runs are recorded in this project."""
    code = run.code
    root = code.root or run.cwd
    steps = [f"exptrack restore {run.id} DIR"]
    if code.commit:
        # Without the repository the snapshot would lack what git knows, and be of the project's folder alone.
        steps = [f"git worktree add DIR {code.commit[:12]}"]
        steps += [f"exptrack restore --force {run.id} DIR"] * (code.dirty is not False)
    home = os.path.normpath(os.path.join("DIR", os.path.relpath(case.project.root, root)))
    steps.append(f"ln -s {shlex.quote(case.project.folder)} {home}/.exptrack")
    steps.append(f"cd {os.path.normpath(os.path.join('DIR', os.path.relpath(run.cwd, root)))}")
    return " && ".join(steps)


def _again(case: Case, run: RunManifest, is_seed: IsSeed) -> str:
    """The command that gives another replicate: asked for as this one was, SEED where the seeds stand."""
    words = list(seeds_in(run.command, is_seed))
    params, configs, outputs = (run.asked.get(key) for key in ("params", "configs", "outputs"))
    asked = [
        *_named(case.config, run),
        *(("-t", f"{tag}={run.tags.get(tag) or 'VALUE'}") for tag in case.config.required_tags),
        *(("-p", f"{k}={v}") for k, v in (params.items() if isinstance(params, Mapping) else ()) if not is_seed(k)),
        *(("-c", path) for path in _listed(configs) if isinstance(path, str)),
        *(("-i", f"{i.name}={i.path}") for i in run.inputs),
        *(("-o", f"{o[0]}={o[1]}") for o in _listed(outputs) if isinstance(o, list | tuple) and len(o) == 2),
    ]
    options = [word for pair in asked for word in pair]
    text = f"`exptrack run {shlex.join([*options, '--', *(word for word, _ in words)])}`"
    is_told = any(belongs and "SEED" in word for word, belongs in words)
    return text if is_told else f"{text} with another seed, told by a flag or with -p seed=SEED"


def _named(config: Config, run: RunManifest) -> Iterator[tuple[str, str]]:
    """Where the policy asks for a name: the run's with the seed behind it, if that is a name of the right form."""
    if config.required_name is None:
        return
    base = re.sub(r"-seed\w*\Z", "", run.name or "")
    name = f"{base}-seedSEED".lstrip("-")
    yield "-n", name if re.search(config.required_name, name.replace("SEED", "3")) else "NAME"


def _listed(value: Any) -> Sequence[Any]:
    """A manifest may have been written by somebody else: what does not fit is left out."""
    return value if isinstance(value, list | tuple) else ()


def _near(found: Replicates, missing: int) -> str:
    """Runs that were perhaps meant as replicates: as many as are missing differ in the same one thing."""
    what, count = max(found.near.items(), key=lambda pair: pair[1], default=("", 0))
    if missing <= 0 or count < missing:
        return ""
    remedy = ": name it in [params] seeds if it is no setting" if what.startswith(PARAMETER) else ""
    return f". {count} run{'s differ' if count > 1 else ' differs'} from it only in {what}{remedy}"
