"""Where the fields of a printed mapping stand in its line, so that shapes.py can read the lines like it unparsed.

Only flat mappings whose every field is a plain number, a text or a constant: what is recorded of one is then decided by
its keys, and by which of its numbers are whole.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from exptrack.lazy import pattern
from exptrack.record.metrics import names
from exptrack.record.metrics.progress import NOWHERE
from exptrack.record.metrics.reading import Pair, Reading, with_split
from exptrack.typed import Any

_NUMBER = r"-?(?:0|[1-9]\d*+)(?:\.\d++)?+(?:[eE][-+]?\d++)?+|-?(?:nan|inf|Infinity)|NaN"
_FIELD = pattern(
    r"""[{,]\s*+(?P<mark>["'])(?P<key>[^"'\\{}\[\]]{1,200}+)(?P=mark)\s*+:\s*+"""
    rf"""(?:(?P<quote>["']?)(?P<number>{_NUMBER})(?P=quote)|"[^"\\]*+"|'[^'\\]*+'|true|True|false|False|null|None)"""
    r"\s*+(?=[,}])"
)
Span = tuple[int, int]


def reading_of(
    body: str, start: int, mapping: Mapping[str, Any], recorded: Container[str], places: Sequence[str | None]
) -> Reading | None:
    """How the mapping at `start` of a line was read: names `recorded`, and the keys of step and epoch (None: not told).

    None where the lines like it must be parsed."""
    spans: dict[str, Span | None] = {}
    is_quoted: dict[str, bool] = {}
    at = start
    while field := _FIELD.match(body, at):
        spans[field["key"]] = field.span("number") if field["number"] else None
        is_quoted[field["key"]] = bool(field["quote"])
        at = field.end()
    if body[at : at + 1] != "}" or [*spans] != [*mapping] or any(map(str.isdigit, body[:start])):
        return None
    pairs, split = [], names.split_in(body[:start])
    for key, span in spans.items():
        if with_split(key, split) not in recorded:
            continue
        text = body[slice(*span)] if span else ""
        # `"-5"` in quotes is none of the whole numbers, unlike -5: not worth a form of its own.
        if span is None or (is_quoted[key] and text.startswith("-") and text[1:].isdigit()):
            return None
        pairs.append(Pair(key, text, *span, ":", names.STRONG, False, True, "", split))
    if any(key is not None and spans[key] is None for key in places):
        return None
    step_at, epoch_at = (spans[key] if key is not None else None for key in places)
    # Only that there is a position counts from here on: State was told where it is.
    progress = NOWHERE._replace(
        step=0 if step_at else None, epoch=0 if epoch_at else None, step_at=step_at, epoch_at=epoch_at
    )
    return Reading(pairs, progress, True, None, is_exact=True) if progress.is_known else None
