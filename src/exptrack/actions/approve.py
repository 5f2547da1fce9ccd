"""`promote --approve`: somebody other than the owner says that a run may become the current run of a model.

Recorded as an event beside the run, which names model and manifest; nothing is promoted. Who one is is what the login
name, $EXPTRACK_AUTHOR and git say: an approval is as strong as these, and as who may write the store.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from exptrack.actions.authors import author, is_same_person
from exptrack.actions.promote import Verdict, why
from exptrack.actions.trust_gates import digest_now, owners_of
from exptrack.capture.code import email_of
from exptrack.capture.redact import mask_text
from exptrack.config import Project
from exptrack.errors import ExptrackError, Refused
from exptrack.model import Event
from exptrack.record.rundir import new_id, utc
from exptrack.store.place import Store


class Approval(NamedTuple):
    """What was recorded (`is_new`) or stood there already, and the verdict with it."""

    verdict: Verdict
    event: Event
    is_new: bool


def approve(project: Project, store: Store, text: str, model: str, reason: str | None) -> Approval:
    """Record the approval of who is at the keyboard. Refused (exit 4) for an owner of the run. Twice is once."""
    verdict = why(project, store, text, model)
    data = _subject(store, verdict)
    me, email = author(), email_of(project.root)
    for who in filter(None, (me, email)):
        if owned := [o for o in owners_of(verdict.run) if is_same_person(o, who)]:
            as_whom = "" if who == me else f" (git knows you as {who})"
            raise Refused(
                f"{me} may not approve {verdict.run.id}: it is {owned[0]}'s own{as_whom}",
                f"somebody else: exptrack promote {verdict.run.id} {model} --approve",
            )
    if given := _mine(store, verdict, me, data):
        return Approval(verdict, given, False)
    data |= {"email": email} if email else {}
    event = _say(store, verdict, "approve", me, data, reason)
    return Approval(why(project, store, verdict.run.id, model), event, True)


def withdraw(project: Project, store: Store, text: str, model: str, reason: str | None) -> Approval:
    """Take one's own approval back; ExptrackError (exit 1) when there is none. What was promoted stays so."""
    verdict = why(project, store, text, model)
    data, me = _subject(store, verdict), author()
    if _mine(store, verdict, me, data) is None:
        raise ExptrackError(f"{me} has not approved {verdict.run.id} for {model}", "`exptrack why` says who has", 1)
    event = _say(store, verdict, "unapprove", me, data, reason)
    return Approval(why(project, store, verdict.run.id, model), event, True)


def _subject(store: Store, verdict: Verdict) -> dict[str, Any]:
    digest = digest_now(store, verdict.run)
    if digest is None:
        raise ExptrackError(
            f"run {verdict.run.id} is not sealed yet ({verdict.run.status})", "wait for its end, or `exptrack recover`"
        )
    return {"model": verdict.model, "manifest": digest}


def _mine(store: Store, verdict: Verdict, me: str, data: dict[str, Any]) -> Event | None:
    """My approval of exactly this that is in force."""
    found = None
    for event in store.records.events_about(verdict.run.id):
        is_mine = event.author.casefold() == me.casefold() and event.data.get("model") == verdict.model
        if is_mine and event.action in ("approve", "unapprove"):
            is_this = event.action == "approve" and event.data.get("manifest") == data["manifest"]
            found = event if is_this else None
    return found


def _say(store: Store, verdict: Verdict, action: str, me: str, data: dict[str, Any], reason: str | None) -> Event:
    now = time.time()
    told = {**data, "reason": mask_text(reason)} if reason else data
    event = Event(id=new_id(now), run=verdict.run.id, action=action, at=utc(now), author=me, data=told)
    store.records.add_event(event)
    return event
