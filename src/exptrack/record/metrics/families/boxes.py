"""Tables between `|` or box-drawing lines: bayesian-optimization, stable-baselines3, SpinningUp, rich, Lightning's
results, Ray.

Two columns of name and value are one block: its step may stand below its values, so they are given out at the
closing line.
"""

from __future__ import annotations

import re

from exptrack.lazy import pattern
from exptrack.record.metrics import names
from exptrack.record.metrics.families import tables
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.numbers import cell_value, first_of, to_count
from exptrack.record.metrics.state import Found, State, Table

_EDGE = str.maketrans(dict.fromkeys("\u2502\u2503\u2551\u2506\u250a", "|"))
_RULE = pattern(r"[\s\-=_+|:\u2500-\u257f]{3,}$")
_STEPS = (
    "total_timesteps",
    "total timesteps",
    "global_step",
    "totalenvinteracts",
    "timesteps",
    "step",
    "steps",
    "total steps",
)
_ITERATIONS = (
    "training_iteration",
    "iterations",
    "iteration",
    "epoch",
    "n_updates",
    "nupdates",
    "update",
    "updates",
    "iter",
    "total_episodes",
    "episodes",
)
_PAIR = pattern(r"[A-Za-z][\w /.()-]*\s*[:=]\s*[-+]?[\d.]|(?:step|epoch|iter\w*)\s+\d")


def read(line: Line, state: State) -> list[Found] | None:
    """Values of a row, or of the whole block when its closing line comes; None for cells that are pairs."""
    text = line.body.translate(_EDGE).strip()
    if _RULE.match(text):
        return close(state)
    cells = [cell.strip() for cell in text.strip("|").split("|")]
    if sum(_PAIR.match(cell) is not None for cell in cells) * 2 >= len(cells):
        return None
    if len(cells) == 1:
        return _lone_cell(cells[0], state)
    if len(cells) == 2:
        return _pair_row(cells, state)
    box = state.box
    if box is not None and not box.is_pairs and len(cells) == len(box.columns) and _is_row(cells):
        if _named_by(box) is not None:
            return _named_row(box, cells, state)
        cells = [first_of(cell) for cell in cells]
        return tables.cell_values(box, cells, tables.label_of(cells, box), state)
    out = close(state)
    if all(cell_value(cell) is None for cell in cells) and len(cells) >= 3:
        _open(cells, state)
    return out


def _lone_cell(cell: str, state: State) -> list[Found] | None:
    """Ray's newer tables: a frame without inner lines, round `name  value` or round columns kept apart by blanks."""
    pair = re.split(r"\s{2,}", cell)
    if len(pair) == 2 and state.table is None and cell_value(pair[0]) is None and cell_value(pair[1]) is not None:
        return _pair_row(pair, state)
    return tables.read(Line(cell), state)


def _is_row(cells: list[str]) -> bool:
    return any(cell_value(first_of(cell)) is not None for cell in cells)


def _named_by(box: Table) -> int | None:
    """The column that names the metric of its row: `Metric` beside `Value`, or before one column a data set."""
    low = [column.lower() for column in box.columns]
    if "metric" in low and "value" in low:
        return low.index("metric")
    return 0 if low[0].endswith(" metric") else None


def _named_row(box: Table, cells: list[str], state: State) -> list[Found]:
    at = _named_by(box) or 0
    low = [column.lower() for column in box.columns]
    columns = [low.index("value")] if "value" in low else list(range(1, len(cells)))
    if at > 0 and cells[0]:
        box.section = f"{cells[0]}/"
    where = state.place(None, None)
    out = []
    for index in columns:
        value, name = cell_value(cells[index]), box.section + cells[at]
        if value is not None and names.strength(cells[at]) != names.NEVER:
            out.append(Found(name if len(columns) == 1 else f"{name}/{box.columns[index]}", value, *where))
    return out


def _open(cells: list[str], state: State) -> None:
    table = Table(cells, [(0, 0)] * len(cells))
    tables.place_columns(table)
    is_placed = table.step is not None or table.epoch is not None
    strong = sum(names.strength(c) == names.STRONG for c in cells)
    if (is_placed and (strong or cells[-1])) or strong >= 2 or _named_by(table) is not None:
        state.box = table


def _pair_row(cells: list[str], state: State) -> list[Found]:
    box = state.box
    if box is None or not box.is_pairs:
        box = Table([], [])
        box.is_pairs = True
        state.box = box
    name, value = cells
    if name.endswith("/") and not value:
        box.section = name
    elif name and len(box.columns) < 4000:
        box.columns += [box.section + name, value]
    return []


def close(state: State) -> list[Found]:
    """The values of the two-column block that is open, if one is."""
    box = state.box
    if box is None or not box.is_pairs:
        return []
    if not box.columns:
        return []
    state.box = None
    rows = list(zip(box.columns[::2], box.columns[1::2], strict=True))
    values = {name: value for name, text in rows if (value := cell_value(text)) is not None}
    short = {name.split("/")[-1].lower(): value for name, value in values.items()}
    step = next((short[key] for key in _STEPS if key in short), None)
    step = step if step is not None else next((short[key] for key in _ITERATIONS if key in short), None)
    strong = [name for name in values if names.strength(name) == names.STRONG]
    is_result = bool(rows) and re.search(r"(?i)\bmetrics?$", rows[0][0]) is not None
    if not (strong and (step is not None or is_result or len(strong) * 2 >= len(values))):
        return []
    epoch = short.get("epoch")
    where = state.place(
        None if step is None else to_count(repr(step)), None if epoch is None else to_count(repr(epoch))
    )
    is_placed = step is not None or is_result
    return [
        Found(name, value, *where)
        for name, value in values.items()
        if name in strong or (is_placed and names.strength(name) == names.NEUTRAL and not _is_counter(name))
    ]


def _is_counter(name: str) -> bool:
    last = name.split("/")[-1].lower()
    return last in _STEPS or last in _ITERATIONS or name.lower().startswith("time/")
