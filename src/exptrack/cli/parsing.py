"""`parse`: what would be recorded from this output, line by line, with the family of formats that read each line."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence

from exptrack.actions.how_to_read import patterns_of
from exptrack.actions.parse import explain, naming_of, parse, parse_file
from exptrack.amounts import counted
from exptrack.cli.screen import Screen, Span
from exptrack.config import find_project
from exptrack.errors import ExptrackError, NotStarted
from exptrack.model import Point


def print_parsed(screen: Screen, file: str, patterns: Sequence[str], *, as_json: bool) -> None:
    """FILE or `-`; the patterns, ignored and renamed names of the project count as they would in a run."""
    config = project.config if (project := find_project()) else None
    how = {
        "patterns": _patterns(config.patterns if config else {}, patterns),
        "ignore": config.ignored_metrics if config else (),
        "rename": config.renamed_metrics if config else {},
        "naming": naming_of(config),
    }
    try:
        points = None if file == "-" else parse_file(file, naming_of(config))
        if points is not None:
            _print_points(screen, points, as_json)
            return
        with open(0 if file == "-" else file, "rb", closefd=file != "-") as source:
            if as_json:
                _print_points(screen, parse(source, **how), as_json)  # type: ignore[arg-type]  # the keys are parse's own
                return
            explained = explain(source, **how)  # type: ignore[arg-type]
    except OSError as e:
        raise ExptrackError(f"cannot read {file}: {e.strerror}", "give a file, or - for standard input") from e
    for line in explained.lines:
        if line.points:
            screen.line(Span(f"{line.number}: ", "dim"), line.text.strip(), Span(f"  [{line.family}]", "cyan"))
            for point in line.points:
                screen.line("    ", Span(_said(point, explained.units.get(point.name, "")), "green"))
    count = len(explained.points)
    screen.line(f"{counted(count, 'point')} in {counted(len(explained.lines), 'line')}")
    for warning in explained.warnings:
        Screen.of(sys.stderr).line(f"warning: {warning}")


def _patterns(of_policy: Mapping[str, str], said: Sequence[str]) -> Mapping[str, str]:
    try:
        return patterns_of(of_policy, said)
    except NotStarted as e:
        raise ExptrackError(e.message, e.hint) from e  # 125 is for what `run` would not start


def _print_points(screen: Screen, points: Iterable[Point], as_json: bool) -> None:
    for point in points:
        if as_json:
            screen.write(json.dumps(_plain(point)) + "\n")
        else:
            screen.line(_said(point, ""))


def _plain(point: Point) -> dict[str, object]:
    """NaN and infinities as words: JSON has no other way."""
    value = point.value if math.isfinite(point.value) else repr(point.value)
    return {"name": point.name, "value": value, "step": point.step, "epoch": point.epoch}


def _said(point: Point, unit: str) -> str:
    places = (("step", point.step), ("epoch", point.epoch))
    where = [f"{name} {at}" for name, at in places if at is not None]
    return f"{point.name} = {point.value!r}{unit}" + (f"  ({', '.join(where)})" if where else "")
