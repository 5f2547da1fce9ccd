"""A manifest and what was said about the run later -> the run as people see it.

Events count in the order of their ids, which sort by time. What each action carries in `data`:
tag {key: value} · untag {"keys": [key]} · note {"note": text} · pin {} · unpin {} ·
expire and unexpire {"digests": [sha256, ...]} · reproduced {"verdict", "again", "environment", "differences"} on the
original and reproduction {"of", ...} on the run that repeated it · promote and demote {"model", "sequence", "digest"},
which change nothing here: they vouch for a line of a model's history · told {"model", "sequence", "hook", "problem"}: a
hook was told of such a line · approve and unapprove {"model", "manifest"}
are read by gates. An action a newer exptrack invented changes nothing here. Tags and notes that a later attempt at the
run found when it began are in its manifest and not said again.
"""

from __future__ import annotations

from collections.abc import Iterable

from exptrack.model import Event, Promotion, Reproduction, Run, RunManifest
from exptrack.typed import Any


def apply_events(manifest: RunManifest, events: Iterable[Event], promotions: Iterable[Promotion] = ()) -> Run:
    """`events`: those of this run, others are passed over; `promotions`: of any models, in any order."""
    tags, note, is_pinned = dict(manifest.tags), manifest.note, False
    expired: dict[str, None] = {}
    expired_at: str | None = None
    reproductions: list[Reproduction] = []
    reproduces: Reproduction | None = None
    heard = manifest.attempts[-1].heard if manifest.attempts else ()
    for event in sorted(events, key=lambda e: e.id):
        if event.run != manifest.id or event.id in heard:
            continue
        data = event.data
        if event.action == "tag":
            tags.update({k: v for k, v in data.items() if isinstance(v, str)})
        elif event.action == "untag":
            for key in _strings(data.get("keys")):
                tags.pop(key, None)
        elif event.action == "note":
            text = data.get("note")
            note = text if isinstance(text, str) and text else None
        elif event.action in ("pin", "unpin"):
            is_pinned = event.action == "pin"
        elif event.action == "expire":
            expired.update(dict.fromkeys(_strings(data.get("digests"))))
            expired_at = event.at
        elif event.action == "unexpire":
            for digest in _strings(data.get("digests")):
                expired.pop(digest, None)
        elif event.action == "reproduced":
            reproductions.append(_reproduction(event, "again"))
        elif event.action == "reproduction":
            reproduces = _reproduction(event, "of")
    models = tuple(sorted(m for m, p in current(promotions).items() if p.run == manifest.id))
    return Run(
        manifest=manifest,
        status=manifest.status,
        tags=tags,
        note=note,
        pinned=is_pinned,
        models=models,
        expired=tuple(expired),
        expired_at=expired_at if expired else None,
        reproductions=tuple(reproductions),
        reproduces=reproduces,
    )


def _reproduction(event: Event, key: str) -> Reproduction:
    """`key`: where the event names the other run."""
    other, environment, count = (event.data.get(name) for name in (key, "environment", "differences"))
    return Reproduction(
        run=other if isinstance(other, str) else None,
        verdict=str(event.data.get("verdict", "")),
        at=event.at,
        author=event.author,
        environment=environment if isinstance(environment, str) else None,
        differences=count if isinstance(count, int) else 0,
    )


def current(promotions: Iterable[Promotion]) -> dict[str, Promotion]:
    """Model -> its promotion with the highest number; one whose `run` is None says that the model was demoted."""
    newest: dict[str, Promotion] = {}
    for p in promotions:
        if p.model not in newest or newest[p.model].sequence < p.sequence:
            newest[p.model] = p
    return newest


# Events may come from a shared folder and from other versions: what does not fit is passed over, never trusted.
def _strings(value: Any) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, (list, tuple)) else []
