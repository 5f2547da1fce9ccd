"""What the wall clock did to a run. It may be set back at any moment (NTP, a resumed machine), so durations are never
taken from it; what is, is corrected here and said in the record."""

from __future__ import annotations

from datetime import UTC, datetime

from exptrack.frozen import replace
from exptrack.model import End, Start
from exptrack.record.rundir import time_of_id, utc

# Seconds that a slewed clock, coarse times of files and our own start may differ.
SLACK = 2.0


def dated(start: Start) -> tuple[Start, list[str]]:
    """The start with a time that can be read; (start, warnings). What somebody or a broken disk wrote there instead
    must not keep the run from being sealed: its id says the time too."""
    if seconds_of(start.started_at) is not None:
        return start, []
    at = utc(time_of_id(start.id))
    return replace(start, started_at=at), [f"start.json says {start.started_at!r:.40} for a time: {at} is the id's"]


def outputs_since(start: Start, end: End | None, now: float) -> tuple[str, list[str]]:
    """(since when files count as written by this run, warnings). `start` is dated; `now`: seconds since the epoch.

    By a clock that was set back, files are older than the run that wrote them."""
    first = start.resumes.first_started_at if start.resumes else start.started_at
    began, gone = seconds_of(start.started_at) or 0.0, set_back(start, end, now)
    if gone <= SLACK:
        return first, []
    since = utc(max(0.0, (seconds_of(first) or began) - gone))
    return since, [f"the clock was set back by {gone:.0f} s during the run: times in this record may be out of order"]


def set_back(start: Start, end: End | None, now: float) -> float:
    """Seconds that the clock was set back during the run; 0 or less where nothing says that it was."""
    began = seconds_of(start.started_at) or 0.0
    ended, took = (seconds_of(end.ended_at), end.seconds) if end else (None, None)
    return began - now if ended is None or took is None else began + took - ended


def seconds_of(iso: str) -> float | None:
    """Since the epoch; None for what is no time after 1970."""
    try:
        then = datetime.fromisoformat(iso)
    except ValueError:
        return None
    seconds = (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp()
    return seconds if seconds >= 0 else None
