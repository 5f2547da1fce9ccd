"""Could this run be reproduced now? Six questions, each with what is missing and what would help.

Asked cheaply (`show`): what is there, by name and size; nothing is hashed, started or downloaded. Asked thoroughly
(`reproduce`, `--dry-run`): every byte of the code and every input is hashed, interpreters are asked.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import replace

from exptrack.actions.holdings import tree_of
from exptrack.actions.reproducing.compare_environment import differences
from exptrack.actions.reproducing.find_inputs import Found, find_inputs, missing
from exptrack.actions.reproducing.layout import Layout
from exptrack.amounts import counted
from exptrack.capture.packages import list_packages
from exptrack.capture.redact import REDACTED
from exptrack.config import Project
from exptrack.errors import Damaged, ExptrackError
from exptrack.model import Artifact, Environment, Run, RunManifest
from exptrack.store.place import Store
from exptrack.typed import NamedTuple

# `show` asks too, and has 150 ms: what only a thorough answer needs is imported where it is asked for.
MOST_NAMED = 3
# Signals a program brings upon itself; any other end came from outside, and a second run would not have it.
OWN_SIGNALS = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")


class Check(NamedTuple):
    """One question. `is_needed`: without it there is nothing to run or to compare; else the result says less."""

    name: str
    is_met: bool
    is_needed: bool
    text: str
    hint: str = ""


class Readiness(NamedTuple):
    """`found`: where each input is."""

    checks: tuple[Check, ...]
    found: tuple[Found, ...]

    @property
    def met(self) -> int:
        return sum(c.is_met for c in self.checks)

    @property
    def is_possible(self) -> bool:
        return all(c.is_met for c in self.checks if c.is_needed)

    @property
    def unmet(self) -> tuple[Check, ...]:
        """What is missing, what is needed first."""
        return tuple(sorted((c for c in self.checks if not c.is_met), key=lambda c: not c.is_needed))


def readiness(project: Project, store: Store, run: Run, *, is_thorough: bool) -> Readiness:
    """Answers for one sealed run; changes nothing."""
    m = run.manifest
    found = tuple(find_inputs(project, store, m, is_thorough=is_thorough))
    environment = _environment_asked if is_thorough else _environment_seen
    checks = (
        _code(store, m, is_thorough),
        _command(m),
        environment(project, m.environment),
        _inputs(m, found),
        _machine(m, is_thorough),
        _results(m),
    )
    return Readiness(checks, found)


def _code(store: Store, m: RunManifest, is_thorough: bool) -> Check:
    if m.code.tree is None:
        return Check("code", False, True, "no snapshot was taken", "its warnings say why")
    lost = "" if store.objects.has(m.code.tree) else "the snapshot is not in the store"
    if is_thorough and not lost:
        try:
            wrong = [f.path for f in tree_of(store, m.code.tree) if store.objects.is_whole(f.digest) is not True]
            lost = f"{_some(wrong)} missing or altered in the store" if wrong else ""
        except Damaged as e:
            lost = e.message
    if lost:
        return Check("code", False, True, lost, "`exptrack verify` lists what is hurt")
    without = f", without {_some(m.code.left_out)}, never kept" if m.code.left_out else ""
    without += f", without the secrets at {_some(m.code.masked)}" if m.code.masked else ""
    return Check("code", True, True, f"{m.code.files} files in the store{without}")


def _command(m: RunManifest) -> Check:
    if any(REDACTED in word for word in m.command):
        return Check("command", False, True, "a secret was on the command line and was not kept", "pass it another way")
    if m.status in ("running", "lost") or (m.signal and m.signal not in OWN_SIGNALS):
        how = "nobody saw its end" if m.status != "killed" else f"it was killed by {m.signal}"
        return Check("command", False, True, f"{how}: there is no end to compare with")
    if exposed := Layout(m, os.path.join(os.sep, "nowhere")).exposed:
        text = f"{_some(exposed)} lies outside the code and the command does not name it: it would be overwritten"
        return Check("command", False, True, text, "write outputs below the working folder")
    if m.attempts:
        text = (
            f"it was continued from a checkpoint ({len(m.attempts)} attempts); repeated, it starts from the beginning"
        )
        return Check("command", False, False, text, "only a checkpoint that is part of its code is there again")
    return Check("command", True, True, "whole")


def _environment_asked(project: Project, recorded: Environment) -> Check:
    """By asking the interpreter, as a run does."""
    from exptrack.actions.reproducing.rebuild_environment import find_python, recorded_environment

    if recorded.python is None:
        return _no_python()
    try:
        built = recorded_environment(recorded, project.root, project.cache)
    except ExptrackError as e:
        return _rebuilt(recorded, e.message, find_python(recorded, project.root, project.cache) is not None)
    if not built.unlike:
        return _unchanged(recorded)
    has_python = find_python(recorded, project.root, project.cache) is not None
    return _rebuilt(recorded, _some([str(u) for u in built.unlike]), has_python)


def _environment_seen(_project: Project, recorded: Environment) -> Check:
    """By looking at names of files only."""
    if recorded.python is None:
        return _no_python()
    minor = ".".join(recorded.python.split(".")[:2])
    if not os.access(recorded.executable or "", os.X_OK):
        return _rebuilt(recorded, f"{recorded.executable} is not there", _has_python(minor))
    site = os.path.join(recorded.virtualenv or "", "lib", f"python{minor}", "site-packages")
    if recorded.virtualenv and os.path.isdir(site):
        # Other folders of its sys.path (the system's, PYTHONPATH) are not looked at: a package that is not here may be
        # there.
        there, _sources = list_packages(site)
        then = {k: v for k, v in recorded.packages.items() if k in there or not _sees_others(recorded)}
        unlike = differences(replace(recorded, packages=then), replace(recorded, packages=there))
        if unlike:
            return _rebuilt(recorded, _some([str(u) for u in unlike]), True)
    return _unchanged(recorded)


def _sees_others(recorded: Environment) -> bool:
    """Has the virtual environment packages beside its own?"""
    if "PYTHONPATH" in recorded.variables:
        return True
    try:
        with open(os.path.join(recorded.virtualenv or "", "pyvenv.cfg"), encoding="utf-8", errors="replace") as f:
            return any(line.replace(" ", "").lower().startswith("include-system-site-packages=true") for line in f)
    except OSError:
        return True


def _no_python() -> Check:
    return Check("environment", True, True, "no Python in it: nothing to rebuild")


def _unchanged(recorded: Environment) -> Check:
    return Check("environment", True, True, f"Python {recorded.python}, {len(recorded.packages)} packages, as it was")


def _rebuilt(recorded: Environment, changed: str, has_python: bool) -> Check:
    from exptrack.actions.reproducing.requirements import local_folders

    minor = ".".join((recorded.python or "").split(".")[:2])
    if not has_python:
        return Check("environment", False, True, f"there is no Python {minor} here", "install one; uv can")
    gone = [name for name, path in local_folders(recorded.sources).items() if not os.path.exists(path)]
    lost = f"; {_some(gone)} came from folders that are gone" if gone else ""
    return Check(
        "environment", False, False, f"it has changed: {changed}{lost}", "it would be rebuilt from its versions"
    )


def _has_python(minor: str) -> bool:
    if sys.version.startswith(minor + "."):
        return True
    return any(
        os.access(os.path.join(folder, f"python{minor}"), os.X_OK)
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
    )


def _inputs(m: RunManifest, found: tuple[Found, ...]) -> Check:
    lost = missing(found)
    if lost:
        text = "; ".join(f"input {name}: {why}" for name, why in list(lost.items())[:MOST_NAMED])
        more = f"; and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
        return Check("inputs", False, True, text + more, "bring it back to its place, or declare a run that has it")
    if not m.inputs:
        return Check("inputs", True, True, "none were declared")
    return Check("inputs", True, True, ", ".join(f"{f.input.name} ({_where(f)})" for f in found) or "none were there")


def _where(found: Found) -> str:
    words = {"snapshot": "in the snapshot", "recorded": "in its place", "store": "an output in the store"}
    return words.get(found.how, f"at {found.path}")


def _machine(m: RunManifest, is_thorough: bool) -> Check:
    system = f"{platform.system()} {platform.machine()}"
    then = m.machine.os
    # `Ubuntu 24.04, Linux 6.8.0 x86_64` (capture/machine.py): kernel and architecture are in every such name.
    if then and not (platform.system() in then and platform.machine() in then):
        return Check("machine", False, False, f"it ran on {then}, this is {system}")
    wanted = sorted({g.name for g in m.machine.gpus})
    if not wanted:
        return Check("machine", True, False, system)
    from exptrack.capture.driver import has_driver
    from exptrack.capture.gpus import capture_gpus

    here: set[str] | None = {g.name for g in capture_gpus(os.environ).gpus} if is_thorough else None
    if here is None and has_driver(os.environ):
        return Check("machine", True, False, f"{system}, with a GPU driver")
    lacking = [name for name in wanted if name not in (here or ())]
    if lacking:
        return Check("machine", False, False, f"it ran on {_some(lacking)}, which is not here")
    return Check("machine", True, False, f"{system}, {', '.join(wanted)}")


def _results(m: RunManifest) -> Check:
    written = [a for a in m.artifacts if not was_stale(m, a)]
    if not written and not m.metrics:
        nothing = "wrote none of the outputs it kept" if m.artifacts else "kept no outputs"
        return Check("results", False, True, f"it {nothing} and told no metrics: nothing to compare with")
    what = f"{counted(len(written), 'output')} and {counted(len(m.metrics), 'metric')}"
    return Check("results", True, True, f"{what} to compare with")


def was_stale(m: RunManifest, artifact: Artifact) -> bool:
    """Had the run not written it, but found it there? Records of before it was marked say so in words
    (actions/outputs.py)."""
    return artifact.is_older or any(
        w.startswith(f"output {artifact.kind}:") and "not written by this run" in w for w in m.warnings
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def score_line(ready: Readiness) -> str:
    """`yes, 6 of 6`, or what is missing first."""
    answer = "yes" if ready.is_possible else "no"
    return f"{answer}, {ready.met} of {len(ready.checks)}" + "".join(f"; {c.name}: {c.text}" for c in ready.unmet[:2])
