"""`***** eval metrics *****` and the like: a heading, then one `name = value` a line (transformers' log_metrics,
wandb's summary).
"""

from __future__ import annotations

import re

from exptrack.lazy import pattern
from exptrack.record.metrics import names
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.numbers import cell_value, to_count
from exptrack.record.metrics.state import Found, State

_HEADING = pattern(r"\s*\*{3,}\s*(?P<title>.*?(?:metrics|results?|eval\w*|test).*?)\s*\*{3,}\s*$", re.IGNORECASE)
_ROW = pattern(r"\s*(?P<name>[A-Za-z_][\w/.@ ()-]*?)\s*=\s*(?P<value>\S+)\s*$")


def read(line: Line, state: State) -> list[Found] | None:
    """Values of one row; None ends the block."""
    if _HEADING.match(line.body):
        state.is_listing = True
        return []
    row = _ROW.match(line.body)
    if not state.is_listing or row is None:
        if state.is_listing:
            state.is_listing = False
        return None
    value = cell_value(row["value"])
    if value is None:
        return []
    if row["name"].strip() in ("epoch", "step", "global_step"):
        if row["name"].strip() == "epoch":
            state.epoch = to_count(row["value"])
        else:
            state.step = to_count(row["value"])
        return []
    if names.strength(row["name"]) == names.NEVER or names.is_rate(row["name"]):
        return []
    return [Found(row["name"].strip(), value, *state.place(None, None), row["value"].endswith("%"))]
