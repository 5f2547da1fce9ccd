"""The history of models as a ledger in which a change shows.

Each promotion vouches for the file of the one before, for the manifest it promotes, and for the approvals and
reproductions its gates rest on. An event beside the run vouches
for the promotion itself, so that the last line cannot be changed or taken away unseen either. Who may write the whole
store can still make all of it anew: `heads` are what to keep elsewhere against that.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence

from exptrack.actions.authors import author
from exptrack.actions.holdings import Words
from exptrack.actions.journal import Journal
from exptrack.capture.redact import mask_text
from exptrack.errors import Damaged, ExptrackError, NoSuchRun
from exptrack.model import Event, Gate, Promotion
from exptrack.record.rundir import utc
from exptrack.store.place import Store
from exptrack.store.records import Records

ACTIONS = ("promote", "demote")
Problem = tuple[str, str, str]


def append(
    store: Store,
    model: str,
    run: str | None,
    *,
    after: Sequence[Promotion],
    reason: str | None,
    gates: tuple[Gate, ...] = (),
    evidence: Sequence[str] = (),
    hooks: Sequence[str] = (),
) -> Promotion:
    """Add the next line of a model's history and its witness. `after`: the history this was decided on; Overtaken when
    somebody else has taken the number that follows it. `evidence`: ids of the events it was decided by; `hooks`: the
    commands to be told."""
    records, now = store.records, time.time()
    last, previous = (after[-1].sequence, after[-1].run) if after else (0, None)
    promotion = Promotion(
        model=model,
        sequence=last + 1,
        run=run,
        previous=previous,
        at=utc(now),
        author=author(),
        reason=mask_text(reason) if reason else reason,
        gates=gates,
        previous_digest=_digest(records, model, last) if last else None,
        manifest=manifest_digest(records, run) if run else None,
        evidence={event_id: _event_digest(records, event_id) for event_id in evidence},
        hooks=tuple(map(mask_text, hooks)),
    )
    records.add_promotion(promotion)
    witness = {"model": model, "sequence": promotion.sequence, "digest": _digest(records, model, promotion.sequence)}
    spoken_of = run or previous or ""
    action = "promote" if run else "demote"
    Journal(store).add(spoken_of, action, witness, at=now, by=promotion.author)
    return promotion


def manifest_digest(records: Records, run_id: str) -> str:
    """sha256 of a run's manifest file; NoSuchRun when there is none."""
    return hashlib.sha256(records.manifest_bytes(run_id)).hexdigest()


def _digest(records: Records, model: str, number: int) -> str:
    return hashlib.sha256(records.promotion_bytes(model, number)).hexdigest()


def _event_digest(records: Records, event_id: str) -> str:
    return hashlib.sha256(records.event_bytes(event_id)).hexdigest()


def heads(store: Store, words: Words) -> dict[str, str]:
    """Model -> sha256 of its last promotion: it stands for the whole history up to there."""
    return {m: _digest(store.records, m, line[-1].sequence) for m, line in sorted(words.promotions.items()) if line}


def check_ledger(store: Store, words: Words) -> Iterator[Problem]:
    """Every edit, deletion or reordering of promotions that shows, as (MODEL@N, what, what is wrong)."""
    for model, line in words.promotions.items():
        yield from check_numbers(store, model)
        yield from check_chain(store, model, line)
        for promotion in line:
            yield from check_manifest(store, promotion)
            yield from _check_evidence(store, promotion)
    for events in words.events.values():
        for event in events:
            if event.action in ACTIONS:
                yield from check_witness(store, event)
            elif event.action == "approve":
                yield from _check_approval(store, event)


def check_numbers(store: Store, model: str) -> Iterator[Problem]:
    """Numbers that are missing in a history."""
    numbers = store.records.promotion_numbers(model)
    for lost in sorted(set(range(1, max(numbers, default=0))) - set(numbers)):
        yield f"{model}@{lost}", "promotion", "missing: it was taken out of the history"


def check_chain(store: Store, model: str, line: Sequence[Promotion]) -> Iterator[Problem]:
    """Each line of a history, given whole and in order, vouches for the one before."""
    known = {p.sequence: p for p in line}
    is_chained = False
    for p in line:
        where, before = f"{model}@{p.sequence}", known.get(p.sequence - 1)
        # Lines from before there was a chain may only come first: later ones would be a way round it.
        if p.previous_digest is None and is_chained:
            yield where, "promotion", "altered: it does not vouch for the one before"
        is_chained = is_chained or p.previous_digest is not None or p.manifest is not None
        if before is None:
            continue
        if p.previous_digest is not None and p.previous_digest != _digest(store.records, model, before.sequence):
            yield f"{model}@{before.sequence}", "promotion", f"altered since {where} was written"
        if p.previous != before.run:
            said, was = p.previous or "no run", before.run or "none"
            yield where, "promotion", f"altered: it says {said} was current before it; it was {was}"


def check_manifest(store: Store, p: Promotion) -> Iterator[Problem]:
    """The manifest is the one that was promoted."""
    if p.run is None:
        return
    try:
        is_same = p.manifest is None or manifest_digest(store.records, p.run) == p.manifest
    except NoSuchRun:
        yield p.run, "manifest", f"missing, and it is {p.model}@{p.sequence}"
        return
    if not is_same:
        yield p.run, "manifest", f"altered since it was promoted as {p.model}@{p.sequence}"


def _check_evidence(store: Store, p: Promotion) -> Iterator[Problem]:
    """The words a promotion was decided by are as they were."""
    for event_id, digest in p.evidence.items():
        where = f"{p.model}@{p.sequence} rests on it"
        try:
            is_same = _event_digest(store.records, event_id) == digest
        except FileNotFoundError:
            yield p.run or "", f"event {event_id}", f"missing, and {where}"
            continue
        if not is_same:
            yield p.run or "", f"event {event_id}", f"altered, and {where}"


def _check_approval(store: Store, event: Event) -> Iterator[Problem]:
    """An approval speaks of a manifest that is there: else that is not what was approved. A run that was continued
    since has the manifests of the attempts before too."""
    records = store.records
    known = [records.manifest_bytes(event.run, n + 1) for n in range(records.attempt_count(event.run))]
    if not known:
        yield event.run, "manifest", f"missing, and {event.author} approved it on {event.at[:10]}"
    elif event.data.get("manifest") not in {hashlib.sha256(data).hexdigest() for data in known}:
        yield event.run, f"event {event.id}", f"{event.author} approved another manifest than the run's"


def check_witness(store: Store, event: Event) -> Iterator[Problem]:
    """The line that an event vouches for is there and as it was."""
    model, number, digest = (event.data.get(k) for k in ("model", "sequence", "digest"))
    if not isinstance(model, str) or not isinstance(number, int) or isinstance(number, bool):
        yield event.run, f"event {event.id}", "altered: it names no promotion"
        return
    try:
        is_same = _digest(store.records, model, number) == digest
    except FileNotFoundError:
        yield f"{model}@{number}", "promotion", f"missing: it was made {event.at} by {event.author}"
        return
    except Damaged:
        is_same = False
    except ExptrackError:  # an event that somebody else wrote may say `..`
        yield event.run, f"event {event.id}", "altered: it names no promotion"
        return
    if not is_same:
        yield f"{model}@{number}", "promotion", "altered since it was made"
