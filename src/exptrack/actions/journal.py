"""Later words about runs: each an event of its own in the store, never changed.

Events count in the order of their ids, which begin with the time. A word that was said when another one was there gets
a higher id than that one has, also when the clock was set back in between or two machines disagree about the time;
`at` keeps what the clock said.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from exptrack.actions.authors import author
from exptrack.model import Event
from exptrack.record.rundir import new_id, time_of_id, utc
from exptrack.store.place import Store
from exptrack.typed import Any

# An id has room for milliseconds until the year 3084; a word that claims to be of the last one has none after it.
_LAST = 2.0**45 / 1000 - 1
# A millisecond and a half: what rounds to the next one, whatever floats make of it.
_NEXT = 0.0015


class Journal:
    """Adds words to a store. For many at once make one and keep it: it lists the events there are only once."""

    def __init__(self, store: Store) -> None:
        self._records = store.records
        self._newest = max(self._records.event_ids(), default="")

    def add(
        self, run_id: str, action: str, data: Mapping[str, Any], *, at: float | None = None, by: str | None = None
    ) -> Event:
        """`at`: when it was said, in seconds since the epoch (now); `by`: whose word it is (the user's). OSError when
        it cannot be stored."""
        event_id = new_id()
        if event_id <= self._newest and time_of_id(self._newest) < _LAST:
            event_id = new_id(time_of_id(self._newest) + _NEXT)
        said_at = utc(time.time() if at is None else at)
        event = Event(id=event_id, run=run_id, action=action, at=said_at, author=by or author(), data=dict(data))
        self._records.add_event(event)
        self._newest = max(self._newest, event_id)
        return event
