"""`tag`, `note`, `pin`: later words about a run. Each is an event of its own; the manifest never changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exptrack.actions.find import load_run, resolve
from exptrack.actions.journal import Journal
from exptrack.actions.policy import disallowed
from exptrack.capture.redact import mask_text, redact_mapping
from exptrack.config import Project
from exptrack.errors import ExptrackError, Refused
from exptrack.model import Run
from exptrack.store.place import Store
from exptrack.typed import Any


def tag(project: Project, store: Store, text: str, pairs: Sequence[str]) -> Run:
    """KEY=VALUE sets, KEY= (nothing behind it) removes; returns the run as it is now. Refused (exit 4) for a value
    that [require.allowed] does not have."""
    run = _sealed(project, store, text)
    changes: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip() or any(c.isspace() for c in key.strip()):
            raise ExptrackError(f"{pair!r} is not a tag", "write KEY=VALUE to set it, KEY= to remove it")
        changes[key.strip()] = value
    if wrong := disallowed(project.config.allowed_tags, changes):
        where = f" ({project.config.path})" if project.config.path else ""
        nearest = " ".join(f"{tag}={value}" for tag, (_, value) in wrong.items() if value)
        hint = f"`exptrack tag {text} {nearest}`?" if nearest else "`exptrack policy explain` says what is allowed"
        raise Refused("; ".join(problem for problem, _ in wrong.values()) + where, hint)
    gone = [k for k, v in changes.items() if not v]
    if lacking := [k for k in gone if k not in run.tags]:
        raise ExptrackError(
            f"run {run.id} has no tag {', '.join(lacking)}", f"its tags: {', '.join(run.tags) or 'none'}"
        )
    kept = redact_mapping({k: v for k, v in changes.items() if v}, project.config.secret_names_allowed)
    if kept:
        say(store, run.id, "tag", kept)
    if gone:
        say(store, run.id, "untag", {"keys": gone})
    return load_run(project, store, run.id)


def note(project: Project, store: Store, text: str, words: str) -> Run:
    """Replace the note; an empty one takes it away."""
    run = _sealed(project, store, text)
    say(store, run.id, "note", {"note": mask_text(words)})
    return load_run(project, store, run.id)


def pin(project: Project, store: Store, text: str, *, is_pinned: bool) -> Run:
    """Pin or unpin; saying it twice changes nothing."""
    run = _sealed(project, store, text)
    if run.pinned != is_pinned:
        say(store, run.id, "pin" if is_pinned else "unpin", {})
    return load_run(project, store, run.id)


def _sealed(project: Project, store: Store, text: str) -> Run:
    run = resolve(project, store, text)
    if not store.records.has_run(run.id):
        raise ExptrackError(f"run {run.id} is not sealed yet ({run.status})", "wait for its end, or `exptrack recover`")
    return run


def say(store: Store, run_id: str, action: str, data: Mapping[str, Any]) -> None:
    """Add one event, said now by whoever runs this. OSError when the store cannot be written."""
    Journal(store).add(run_id, action, data)
