"""`show`: one run on a page: what, with what, on what, how it went, what it left. Empty sections are left out.

A terminal gets at most LISTED paths of a list; a pipe gets them all.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from exptrack.attempt import Attempt
from exptrack.cli import humane
from exptrack.cli.screen import Column, Piece, Screen, Span
from exptrack.cli.table import ARROWS, STATUS_STYLE
from exptrack.model import Artifact, Gpu, Input, MetricSummary, Run

LISTED = 12
DIGEST = 12
INDENT = "  "
Rows = list[list[Piece]]


def print_run(screen: Screen, run: Run, reproducible: str | None = None) -> None:
    """Everything a person asks about one run. `reproducible`: whether it could be reproduced now, where that was
    asked."""
    screen.line(*_headline(run))
    screen.columns(_about(run, screen.now), INDENT)
    _section(screen, "attempts", _attempts(run))
    _section(screen, "missing", [[Span(what, "yellow")] for what in run.manifest.missing])
    _metrics(screen, run)
    _section(screen, "params", [[k, humane.scalar(v)] for k, v in sorted(run.manifest.params.items())])
    _section(screen, "tags", [[k, v] for k, v in sorted(run.tags.items())])
    _section(screen, "code", _code(screen, run))
    _section(screen, "environment", _environment(run))
    _section(screen, "machine", _machine(run))
    _section(screen, "usage", _usage(run))
    _section(screen, "inputs", _inputs(run))
    _section(screen, "outputs", _outputs(run))
    _section(screen, "reproduction", _reproduction(run, reproducible))
    _section(screen, "warnings", [[Span(w, "yellow")] for w in run.manifest.warnings])


def _section(screen: Screen, title: str, rows: Sequence[Sequence[Piece]]) -> None:
    if rows:
        screen.line()
        screen.line(Span(title, "bold"))
        screen.columns(rows, INDENT)


def _headline(run: Run) -> list[Piece]:
    m = run.manifest
    colour = STATUS_STYLE.get(run.status, "")
    how = f" by {m.signal}" if m.signal else f" with exit code {m.exit_code}" if m.exit_code else ""
    out: list[Piece] = [Span(run.status, f"bold {colour}" if colour in ("red", "green", "cyan") else colour), how]
    out += [INDENT, Span(m.name, "bold"), INDENT] if m.name else [INDENT]
    out.append(m.id)
    for model in run.models:
        out += [INDENT, Span(f"{model}@", "bold cyan")]
    return [*out, INDENT, Span("pinned", "cyan")] if run.pinned else out


def _about(run: Run, now: float) -> Rows:
    m = run.manifest
    began = f"{humane.date(m.started_at)} ({humane.age(m.started_at, now)})"
    lasted = m.seconds
    if run.status == "running":
        # What earlier attempts took is known; the time between two of them was nobody's.
        then = humane.moment(m.attempts[-1].started_at if m.attempts else m.started_at)
        lasted = (m.seconds or 0.0) + max(0.0, now - then) if then is not None else None
    rows: Rows = [
        ["command", shlex.join(m.command)],
        ["in", m.cwd],
        ["started", began],
        ["for" if run.status == "running" else "took", humane.duration(lasted)],
        ["by", f"{m.author} on {m.host}" if m.host else m.author],
    ]
    rows += [["without policy", Span(m.policy_bypassed, "yellow")]] if m.policy_bypassed else []
    rows += [["told to stop", Span(m.stopped_by, "yellow")]] if m.stopped_by else []
    rows += [[word, text] for word, text in (("project", m.project), ("group", m.group), ("parent", m.parent)) if text]
    rows += [["why" if i == 0 else "", line] for i, line in enumerate((run.note or "").splitlines())]
    return rows


def _attempts(run: Run) -> Rows:
    """Of a run that was continued: how each attempt went, and what was another one than before."""
    rows: Rows = []
    before: Attempt | None = None
    for a in run.manifest.attempts:
        how = a.signal or (f"exit code {a.exit_code}" if a.exit_code else "")
        colour = STATUS_STYLE.get(a.status, "")
        parts = {"environment": "environment", "tree": "code", "command": "command"}
        other = [word for name, word in parts.items() if before and getattr(before, name) != getattr(a, name)]
        said = f"other {', '.join(other)}" if other else ""
        took = humane.duration(a.seconds)
        rows.append([str(a.number), Span(a.status, colour), how, humane.date(a.started_at), took, a.host, said])
        before = a
    return rows


def _metrics(screen: Screen, run: Run) -> None:
    metrics = run.manifest.metrics
    if not metrics:
        return
    screen.line()
    screen.line(Span("metrics", "bold"))
    columns = [
        Column("", is_fixed=True),
        Column("last", is_right=True),
        Column("best", is_right=True),
        Column("at step", is_right=True),
        Column("points", is_right=True),
        Column("from"),
    ]
    ordered = sorted(metrics.items(), key=lambda item: (item[1].goal is None, item[0]))
    screen.table(columns, [_metric(name, s) for name, s in ordered], INDENT)


def _metric(name: str, s: MetricSummary) -> list[Piece]:
    arrow = f" {ARROWS[s.goal]}" if s.goal in ARROWS else ""
    last = Span(humane.number(s.last), "red" if s.last != s.last else "")
    best: list[Piece] = ["", ""]
    if s.best is not None:
        best = [Span(humane.number(s.best), "bold"), "" if s.best_step is None else humane.number(s.best_step)]
    unit = f" {s.unit}" if s.unit else ""
    return [name + unit + arrow, last, *best, str(s.count), Span(s.source or "", "dim")]


def _code(screen: Screen, run: Run) -> Rows:
    code = run.manifest.code
    rows: Rows = []
    if code.commit:
        state = "with uncommitted changes" if code.dirty else "clean" if code.dirty is False else ""
        branch = f"on {code.branch}" if code.branch else ""
        rows.append(["commit", " ".join(w for w in (code.commit[:DIGEST], branch, state) if w)])
    if code.remote:
        rows.append(["remote", code.remote])
    if code.tree:
        rows.append(["snapshot", f"{code.tree[:DIGEST]}, {_count(code.files, 'file')}"])
    rows += _listed(screen, "changed", code.changed)
    rows += _listed(screen, "untracked", code.untracked)
    rows += _listed(screen, "left out", code.left_out)
    return rows + _listed(screen, "masked", code.masked)


def _listed(screen: Screen, title: str, paths: Sequence[str]) -> Rows:
    is_cut = screen.is_terminal and len(paths) > LISTED
    shown = paths[: LISTED - 1] if is_cut else paths
    rows: Rows = [[title if i == 0 else "", path] for i, path in enumerate(shown)]
    if is_cut:
        rows.append(["", Span(f"… and {len(paths) - len(shown)} more: --json lists them", "dim")])
    return rows


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _environment(run: Run) -> Rows:
    e = run.manifest.environment
    implementation = f" ({e.implementation})" if e.implementation and e.implementation.lower() != "cpython" else ""
    facts = {
        "python": f"{e.python}{implementation}" if e.python else None,
        "executable": e.executable,
        "virtualenv": e.virtualenv,
        "conda": e.conda,
        "packages": str(len(e.packages)) if e.packages else None,
        "lock files": ", ".join(e.lock_files),
    }
    rows: Rows = [[k, v] for k, v in facts.items() if v]
    variables = [f"{k}={v}" for k, v in sorted(e.variables.items())]
    return rows + [["variables" if i == 0 else "", text] for i, text in enumerate(variables)]


def _machine(run: Run) -> Rows:
    m = run.manifest.machine
    cores = _count(m.cores, "core") if m.cores else ""
    rows: Rows = [
        [k, v]
        for k, v in {
            "os": m.os,
            "cpu": ", ".join(w for w in (m.cpu, cores) if w),
            "memory": humane.size(m.memory) if m.memory else "",
            "cuda": m.cuda,
        }.items()
        if v
    ]
    rows += [[f"gpu {g.index}", _gpu(g)] for g in m.gpus]
    scheduler = " ".join(f"{k}={v}" for k, v in sorted(m.scheduler.items()))
    return [*rows, ["scheduler", scheduler]] if scheduler else rows


def _gpu(gpu: Gpu) -> str:
    memory = humane.size(gpu.memory) if gpu.memory else ""
    driver = f"driver {gpu.driver}" if gpu.driver else ""
    return ", ".join(w for w in (gpu.name, gpu.mig, memory, driver, gpu.uuid) if w)


def _usage(run: Run) -> Rows:
    u = run.manifest.usage
    facts = {
        "cpu time": humane.duration(u.cpu_seconds) if u.cpu_seconds is not None else "",
        "peak memory": humane.size(u.max_rss) if u.max_rss is not None else "",
        "peak gpu memory": humane.size(u.max_gpu_memory) if u.max_gpu_memory is not None else "",
        "gpu utilisation": f"{u.gpu_utilisation:.0f} %" if u.gpu_utilisation is not None else "",
        "energy": humane.energy(u.energy_joules) if u.energy_joules is not None else "",
    }
    return [[k, v] for k, v in facts.items() if v]


def _inputs(run: Run) -> Rows:
    return [
        [i.name, i.path, humane.size(i.size), _files(i.files), Span(i.digest[:DIGEST], "dim")]
        if i.digest
        else [i.name, i.path, Span(_why_no_digest(run, i), "yellow")]
        for i in run.manifest.inputs
    ]


def _why_no_digest(run: Run, given: Input) -> str:
    """Data that is streamed, or lies in the cloud, is named and not read."""
    from exptrack.capture.managed_job import is_only_named  # 20 ms, and few runs lack a digest

    return "not read" if is_only_named(given, run.manifest.warnings) else "was not there"


def _outputs(run: Run) -> Rows:
    return [
        [
            a.kind,
            a.path,
            humane.size(a.size),
            _files(a.files),
            Span(a.digest[:DIGEST], "dim"),
            Span(", ".join(filter(None, ["not written by this run" * a.is_older, _fate(run, a)])), "yellow"),
        ]
        for a in run.manifest.artifacts
    ]


def _reproduction(run: Run, reproducible: str | None) -> Rows:
    rows: Rows = [["now", reproducible]] if reproducible else []
    said = [("by", r) for r in reversed(run.reproductions)] + [("of", r) for r in (run.reproduces,) if r]
    for word, r in said:
        where = " in a different environment" if r.environment == "different" else ""
        who = f" {word} {r.run}" if r.run else ""
        style = "green" if r.verdict.startswith("reproduced") else "yellow"
        rows.append([humane.date(r.at), Span(r.verdict, style), f"{who}{where}".strip()])
    return rows


def _fate(run: Run, artifact: Artifact) -> str:
    """Whether retention let its bytes go, and when."""
    if artifact.digest not in run.expired:
        return ""
    return "bytes let go" + (f" {humane.date(run.expired_at)}" if run.expired_at else "")


def _files(count: int) -> str:
    return "" if count == 1 else _count(count, "file")
