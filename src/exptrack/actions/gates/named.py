"""The gate on a model's name: a mistyped one would pass every gate there is for the right one.

Only where the policy has gates at all: without any, a new name is how every model begins.
"""

from __future__ import annotations

from collections.abc import Iterator

from exptrack.actions.gates.case import tables_for
from exptrack.actions.nearest import did_you_mean
from exptrack.config import Config
from exptrack.model import Gate
from exptrack.store.records import Records

NAME = "model"


def named_gate(config: Config, records: Records, model: str, *, is_new: bool) -> Iterator[Gate]:
    """For a model that no [promote] table matches and that nobody has promoted yet. `is_new`: somebody said that this
    is meant."""
    if not config.gates or tables_for(config, model) or records.promotion_numbers(model):
        return
    known = [*(g.pattern for g in config.gates), *records.models()]
    near = did_you_mean(model, known, 1) or f"known are {', '.join(dict.fromkeys(known))}"
    yield Gate(
        gate=NAME,
        passed=is_new,
        value="new, and no gates are for it",
        wanted="new, as --new says" if is_new else "one that has gates or a history",
        hint="" if is_new else f"{near}; `promote --new` makes a new model without gates",
    )
