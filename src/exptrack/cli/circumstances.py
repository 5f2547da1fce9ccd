"""Sections of a model card: the environment, the machine and the code a run had."""

from __future__ import annotations

from collections.abc import Iterable

from exptrack.actions.cards.card import ModelFacts
from exptrack.cli import humane
from exptrack.cli.markdown import code, facts, fence, text, to_fill
from exptrack.model import Gpu, Run

MOST_PACKAGES = 80
JOULES_IN_KWH = 3.6e6


def environment(run: Run) -> str:
    """Interpreter and packages of the command."""
    e = run.manifest.environment
    python = " ".join(w for w in (e.implementation or "Python", e.python) if w) if e.python else ""
    rows = [("Python", text(python)), ("Lock files", ", ".join(code(f) for f in e.lock_files))]
    out = ["## Environment"]
    if told := facts(rows):
        out.append(told)
    packages = sorted(e.packages.items())
    if packages:
        lines = [f"{name}=={version}" if version else name for name, version in packages[:MOST_PACKAGES]]
        more = len(packages) - MOST_PACKAGES
        if more > 0:
            lines.append(f"# and {more} more: exptrack card --provenance {run.id}")
        out.append(fence("\n".join(lines), "text"))
    return "\n\n".join(out) if len(out) > 1 else "## Environment\n\nNo interpreter was found in the command."


def hardware(run: Run, carbon: float | None) -> str:
    """Machine, what was used of it, and what that cost."""
    m, u = run.manifest.machine, run.manifest.usage
    cores = f", {m.cores} cores" if m.cores else ""
    memory = f"{humane.size(u.max_gpu_memory)} peak" if u.max_gpu_memory is not None else ""
    busy = f"{u.gpu_utilisation:.0f} % busy" if u.gpu_utilisation is not None else ""
    rows = [
        ("GPU", "; ".join(_gpu(g) for g in m.gpus) or "none seen"),
        ("GPU use", ", ".join(w for w in (memory, busy) if w)),
        ("CUDA", text(m.cuda or "")),
        ("CPU", text(m.cpu) + cores if m.cpu else ""),
        ("Memory", humane.size(m.memory) if m.memory else ""),
        ("System", text(m.os)),
        ("Scheduler", ", ".join(code(f"{k}={v}") for k, v in sorted(m.scheduler.items()))),
        ("CPU time", humane.duration(u.cpu_seconds) if u.cpu_seconds is not None else ""),
        ("Peak memory", humane.size(u.max_rss) if u.max_rss is not None else ""),
        *_energy(u.energy_joules, carbon),
    ]
    return "## Hardware and energy\n\n" + facts(rows)


def _gpu(gpu: Gpu) -> str:
    memory = humane.size(gpu.memory) if gpu.memory else ""
    driver = f"driver {gpu.driver}" if gpu.driver else ""
    return ", ".join(text(w) for w in (gpu.name, gpu.mig, memory, driver) if w)


def _energy(joules: float | None, carbon: float | None) -> Iterable[tuple[str, str]]:
    if joules is None:
        yield "Energy", "not measured"
        return
    yield "Energy of the GPUs", humane.energy(joules)
    if carbon is None:
        yield "CO2", to_fill("`exptrack card --carbon G` works it out from grams of CO2 a kWh.")
    else:
        yield "CO2", f"{humane.number(grams(joules, carbon), 3)} g CO2e, at {carbon:g} g a kWh, of the GPUs alone"


def grams(joules: float, carbon: float) -> float:
    """CO2 equivalent of an energy, at `carbon` grams a kWh."""
    return joules / JOULES_IN_KWH * carbon


def snapshot(known: ModelFacts) -> str:
    """Commit and snapshot."""
    c = known.run.manifest.code
    state = "with uncommitted changes" if c.dirty else "clean" if c.dirty is False else ""
    branch = f"on {code(c.branch)}" if c.branch else ""
    kept = "" if known.has_code or not c.tree else ", **not in this store**"
    changed = [*c.changed, *c.untracked]
    rows = [
        ("Commit", " ".join(w for w in (code(c.commit), branch, state) if w) if c.commit else "not under git"),
        ("Remote", code(c.remote or "")),
        ("Snapshot", f"{code(c.tree)}, {c.files} files{kept}" if c.tree else "none was taken"),
        ("Changed or untracked", _few(changed)),
        ("Left out of the snapshot", _few(c.left_out)),
    ]
    return "## Code\n\n" + facts(rows)


def _few(paths: Iterable[str]) -> str:
    listed = list(paths)
    more = f" and {len(listed) - 10} more" if len(listed) > 10 else ""
    return ", ".join(code(p) for p in listed[:10]) + more
