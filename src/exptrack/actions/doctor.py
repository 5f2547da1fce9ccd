"""`doctor`: is this place fit to record runs? Each question on its own; nothing is changed."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from exptrack import __version__
from exptrack.actions.announce import untold
from exptrack.amounts import counted, size
from exptrack.capture.code import describe
from exptrack.capture.driver import has_driver
from exptrack.capture.gpus import capture_gpus
from exptrack.capture.masked_now import masked_now
from exptrack.config import Project
from exptrack.errors import Damaged
from exptrack.record.rundir import live_runs, stillborn
from exptrack.store.index import Index
from exptrack.store.place import Store, open_store
from exptrack.typed import NamedTuple

LOW_SPACE = 1 << 30
LISTED = 20


class Finding(NamedTuple):
    """One answer. `is_well` None: worth knowing, neither good nor bad; `hint`: what to do."""

    subject: str
    is_well: bool | None
    text: str
    hint: str = ""


def examine(project: Project) -> list[Finding]:
    """Every finding, likeliest trouble first. ExptrackError for a policy file or store that is wrong."""
    return [
        Finding("exptrack", None, f"{__version__} on Python {platform.python_version()}, {platform.system()}"),
        Finding("policy", None, project.config.path or "no policy file: nothing is required of a run"),
        *_store(project),
        *_runs(project),
        *_code(project),
        *_gpus(),
    ]


def _store(project: Project) -> Iterator[Finding]:
    store = open_store(project.store)
    if not os.path.isdir(store.root):
        yield _place_of(store.root)
        return
    is_writable = os.access(store.root, os.W_OK | os.X_OK)
    hint = "" if is_writable else "check its permissions, or `store =` in exptrack.toml"
    yield Finding("store", is_writable, f"{store.root}: {counted(len(store.records.run_ids()), 'run')}", hint)
    free = shutil.disk_usage(store.root).free
    hint = "" if free > LOW_SPACE else "`exptrack gc` shows what policy would let go"
    yield Finding("space", free > LOW_SPACE, f"{size(free)} free on the disk of the store", hint)
    with Index.open(project) as index:
        index.sync(store)
        problems = index.problems()
    hint = "" if not problems else "`exptrack verify` reads everything again"
    text = "in step with the store" if not problems else "; ".join(f"{path}: {what}" for path, what in problems)
    yield Finding("index", not problems, text, hint)
    yield from _hooks(store)


def _place_of(root: str) -> Finding:
    """Of a store that the first run is to make: may it?"""
    above = os.path.dirname(root)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK):
        return Finding("store", None, f"{root}: not made yet; the first run makes it")
    hint = "set $EXPTRACK_DIR to a folder you may write, or `store =` in exptrack.toml"
    return Finding("store", False, f"{root}: not made yet, and nothing can be made in {above}", hint)


def _hooks(store: Store) -> Iterator[Finding]:
    """Promotions that were written and not told to all: whoever made them was killed, or is at it."""
    for model in store.records.models():
        with suppress(Damaged):  # `verify` tells of it
            for last in store.records.promotions(model)[-1:]:
                how = f"`exptrack promote {last.run} {shlex.quote(model)}` again tells it" if last.run else ""
                for command in untold(store, last):
                    yield Finding("hooks", False, f"not told of {model}@{last.sequence}: {command}", how)


def _runs(project: Project) -> Iterator[Finding]:
    live = live_runs(project.live)
    asleep = [r.id for r in live if not r.is_alive]
    dead = asleep + [r.id for r in stillborn(project.live)]
    yield Finding("live", None, f"{counted(len(live) - len(asleep), 'run')} going on")
    if dead:
        yield Finding("dead", False, f"not sealed: {', '.join(dead)}", "`exptrack recover` seals them")


def _code(project: Project) -> Iterator[Finding]:
    facts = describe(project.root)
    if facts is None:
        has_git = shutil.which("git") is not None
        text = "not a git repository: the folder itself is kept" if has_git else "git is not installed"
        yield Finding("code", None, text, "" if has_git else "without git the whole folder is kept with every run")
    else:
        state = "with uncommitted changes" if facts.is_dirty else "committed"
        where = facts.branch or "a detached HEAD"
        yield Finding("code", None, f"{facts.root}: {where}, {state}; git {facts.git_version}")
    yield from _secrets(project, facts.root if facts else project.root)


def _secrets(project: Project, root: str) -> Iterator[Finding]:
    """What the kept code is without, for whoever has to judge whether that is a false alarm."""
    config = project.config
    if config.snapshot_secrets == "keep":
        return
    hint = "if it is no secret: that digest into [secrets] allow, docs/secrets.md"
    masked = masked_now(project.cache, root, config.secret_names_allowed, config.secrets_allowed_in)
    for found in islice(masked, LISTED):
        yield Finding("secrets", None, f"{found.place} is masked in the kept code: {found.value_id}", hint)


def _gpus() -> Iterator[Finding]:
    if not has_driver(os.environ):
        yield Finding("gpus", None, "no NVIDIA driver here")
        return
    facts = capture_gpus(os.environ)
    yield Finding("gpus", bool(facts.gpus), ", ".join(g.name for g in facts.gpus) or "none visible")
    for warning in facts.warnings:
        yield Finding("gpus", False, warning)
