"""A card as text: generated blocks between markers, everything else its readers' own.

Markers are HTML comments, each a line of its own: `<!-- exptrack:begin NAME -->` and `<!-- exptrack:end NAME -->`. One
more, `<!-- exptrack:card {...} -->`, notes digests of all that was generated. Invariant: nothing that does not have the
noted digest is ever overwritten, and a file whose markers do not fit together is refused. docs/cards.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from exptrack.actions.cards import front as card_front
from exptrack.actions.cards import index as card_index
from exptrack.errors import ExptrackError
from exptrack.typed import Any, NamedTuple

VERSION = 1
_MARKER = re.compile(r"\s*<!--\s*exptrack:(begin|end)\s+(\S+)\s*-->\s*\Z")
_STATE = re.compile(r"\s*<!--\s*exptrack:card\s+(\{.*\})\s*-->\s*\Z")
# Anything that looks like a marker: one that is none any more must not pass for text.
_ALIKE = re.compile(r"\s*<!-*\s*exptrack:")
ELSEWHERE = "mend it, or write the card to another file with -o"


class Block(NamedTuple):
    """A generated part."""

    name: str
    text: str


class Card(NamedTuple):
    """What there is to write. `to_fill`: keys of the front matter nobody knows, and what belongs there; `parts`: blocks
    and, as plain text, what a new card starts with in between."""

    kind: str
    run: str
    front: Mapping[str, Any]
    to_fill: Sequence[tuple[str, str]]
    parts: Sequence[Block | str]

    def blocks(self) -> dict[str, str]:
        return {p.name: p.text.strip("\n") for p in self.parts if isinstance(p, Block)}


class _Found(NamedTuple):
    """A block in a file: its lines, markers included, are `lines[begin:end]`."""

    begin: int
    end: int
    text: str


def new(card: Card) -> str:
    """The whole text of a card that is not there yet."""
    parts = [p.strip("\n") if isinstance(p, str) else _marked(p.name, p.text.strip("\n")) for p in card.parts]
    state = _state(card, card.blocks())
    return f"---\n{card_front.written(card.front, card.to_fill)}---\n\n{state}\n\n" + "\n\n".join(parts) + "\n"


def merge(text: str, card: Card, *, is_forced: bool = False) -> str:
    """An existing card with its generated parts as they are now. ExptrackError when it is no card of this kind or its
    markers are damaged (exit 2), or a generated part was edited (exit 1), unless `is_forced`."""
    newline = "\r\n" if "\r\n" in text else "\n"
    parted = card_front.split(text.replace("\r\n", "\n"))
    lines = (parted[1] if parted else text).split("\n")
    place, state = _read_state(lines, card)
    if parted is None:
        raise ExptrackError("the card's front matter (the lines between ---) is gone or damaged", ELSEWHERE)
    found, noted = _read_blocks(lines), state["blocks"]
    _refuse_edits(found, card.blocks(), noted, is_forced=is_forced)
    lines[place] = _state(card, card.blocks(), noted)
    body = "\n".join(_with_blocks(lines, found, card, noted))
    front = card_front.updated(_fresh_index(parted[0], card, state), card.front, state["front"], card.to_fill)
    return f"---\n{front}---\n{body}".replace("\n", newline)


def _state(card: Card, blocks: Mapping[str, str], before: Mapping[str, Any] | None = None) -> str:
    """The comment that notes what was generated. `before`: digests it had of blocks; those of a newer program stay."""
    noted = {
        "version": VERSION,
        "kind": card.kind,
        "run": card.run,
        "front": card_front.digests(card.front),
        "values": card_index.values_of(card.front.get("model-index")),
        "blocks": {**(before or {}), **{name: _digest(text) for name, text in blocks.items()}},
    }
    text = json.dumps(noted, separators=(",", ":"))
    # As escapes: a metric may be called `-->`, and the comment must not end before its time.
    for character in "<>":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"<!-- exptrack:card {text} -->"


def _read_state(lines: Sequence[str], card: Card) -> tuple[int, dict[str, Any]]:
    at = [i for i, line in enumerate(lines) if _STATE.match(line)]
    if not at and not any(_ALIKE.match(line) for line in lines):
        raise ExptrackError("the file is not a card of exptrack", "name another file with -o, or move this one away")
    if len(at) != 1:
        raise ExptrackError(f"the card has {len(at) or 'no'} `exptrack:card` comments, not one", ELSEWHERE)
    m = _STATE.match(lines[at[0]])
    assert m is not None
    try:
        state = json.loads(m[1])
        is_whole = all(isinstance(state[k], dict) for k in ("front", "values", "blocks")) and "kind" in state
    except (ValueError, KeyError, TypeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise ExptrackError("the card's `exptrack:card` comment is damaged", ELSEWHERE)
    if state["kind"] != card.kind:
        raise ExptrackError(f"the file is a {state['kind']} card, not a {card.kind} card", "name another file with -o")
    return at[0], state


def _read_blocks(lines: Sequence[str]) -> dict[str, _Found]:
    """Every block; ExptrackError for markers that do not fit together."""
    found: dict[str, _Found] = {}
    opened: tuple[str, int] | None = None
    for i, line in enumerate(lines):
        m = _MARKER.match(line)
        if not m:
            if _ALIKE.match(line) and not _STATE.match(line):
                raise ExptrackError(f"a marker of the card is damaged: {line.strip():.80}", ELSEWHERE)
            continue
        kind, name = m[1], m[2]
        if kind == "begin" and opened is None and name not in found:
            opened = (name, i)
        elif kind == "end" and opened and opened[0] == name:
            found[name] = _Found(opened[1], i + 1, "\n".join(lines[opened[1] + 1 : i]))
            opened = None
        else:
            raise ExptrackError(f"the card's markers do not fit together at {line.strip():.80}", ELSEWHERE)
    if opened:
        raise ExptrackError(f"the card's part {opened[0]} has no end marker", ELSEWHERE)
    return found


def _refuse_edits(
    found: Mapping[str, _Found], blocks: Mapping[str, str], noted: Mapping[str, Any], *, is_forced: bool
) -> None:
    edited = [name for name, block in found.items() if name in blocks and noted.get(name) != _digest(block.text)]
    if edited and not is_forced:
        raise ExptrackError(
            f"the card was edited between the markers of {', '.join(edited)}: that part is written anew each time",
            "move what you wrote out of the markers, or --force to lose it",
            1,
        )


def _with_blocks(lines: list[str], found: Mapping[str, _Found], card: Card, noted: Mapping[str, Any]) -> list[str]:
    """The body with each block in its place. A block taken out by hand stays out; one that a newer exptrack has more
    comes behind the one before it."""
    edits: list[tuple[int, int, str]] = []
    after = len(lines)
    for name, text in card.blocks().items():
        if name in found:
            begin, after, _ = found[name]
            edits.append((begin, after, _marked(name, text)))
        elif name not in noted:
            edits.append((after, after, "\n" + _marked(name, text)))
    out = list(lines)
    # From the end, so that line numbers hold; what replaces lines comes before what is put in front of them.
    for begin, end, text in sorted(edits, key=lambda e: (e[0], e[1] > e[0]))[::-1]:
        out[begin:end] = text.split("\n")
    return out if out[-1] == "" else [*out, ""]


def _fresh_index(yaml_text: str, card: Card, state: Mapping[str, Any]) -> str:
    """A model-index in which somebody filled in the task or data set keeps that, and gets the new run's values."""
    now = card_front.parse(yaml_text)
    index, ours = now.get("model-index"), card.front.get("model-index")
    if index is None or card_front.digests({"model-index": index})["model-index"] == state["front"].get("model-index"):
        return yaml_text
    fresh = card_index.refreshed(index, state["values"], card_index.values_of(ours))
    noted = card_front.digests({"model-index": card_front.parse(yaml_text)["model-index"]})
    return card_front.updated(yaml_text, {"model-index": fresh}, noted, ())


def _marked(name: str, text: str) -> str:
    return f"<!-- exptrack:begin {name} -->\n{text}\n<!-- exptrack:end {name} -->"


def _digest(text: str) -> str:
    """Of a block's text; trailing blanks and empty lines at its ends do not count: editors and tools change them."""
    lines = "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()[:12]
