"""Which run's output was which run's input, by digest alone: nobody has to declare it, renaming does not hide it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from exptrack.typed import NamedTuple

# sha256 of no bytes, and of a folder without files: equal for everybody, so they prove nothing.
NOTHING = frozenset(
    (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "b22097a69a94d324ab83dab64a47850fe9f7ec0e4c6e151f15c0f8c37d147645",
    )
)


class Made(NamedTuple):
    """One output of a run, or one file inside a folder it kept."""

    run: str
    digest: str
    kind: str
    path: str


class Used(NamedTuple):
    """One input of a run."""

    run: str
    digest: str
    name: str
    path: str


class Link(NamedTuple):
    """`used.run` came from `made.run`."""

    made: Made
    used: Used


class Span(NamedTuple):
    """When a run was going on, UTC ISO 8601; `ended` "" while it still is."""

    started: str
    ended: str


def link(spans: Mapping[str, Span], made: Iterable[Made], used: Iterable[Used]) -> list[Link]:
    """Each input with the run it came from: of those that made these bytes the last that had ended when the user
    started, else the last that had started (a checkpoint of a run still going on). A run that made more of the user's
    inputs goes before a later one: a sweep writes the same tokenizer twelve times, and only one of them the weights
    beside it. Order: as the inputs come."""
    wanted = [u for u in used if u.digest not in NOTHING]
    makers: dict[str, list[Made]] = defaultdict(list)
    digests = {u.digest for u in wanted}
    for m in made:
        if m.digest in digests:
            makers[m.digest].append(m)
    shares: dict[tuple[str, str], int] = defaultdict(int)
    for user, digest in {(u.run, u.digest) for u in wanted}:
        for maker in {m.run for m in makers.get(digest, ())}:
            shares[user, maker] += 1
    out = []
    for u in wanted:
        source = _source(spans, u, makers.get(u.digest, ()), shares)
        if source is not None:
            out.append(Link(source, u))
    return out


def _source(
    spans: Mapping[str, Span], used: Used, makers: Sequence[Made], shares: Mapping[tuple[str, str], int]
) -> Made | None:
    began = spans[used.run].started
    others = [m for m in makers if m.run != used.run and m.run in spans]
    ended = [m for m in others if spans[m.run].ended and spans[m.run].ended <= began]
    if ended:
        return max(ended, key=lambda m: (shares[used.run, m.run], spans[m.run].ended, m.run))
    going = [m for m in others if spans[m.run].started < began]
    return max(going, key=lambda m: (spans[m.run].started, m.run)) if going else None
