"""`promote --approve`: somebody other than the owner says that a run may become the current run of a model.

Recorded as an event beside the run, which names model and manifest; nothing is promoted. Who one is is what the login
name, $EXPTRACK_AUTHOR and git say: an approval is as strong as these, and as who may write the store.
"""

from __future__ import annotations

import os

from exptrack.actions.authors import author, is_same_person
from exptrack.actions.find import resolve
from exptrack.actions.gates.trust import digest_now, owners_of
from exptrack.actions.journal import Journal
from exptrack.actions.promote import Verdict, why
from exptrack.capture.code import email_of
from exptrack.capture.redact import mask_text
from exptrack.config import Project
from exptrack.errors import ExptrackError, Refused
from exptrack.model import Event, Run
from exptrack.store.place import Store
from exptrack.typed import Any, NamedTuple


class Approval(NamedTuple):
    """What was recorded (`is_new`) or stood there already, and the verdict with it."""

    verdict: Verdict
    event: Event
    is_new: bool


def approve(project: Project, store: Store, text: str, model: str, reason: str | None) -> Approval:
    """Record the approval of who is at the keyboard. Refused (exit 4) for an owner of the run. Twice is once."""
    run, data = _subject(project, store, text, model)
    me, email = author(), email_of(project.root)
    for who in filter(None, (me, email)):
        if owned := [o for o in owners_of(run) if is_same_person(o, who)]:
            as_whom = "" if who == me else f" (git knows you as {who})"
            raise Refused(
                f"{me} may not approve {run.id}: it is {owned[0]}'s own{as_whom}",
                f"{_whose(me, who, owned[0])}; somebody else: exptrack promote {run.id} {model} --approve",
            )
    given = _mine(store, run, me, data)
    event = given or _say(store, run, "approve", me, data | ({"email": email} if email else {}), reason)
    return Approval(why(project, store, run.id, model), event, given is None)


def _whose(me: str, who: str, owner: str) -> str:
    """Which of the names of who is at the keyboard is the owner's, and where another one would be set."""
    if who != me:
        where = "GIT_AUTHOR_EMAIL" if "GIT_AUTHOR_EMAIL" in os.environ else "git config user.email"
        return f"{where} says {who}, and the owner is {owner}: it and EXPTRACK_AUTHOR must both be the approver's"
    where = "EXPTRACK_AUTHOR" if os.environ.get("EXPTRACK_AUTHOR") else "the login name"
    return f"{where} says {who}, and the owner is {owner}: set EXPTRACK_AUTHOR where several people share a login"


def withdraw(project: Project, store: Store, text: str, model: str, reason: str | None) -> Approval:
    """Take one's own approval back; ExptrackError (exit 1) when there is none. What was promoted stays so."""
    (run, data), me = _subject(project, store, text, model), author()
    if _mine(store, run, me, data) is None:
        raise ExptrackError(f"{me} has not approved {run.id} for {model}", "`exptrack why` says who has", 1)
    event = _say(store, run, "unapprove", me, data, reason)
    return Approval(why(project, store, run.id, model), event, True)


def _subject(project: Project, store: Store, text: str, model: str) -> tuple[Run, dict[str, Any]]:
    """The run, and what an approval of it says. ExptrackError for one that is not sealed, or what names no model."""
    store.records.promotion_numbers(model)
    run = resolve(project, store, text)
    digest = digest_now(store, run)
    if digest is None:
        raise ExptrackError(f"run {run.id} is not sealed yet ({run.status})", "wait for its end, or `exptrack recover`")
    return run, {"model": model, "manifest": digest}


def _mine(store: Store, run: Run, me: str, data: dict[str, Any]) -> Event | None:
    """My approval of exactly this that is in force."""
    found = None
    for event in store.records.events_about(run.id):
        is_mine = event.author.casefold() == me.casefold() and event.data.get("model") == data["model"]
        if is_mine and event.action in ("approve", "unapprove"):
            is_this = event.action == "approve" and event.data.get("manifest") == data["manifest"]
            found = event if is_this else None
    return found


def _say(store: Store, run: Run, action: str, me: str, data: dict[str, Any], reason: str | None) -> Event:
    told = {**data, "reason": mask_text(reason)} if reason else data
    return Journal(store).add(run.id, action, told, by=me)
