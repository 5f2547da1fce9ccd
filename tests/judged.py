"""A case for the gates, made by hand: a run, a model, what is current, what was said, and a policy of these tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from exptrack.actions.gates.case import Case
from exptrack.config import Config, Gates, Project
from exptrack.model import Event, Gate, Run
from exptrack.store.place import Store
from made import AN_ID

NOW = 1795384800.0  # 2026-11-22T22:00:00Z, five minutes after the end of the runs


def case_of(
    store: Store,
    run: Run,
    *tables: Gates,
    current: Run | None = None,
    model: str = "m",
    now: float = NOW,
    said: Sequence[Event] = (),
    root: str | None = None,
    **policy: Any,
) -> Case:
    root = root or store.root
    config = Config(gates=tables, **policy)
    project = Project(root, os.path.join(root, ".exptrack"), store.root, config)
    return Case(project, store, run, model, current, now, tuple(said))


def checked(gate: Gate) -> Gate:
    """An unmet gate says what to do, a met one has nothing to say."""
    assert bool(gate.hint) is not gate.passed
    return gate


def event(number: int, action: str, author: str = "bob", **fields: Any) -> Event:
    known = {"id": f"01evt{number:011d}", "run": AN_ID, "at": "2026-11-22T21:58:00.000Z", "data": {}}
    return Event(action=action, author=author, **{**known, **fields})
