"""Gates on what was said of a run after it ended: it was reproduced, somebody else approved it.

Both read the events beside the run, from the store. An approval speaks of one model and of one manifest, by digest: it
does not pass to another model, nor to a run that was gone on with after it was given.
"""

from __future__ import annotations

from collections.abc import Iterable

from exptrack.actions.authors import is_same_person
from exptrack.actions.gates.case import Case
from exptrack.actions.ledger import manifest_digest
from exptrack.config import Gates, parse_duration
from exptrack.model import Event, Gate, Run
from exptrack.reproduction import REPRODUCED, WITHIN
from exptrack.store.place import Store
from exptrack.store.schema import unix_time

GOOD = (REPRODUCED, WITHIN)
DAY = 86400


def reproduction_gate(case: Case, table: Gates) -> Gate:
    """The latest verdict of `exptrack reproduce` is a good one, and not older than the policy says."""
    label, most = f"reproduced {table.reproduced}", parse_duration(table.reproduced or "") or 0.0
    wanted = f"reproduced less than {table.reproduced} ago"
    hint = f"exptrack reproduce {case.run.id}"
    last = last_reproduction(case)
    if last is None:
        return Gate(gate=label, passed=False, value=None, wanted=wanted, hint=hint)
    verdict, at = str(last.data.get("verdict")), unix_time(last.at)
    value = f"{verdict} {last.at[:10]}" + (f" by {again}" if (again := _text(last.data.get("again"))) else "")
    is_fresh = at is not None and case.now - at <= most
    if verdict not in GOOD:
        hint = f"{hint} gave `{verdict}`: look at what differs"
    elif not is_fresh:
        age = "nobody knows how long ago" if at is None else f"{(case.now - at) / DAY:.3g} days ago"
        hint = f"that was {age}: {hint}"
    passed = verdict in GOOD and is_fresh
    return Gate(gate=label, passed=passed, value=value, wanted=wanted, hint="" if passed else hint)


def last_reproduction(case: Case) -> Event | None:
    """The latest verdict on the run as it is. One from before its end spoke of an earlier attempt."""
    ended = case.run.manifest.ended_at or ""
    said = [e for e in case.said if e.action == "reproduced" and e.at >= ended]
    return said[-1] if said else None


def approval_gate(case: Case, table: Gates) -> Gate:
    """So many people other than the run's owners have approved it for this model."""
    given = approvals(case)
    owners = owners_of(case.run)
    people = "person" if table.approvals == 1 else "people"
    hint = f"somebody else: exptrack promote {case.run.id} {case.model} --approve"
    if stale := [e.author for e in _latest(case) if e not in given]:
        hint += f" ({', '.join(stale)} approved an earlier state of it, or owns it)"
    passed = len(given) >= table.approvals
    return Gate(
        gate=f"approvals {table.approvals}",
        passed=passed,
        value=", ".join(e.author for e in given) or None,
        wanted=f"{table.approvals} {people} other than {' and '.join(owners)}",
        hint="" if passed else hint,
    )


def approvals(case: Case) -> list[Event]:
    """The approvals that count, one a person: for this model, of this manifest, not withdrawn, not by an owner."""
    digest = digest_now(case.store, case.run)
    if digest is None:
        return []
    owners = owners_of(case.run)
    return [
        e
        for e in _latest(case)
        if e.data.get("manifest") == digest
        and not any(is_same_person(owner, who) for owner in owners for who in identities(e))
    ]


def _latest(case: Case) -> list[Event]:
    """Each person's last word on the run and model, of those who approve."""
    last: dict[str, Event] = {}
    for event in case.said:
        if event.action in ("approve", "unapprove") and event.data.get("model") == case.model:
            last[event.author.casefold()] = event
    return [e for e in last.values() if e.action == "approve"]


def identities(event: Event) -> list[str]:
    """Who gave an approval, under each name that is known."""
    return [event.author, *([email] if (email := _text(event.data.get("email"))) else [])]


def owners_of(run: Run) -> list[str]:
    """Who may not approve a run: its author, of every attempt, and its owner as tagged then and now."""
    m = run.manifest
    named = (m.author, *(attempt.author for attempt in m.attempts), m.tags.get("owner"), run.tags.get("owner"))
    return list(dict.fromkeys(name for name in named if name))


def digest_now(store: Store, run: Run) -> str | None:
    """What an approval given now would speak of; None for a run that is not sealed."""
    return manifest_digest(store.records, run.id) if store.records.has_run(run.id) else None


def evidence(case: Case) -> Iterable[str]:
    """Ids of the events that the gates asked for by this policy rest on."""
    if any(t.approvals for t in case.tables):
        yield from (e.id for e in approvals(case))
    last = last_reproduction(case)
    if last is not None and any(t.reproduced for t in case.tables):
        yield last.id


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
