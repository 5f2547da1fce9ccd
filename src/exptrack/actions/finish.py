"""Turn a run directory into a sealed run: outputs and logs into objects, facts into the manifest and the index.

The recorder and `recover` both come here; there is no second way. Each step may fail on its own (a vanished file) and
is then a warning; but what lies nowhere else (logs, points, the manifest) must be in the store before the run directory
goes: without room for it, that stays for `recover`. A later attempt at a run becomes part of it in carry_on.py.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from exptrack.actions.clock import dated, outputs_since, set_back
from exptrack.actions.default_outputs import default_outputs
from exptrack.actions.goals import goal_for, stage
from exptrack.actions.last_look import rename_points, without_tokens
from exptrack.actions.policy import disallowed
from exptrack.actions.written import Since
from exptrack.capture.redact import LogMasker, mask_text, redact_mapping
from exptrack.config import Project
from exptrack.frozen import replace
from exptrack.model import Artifact, Declared, End, MetricSummary, RunManifest, Start, Usage
from exptrack.record import rundir
from exptrack.record.reading import Reading
from exptrack.record.sampler import read_usage
from exptrack.record.seal import Findings, seal
from exptrack.record.summaries import summaries_of
from exptrack.record.tail import STREAMS
from exptrack.store.place import Store
from exptrack.typed import Any

LOG_BLOCK = 1 << 20
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def finish(
    project: Project,
    store: Store,
    run_dir: rundir.RunDir,
    start: Start,
    end: End | None,
    reading: Reading,
    captured: Mapping[str, Any],
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Seal; returns what the user's last line needs: status, missing and older outputs, headline, number of warnings.

    OSError when logs, points or the manifest cannot be written: then the run directory is still there."""
    start, problems = dated(start)
    said = [*warnings, *problems]
    _attempt(said, "metrics", lambda: reading.finish(time.time(), is_well=_is_well(end)), later=NO_ROOM)
    declared = _unique([*start.outputs, *reading.sidecar.artifacts])
    since, problems = _since(run_dir, start, end)
    said += problems
    if not declared:
        declared, problems = default_outputs(start, since)
        said += problems
    artifacts, problems = _outputs(project, store, declared, start.cwd, since)
    said += problems
    tags, problems = _sidecar_tags(start, reading)
    said += problems
    metrics = _metrics(run_dir, start, reading)
    points = _keep(store, run_dir.file(rundir.POINTS))
    logs = _keep_logs(store, run_dir, said)
    found = Findings(
        params=redact_mapping(reading.params),
        tags=tags,
        metrics=metrics,
        usage=_usage(run_dir, end, said),
        artifacts=artifacts,
        points=points,
        logs=logs,
        orders=run_dir.orders(),
        cause=_cause(run_dir, start, end),
        warnings=[mask_text(w) for w in (*said, *reading.warnings)],
    )
    manifest = _sealed(store, run_dir, start, without_tokens(seal(start, end, captured, found)))
    _attempt(said, "the index", lambda: _index(project, store, manifest))
    run_dir.remove()
    return summary(manifest, start.required_metrics, declared)


def _outputs(
    project: Project, store: Store, declared: Sequence[Declared], cwd: str, since: Since
) -> tuple[list[Artifact], list[str]]:
    if not declared:
        return [], []
    from exptrack.actions.outputs import store_outputs

    return store_outputs(project, store, declared, cwd, since)


def _since(run_dir: rundir.RunDir, start: Start, end: End | None) -> tuple[Since, list[str]]:
    """(from when on outputs are this run's own, warnings). What an earlier attempt wrote is: start.json is not its."""
    now = time.time()
    at, problems = outputs_since(start, end, now)
    is_exact = start.resumes is None and set_back(start, end, now) <= 0
    return Since.of(at, run_dir.file(rundir.START) if is_exact else None), problems


def _sealed(store: Store, run_dir: rundir.RunDir, start: Start, own: RunManifest) -> RunManifest:
    if start.resumes is not None:
        from exptrack.actions.carry_on import seal_attempt

        return seal_attempt(store, run_dir.file(rundir.POINTS), start, own)
    try:
        store.records.add_manifest(own)
    except FileExistsError:
        return store.records.manifest(own.id)  # sealed by somebody else meanwhile: that one counts
    return own


def summary(
    manifest: RunManifest, mandatory: Collection[str] = (), declared: Sequence[Declared] = ()
) -> dict[str, Any]:
    """What one line on the terminal can say of a sealed run: last values, of mandatory metrics first, then of held-out
    ones with a goal; inputs and `declared` outputs that are not there."""
    ranked = sorted(
        manifest.metrics.items(), key=lambda item: (item[0] not in mandatory, item[1].goal is None, stage(item[0]))
    )
    return {
        "status": manifest.status,
        "missing": list(manifest.missing),
        "absent": [*_absent(manifest, declared)],
        "older": list(dict.fromkeys(a.kind for a in manifest.artifacts if a.is_older)),
        "headline": ", ".join(f"{name} {m.last:.6g}" for name, m in ranked[:3]),
        "warnings": len(manifest.warnings),
    }


def _absent(manifest: RunManifest, declared: Sequence[Declared]) -> Iterator[str]:
    for asked in manifest.inputs:
        if asked.digest is None and not asked.files:
            yield f"input {asked.path}"
    kept = {a.kind for a in manifest.artifacts}
    for output in declared:
        if output.label not in kept and output.label not in manifest.missing:
            yield f"output {output.pattern}"


def _metrics(run_dir: rundir.RunDir, start: Start, reading: Reading) -> dict[str, MetricSummary]:
    rename_points(run_dir.file(rundir.POINTS))
    found = summaries_of(run_dir.file(rundir.POINTS), lambda name: goal_for(name, start.goals))
    units = reading.units
    return {name: replace(m, unit=units.get((m.source or "", name))) for name, m in found.items()}


def _sidecar_tags(start: Start, reading: Reading) -> tuple[dict[str, str], list[str]]:
    """What the program said of tags, and why some of it does not count: the policy allows a value or it does not,
    whoever gives it, and the one from the start stays."""
    tags = {k: str(v) for k, v in redact_mapping(reading.sidecar.tags).items()}
    wrong = disallowed(start.extra.get("allowed_tags", {}), tags)
    kept = {tag: value for tag, value in tags.items() if tag not in wrong}
    return kept, [f"not taken from the program: {problem}" for problem, _ in wrong.values()]


def _attempt(said: list[str], what: str, step: Callable[[], Any], *, later: Sequence[int] = ()) -> None:
    """`later`: the errors after which it can still be done another time; they are raised. So is want of memory: another
    process may have it."""
    try:
        step()
    except MemoryError:
        raise
    except Exception as e:
        if isinstance(e, OSError) and e.errno in later:
            raise
        said.append(f"{what} not kept: {type(e).__name__}: {e}")


def _unique(declared: Sequence[Declared]) -> list[Declared]:
    return list(dict.fromkeys(declared))


def _keep(store: Store, path: str) -> str | None:
    return store.objects.add_file(path)[0] if os.path.exists(path) else None


def _keep_logs(store: Store, run_dir: rundir.RunDir, said: list[str]) -> dict[str, str]:
    """Stream -> digest of its log; to `said` goes where something was masked. The order of arrival counts bytes: it is
    kept when nothing was."""
    kept: dict[str, str] = {}
    is_as_printed = True
    for stream in STREAMS:
        path = run_dir.file(stream + ".log")
        found = _keep_log(store, path)
        if found:
            kept[stream], masker = found
            if masker.count:
                is_as_printed = False
                said.append(_masked(stream, masker))
    chunks = run_dir.file("chunks")
    if is_as_printed and len(kept) > 1 and os.path.exists(chunks):
        kept["chunks"] = store.objects.add_file(chunks)[0]
    return kept


def _masked(stream: str, masker: LogMasker) -> str:
    what = "1 secret" if masker.count == 1 else f"{masker.count} secrets"
    lines = ", ".join(map(str, dict.fromkeys(masker.lines)))
    more = ", …" if masker.count > len(masker.lines) else ""
    return f"{what} masked in the log of {stream}, line {lines}{more}"


def _keep_log(store: Store, path: str) -> tuple[str, LogMasker] | None:
    """(digest, what was masked) of a log; None when the stream said nothing."""
    if not os.path.exists(path) or os.stat(path).st_size == 0:
        return None
    masked, masker = path + ".masked", LogMasker()
    with open(path, "rb") as source, open(masked, "wb") as out:
        while block := source.read(LOG_BLOCK):
            out.write(masker.feed(block))
        out.write(masker.finish())
    return store.objects.add_file(masked)[0], masker


def _is_well(end: End | None) -> bool:
    return end is not None and end.exit_code == 0


def _cause(run_dir: rundir.RunDir, start: Start, end: End | None) -> str | None:
    """How the batch system says that it ended the job, of a run that was told to stop or that was lost with it."""
    is_told = bool(run_dir.orders())
    if start.scheduler.get("kind") != "slurm" or not (is_told or end is None):
        return None
    from exptrack.capture.slurm import why_it_ended

    return why_it_ended(start.scheduler, is_told=is_told)


def _usage(run_dir: rundir.RunDir, end: End | None, said: list[str]) -> Usage:
    lines: list[bytes] = []
    path = run_dir.file(rundir.SAMPLES)
    if os.path.exists(path):
        with open(path, "rb") as f:
            lines = f.read().splitlines()
    usage, problems = read_usage(lines, end.cpu_seconds if end else None, end.max_rss if end else None)
    said += problems
    return usage


def _index(project: Project, store: Store, manifest: RunManifest) -> None:
    """Best effort: the index finds out by itself at the next `ls` what it does not know yet."""
    from exptrack.store import index

    index.add(project, store, manifest)
