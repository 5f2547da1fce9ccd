"""`reproduce`: code, environment and inputs of a run in a fresh folder, its command again, and a verdict on both runs.

The first run and what it left are read and never written. Whatever ends this early, the fresh folder is removed and
nothing is said of the first run; a repeated run that had begun stays in the store as what it is, killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from exptrack.actions.annotate import say as say_event
from exptrack.actions.find import load_run
from exptrack.actions.gates.replicates import Replicates, replicates_of, seed_rule
from exptrack.actions.holdings import files_of
from exptrack.actions.places import Place
from exptrack.actions.reproducing.again import Order, Stopped, command_of, start_of, variables_of
from exptrack.actions.reproducing.compare_environment import Unlike, differences
from exptrack.actions.reproducing.compare_reproduction import (
    Comparison,
    Rules,
    Spread,
    compare,
    key_of,
    spread_of,
)
from exptrack.actions.reproducing.fresh_folder import place_inputs, restore_code
from exptrack.actions.reproducing.installers import check_choice
from exptrack.actions.reproducing.layout import Layout
from exptrack.actions.reproducing.rebuild_environment import Built, rebuild, recorded_environment
from exptrack.actions.reproducing.relocate import is_below
from exptrack.actions.reproducing.reproducible import Readiness, readiness, was_stale
from exptrack.actions.reproducing.tolerance import Tolerance, parse_tolerance
from exptrack.capture.redact import mask_text
from exptrack.errors import Damaged, ExptrackError
from exptrack.model import Artifact, Run, StoredFile
from exptrack.reproduction import DIFFERS, NOT_REPRODUCIBLE, TAG
from exptrack.typed import NamedTuple

Say = Callable[[str], None]


class Wish(NamedTuple):
    """The options of `reproduce`. `folder`: where (then it stays); `tolerances` win over those of the policy."""

    folder: str | None = None
    is_kept: bool = False
    is_same_environment: bool = False
    installer: str | None = None
    tolerances: Mapping[str, Tolerance] = {}
    is_exact: bool = False
    is_quiet: bool = False
    is_stdout_ours: bool = False


class Result(NamedTuple):
    """`again`: the repeated run, None if there was none. `how` its environment was made, `unlike`: what differs in it;
    `problems`: what stood in the way, or what else to know; `folder`: where it lies, if it stayed."""

    run: Run
    verdict: str
    ready: Readiness
    again: Run | None = None
    comparison: Comparison | None = None
    how: str = "none"
    unlike: tuple[Unlike, ...] = ()
    problems: tuple[str, ...] = ()
    folder: str | None = None

    @property
    def environment(self) -> str | None:
        """same, different, or None when nothing was run."""
        return None if self.again is None else "different" if self.unlike else "same"


def reproduce(place: Place, run: Run, wish: Wish, say: Say) -> Result:
    """Do it, and record the verdict. ExptrackError for a folder that cannot be used; anything that keeps the run from
    being repeated is the verdict `not reproducible` and its problems."""
    if not place.store.records.has_run(run.id):
        raise ExptrackError(f"run {run.id} is not sealed yet ({run.status})", "wait for its end, or `exptrack recover`")
    check_choice(wish.installer)
    ready = readiness(*place, run, is_thorough=True)
    if not ready.is_possible:
        problems = tuple(f"{c.name}: {c.text}" for c in ready.unmet if c.is_needed)
        return _recorded(place, Result(run, NOT_REPRODUCIBLE, ready, problems=problems))
    with _work_folder(wish) as work:
        try:
            result = _repeat(place, run, wish, ready, work, say)
        except ExptrackError as e:
            problem = f"{e.message}{f' ({e.hint})' if e.hint else ''}"
            result = Result(run, NOT_REPRODUCIBLE, ready, problems=(problem,))
        stays = work if wish.folder or wish.is_kept else None
        return _recorded(place, result._replace(folder=stays))


@contextmanager
def _work_folder(wish: Wish) -> Iterator[str]:
    """An empty folder; removed afterwards unless it was asked for. ExptrackError when it cannot be had."""
    try:
        if wish.folder:
            work = os.path.realpath(wish.folder)
            os.makedirs(work, exist_ok=True)
            if os.listdir(work):
                raise ExptrackError(f"{wish.folder} is not empty", "name a new folder")
        else:
            work = os.path.realpath(tempfile.mkdtemp(prefix="exptrack-reproduce-"))
    except OSError as e:
        raise ExptrackError(f"no folder to work in: {e}", "-o names one, $TMPDIR says where temporary ones lie") from e
    before = {n: signal.signal(n, _stop) for n in (signal.SIGTERM, signal.SIGHUP)}
    is_whole = False
    try:
        yield work
        is_whole = True
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if not is_whole or not (wish.folder or wish.is_kept):
            # What a background process of the training still writes there must not hide how this ended.
            shutil.rmtree(work, ignore_errors=True)


def _stop(number: int, _frame: object) -> None:
    """So that the folder is removed, also while packages are being fetched."""
    raise Stopped(number)


def _repeat(place: Place, run: Run, wish: Wish, ready: Readiness, work: str, say: Say) -> Result:
    project, store = place
    manifest, layout = run.manifest, Layout(run.manifest, work)
    os.makedirs(layout.cache)
    say(f"restoring {manifest.code.files} files into {layout.code}")
    notes = restore_code(store, layout)
    built = _environment(place, run, wish, layout, say)
    if wish.is_same_environment and built.unlike:
        changed = ", ".join(map(str, built.unlike))
        raise ExptrackError(f"its environment has changed: {changed}", "without --same-environment it is rebuilt")
    if built.prefix:
        layout.use_environment(built.prefix)
    place_inputs(store, layout, ready.found, project.cache)
    for output in (*manifest.asked.get("outputs", ()), *([a.kind, a.path] for a in manifest.artifacts)):
        folder = os.path.dirname(os.path.join(layout.cwd, layout.moved.text(output[1])))
        if is_below(folder, work) and not set("*?[") & set(folder):
            os.makedirs(folder, exist_ok=True)
    command = command_of(manifest, layout)
    allowed = project.config.secret_names_allowed
    environ, said = variables_of(manifest.environment.variables, os.environ, layout, built, allowed)
    order = Order(project, layout, start_of(run, layout, project.config, command), command)
    say("running it again")
    order.run(environ, is_quiet=wish.is_quiet, is_stdout_ours=wish.is_stdout_ours)
    notes += [*built.notes, *said, *_outside(run, layout)]
    return _judge(place, run, wish, ready, layout, built, order.id, notes)


def _environment(place: Place, run: Run, wish: Wish, layout: Layout, say: Say) -> Built:
    recorded = run.manifest.environment
    if wish.is_same_environment:
        built = recorded_environment(recorded, layout.cwd, place.project.cache)
        if built.prefix and is_below(layout.environment, layout.code):
            os.symlink(built.prefix, layout.environment)  # `. .venv/bin/activate`
        return built
    return rebuild(
        recorded,
        layout.environment,
        layout.work,
        moved=layout.moved,
        root=run.manifest.code.root,
        cache=layout.cache,
        installer=wish.installer,
        say=say,
    )


def _outside(run: Run, layout: Layout) -> Iterator[str]:
    """Files the command names that are neither its code nor an input: nobody knows whether they are what they were."""
    known = [layout.work, *(os.path.join(run.manifest.cwd, i.path) for i in run.manifest.inputs)]
    for word in run.manifest.command[1:]:
        path = layout.moved.text(word).rpartition("=")[2]
        is_program = os.path.isfile(path) and os.access(path, os.X_OK)
        is_known = any(is_below(path, k) for k in known)
        if os.path.isabs(path) and os.path.exists(path) and not is_program and not is_known:
            yield f"the command names {path}, which is neither in the snapshot nor an input: used as it is now"


def _judge(
    place: Place, run: Run, wish: Wish, ready: Readiness, layout: Layout, built: Built, again_id: str, notes: list[str]
) -> Result:
    if not place.store.records.has_run(again_id):
        raise ExptrackError("it could not be run again", "the lines above say why")
    again = load_run(*place, again_id)
    unlike = differences(run.manifest.environment, again.manifest.environment)
    used = again.manifest.environment.executable
    folder = os.path.realpath(os.path.dirname(used or ""))
    if built.prefix and used and not is_below(folder, os.path.realpath(built.prefix)):
        notes.append(f"the command chose {used} by itself, not the Python of {built.prefix}")
    rules = rules_of(place, run, wish)
    stale = {a.path for a in again.manifest.artifacts if a.is_older}
    stale_then = {a.path for a in run.manifest.artifacts if was_stale(run.manifest, a)}
    there = {key_of(a) for a in again.manifest.artifacts}
    foreign = [a for a in run.manifest.artifacts if a.path in stale_then and key_of(a, layout.moved.path) not in there]
    if foreign:
        names = ", ".join(f"{a.kind} {a.path}" for a in foreign)
        notes.append(f"not compared, because the run had not written it either: {names}")
    comparison = compare(
        replace(run.manifest, artifacts=tuple(a for a in run.manifest.artifacts if a not in foreign)),
        again.manifest,
        rules,
        moved=layout.moved.path,
        files_of=lambda a: _entries(place, a),
        unwritten=stale - stale_then,
    )
    failed = again.manifest.exit_code not in (0, run.manifest.exit_code)
    if failed and not unlike and not run.manifest.inputs:
        notes.append("it failed this time: are there inputs that were not declared with -i?")
    if run.manifest.attempts and comparison.verdict == DIFFERS:
        count = len(run.manifest.attempts)
        notes.append(
            f"the run was continued from a checkpoint ({count} attempts); repeated, it starts from the beginning"
        )
    said = tuple(dict.fromkeys(notes))
    return Result(run, comparison.verdict, ready, again, comparison, built.how, unlike, said)


def _entries(place: Place, artifact: Artifact) -> Sequence[StoredFile]:
    try:
        return files_of(place.store, artifact)
    except Damaged:
        return ()  # its digest differs, which is known; only where cannot be said


def rules_of(place: Place, run: Run, wish: Wish) -> Rules:
    """What else counts as equal: the tolerances asked for, those of the policy, the replicates; `--exact`: nothing."""
    config = place.project.config
    if wish.is_exact:
        return Rules(ignored=config.reproduce_ignore)
    policy = {name: t for name, v in config.reproduce_tolerance.items() if (t := parse_tolerance(v))}
    known: list[Replicates] = []
    is_seed = seed_rule(config.seeds)

    def spread(metric: str) -> Spread | None:
        if not known:  # looked for only when a metric is out of its tolerance
            known.extend(replicates_of(place.store, [run.manifest], is_seed))
        others = [m for m in known[0].runs if TAG not in m.tags]
        return spread_of(known[0]._replace(runs=tuple(others)).distinct(metric, is_seed), metric)

    # The words of the command line first: of two globs that fit, the first counts.
    both = {**wish.tolerances, **{k: v for k, v in policy.items() if k not in wish.tolerances}}
    return Rules(both, config.reproduce_ignore, spread)


def _recorded(place: Place, result: Result) -> Result:
    """The verdict as an event on the first run, and on the repeated one, which is returned as it is now."""
    # What an installer says, or a variable holds, may have credentials in it: they enter neither store nor screen.
    result = result._replace(problems=tuple(mask_text(p) for p in result.problems))
    count = len(result.comparison.differences) if result.comparison else 0
    data = {"verdict": result.verdict, "environment": result.environment, "differences": count}
    again = result.again.id if result.again else None
    say_event(place.store, result.run.id, "reproduced", {**data, "again": again, "problems": list(result.problems)})
    if result.again is None:
        return result
    say_event(place.store, result.again.id, "reproduction", {**data, "of": result.run.id})
    return result._replace(again=load_run(*place, result.again.id))
