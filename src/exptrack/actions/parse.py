"""`exptrack parse`: what would be recorded from this output, line by line, and which family of formats read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from exptrack.actions.how_to_read import known_names
from exptrack.config import Config
from exptrack.model import Point
from exptrack.record.metrics import Recogniser
from exptrack.record.metrics.sidecars import reader_for
from exptrack.record.metrics.state import Found
from exptrack.record.naming import Naming
from exptrack.typed import IO

_BLOCK = 65536
STREAM = "stdout"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLine:
    """One line (or frame of a redrawn line): its text, the family that read it ('' for none), and what it gave.

    `points` are recorded when this line has been read; a table's or a bar's values come when their block ends.
    """

    number: int
    text: str
    family: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Every line, the points in order of recording, and what could not be recorded."""

    lines: tuple[ExplainedLine, ...]
    points: tuple[Point, ...]
    warnings: tuple[str, ...]
    units: Mapping[str, str]


def naming_of(config: Config | None) -> Naming:
    """The names a run of this project records what it is told under; without a project, as it is told."""
    if config is None:
        return Naming()
    return Naming(
        ignore=config.ignored_metrics,
        rename=config.renamed_metrics,
        aliases=config.aliases,
        known=known_names(config),
    )


def explain(
    data: bytes | IO[bytes],
    *,
    patterns: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    naming: Naming | None = None,
) -> Explanation:
    """Read `data` as one stream of a program's output. Raises ExptrackError for a bad pattern. `naming`: the names that
    the policy gives what it speaks of."""
    named, first = naming or Naming(), dict[str, Point]()
    heard: list[tuple[str, str, list[Found]]] = []
    recogniser = Recogniser(
        patterns=patterns,
        ignore=ignore,
        rename=rename,
        witness=lambda text, family, found: heard.append((text, family, found)),
    )
    lines: list[ExplainedLine] = []
    points: list[Point] = []
    for piece in _one_by_one(data):
        heard.clear()
        raw = recogniser.feed(piece)
        first.update((p.name, p) for p in raw if p.name not in first)
        new = named.apply(raw, STREAM, is_renamed=True)
        points += new
        _note(lines, heard, new)
    heard.clear()
    raw = recogniser.close()
    first.update((p.name, p) for p in raw if p.name not in first)
    last = named.apply(raw, STREAM, is_renamed=True)
    points += last
    _note(lines, heard, last)
    units = {
        p.name: unit
        for name, unit in recogniser.units.items()
        for p in named.apply([first[name]] if name in first else [], STREAM, is_renamed=True)
    }
    return Explanation(lines=tuple(lines), points=tuple(points), warnings=tuple(recogniser.warnings), units=units)


def parse(
    data: bytes | IO[bytes],
    *,
    patterns: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    naming: Naming | None = None,
) -> Iterator[Point]:
    """The points alone, as fast as `run` reads them: for `exptrack parse --json`."""
    recogniser, named = Recogniser(patterns=patterns, ignore=ignore, rename=rename), naming or Naming()
    for block in _blocks(data):
        yield from named.apply(recogniser.feed(block), STREAM, is_renamed=True)
    yield from named.apply(recogniser.close(), STREAM, is_renamed=True)


def parse_file(path: str, naming: Naming | None = None) -> list[Point] | None:
    """The points of a file that programs write themselves (CSV, TensorBoard ...); None when it is plain output."""
    reader = reader_for(path)
    if reader is None:
        return None
    points: list[Point] = []
    while new := reader.poll():
        points += new
    return (naming or Naming()).apply(points, path)


def _blocks(data: bytes | IO[bytes]) -> Iterable[bytes]:
    if isinstance(data, bytes):
        yield data
        return
    while block := data.read(_BLOCK):
        yield block


def _one_by_one(data: bytes | IO[bytes]) -> Iterator[bytes]:
    """Line by line, so that each point is seen to come with the line that gave it."""
    for block in _blocks(data):
        start = 0
        while end := block.find(b"\n", start) + 1:
            yield block[start:end]
            start = end
        if start < len(block):
            yield block[start:]


def _note(lines: list[ExplainedLine], heard: list[tuple[str, str, list[Found]]], new: list[Point]) -> None:
    """One ExplainedLine for each text heard. Points go to the line that found them; what waited goes to the last."""
    waiting = list(new)
    for at, (text, family, found) in enumerate(heard):
        own = waiting if at == len(heard) - 1 else _taken(waiting, found)
        lines.append(ExplainedLine(number=len(lines) + 1, text=text, family=family, points=tuple(own)))
    if not heard and waiting:
        lines.append(ExplainedLine(number=len(lines) + 1, text="", family="end of output", points=tuple(waiting)))


def _taken(waiting: list[Point], found: list[Found]) -> list[Point]:
    own = []
    for one in found:
        match = next((p for p in waiting if p.value == one.value or p.value != p.value), None)
        if match is not None:
            waiting.remove(match)
            own.append(match)
    return own
