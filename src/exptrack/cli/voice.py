"""What the user hears of a run on stderr: a line when it starts and one when it ends. Light: `run` loads it."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from exptrack.actions.run import Voice
from exptrack.errors import visible
from exptrack.typed import Any


def say(line: str) -> None:
    """One line of ours; a closed or broken stderr must not touch the run."""
    try:
        print(visible(line), file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):
        return


def last_line(run_id: str, result: Mapping[str, Any], seconds: float) -> str:
    """How it went, from what `finish.summary` says, or the `problem` that kept it from being sealed."""
    from exptrack.amounts import counted, duration  # at the end: the child does not wait for them

    if problem := result.get("problem"):
        return f"exptrack: {run_id}: {problem}"
    parts = [f"exptrack: {result['status']} {run_id} in {duration(seconds)}"]
    for title, key in (("missing", "missing"), ("not there", "absent"), ("not written by this run", "older")):
        if named := result.get(key):
            parts.append(f"{title}: {', '.join(named)}")
    if headline := result.get("headline"):
        parts.append(headline)
    if count := result.get("warnings"):
        parts.append(f"{counted(count, 'warning')}: exptrack show")
    return " · ".join(parts)


VOICE = Voice(say, last_line)
