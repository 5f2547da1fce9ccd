"""Tables of columns kept apart by blanks, tabs, commas or single upright lines: a header of names, then rows of
numbers (scikit-learn, skorch, fastai, spaCy, DEAP, many a training loop of one's own).

A header opens a table only when it names a step or a metric; the table ends at the first line that is no row of it.
"""

from __future__ import annotations

import re

from exptrack.lazy import pattern
from exptrack.record.metrics import names, words
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.numbers import cell_value, first_of, to_count
from exptrack.record.metrics.state import Found, State, Table

_CELL = pattern(r"\S+(?: \S+)*")
_WORD = pattern(r"\S+")
_RULE = pattern(r"[\s\-=_+|:\u2500-\u257f]+$")
_MOST_MISSES = 8
_ROW_START = pattern(r"\s*[\d#*+.\-\u2713]")
_COMMAS = pattern(r"\s*[A-Za-z_][\w./@%-]*(?:,[A-Za-z_][\w./@%-]*){2,}\s*$")
_RANGE = pattern(r"@[\d.]+:[\d.]+")
_COUNTING = (words.STEP_COLUMNS | words.EPOCH_COLUMNS) - {"#"}
_CUT = "…"
# Columns of names, also where the names are numbers.
_LABELS = frozenset(["class", "label", "category"])
_OF = pattern(r"(\d+)\s*/\s*\d+$")
Cell = tuple[str, int, int]  # text, start, end
_NOT_A_NAME = pattern(r"[=:,;{}<>?!\"\\`]|^\W+$")


def read(line: Line, state: State) -> list[Found] | None:
    """Values of a row; an empty list for a header or a rule; None when the line is no part of a table."""
    text = line.text if line.body_at == 0 else line.body
    if state.table is not None:
        if _RULE.match(text) and text.strip():
            return []
        if is_row_of(text, state.table):
            state.table.misses = 0
            return row_values(text, state)
        if text.strip():
            if offer_header(text, state):
                return []
            # A warning or a log line between two rows does not end a table, nor does a bar; a page of lines does.
            state.table.misses += not line.is_frame
            if state.table.misses > _MOST_MISSES:
                state.table = None
        elif state.table.rows > 1 and not _may_have_gaps(state.table):
            state.table = None
        return None
    return [] if offer_header(text, state) else None


def _may_have_gaps(table: Table) -> bool:
    return table.is_pairs or table.sep == "," or _is_report(table)


def _words(text: str) -> list[Cell]:
    return [(m[0], *m.span()) for m in _WORD.finditer(text)]


def _cells(text: str) -> list[Cell]:
    if "\t" in text.strip():
        out, at = [], 0
        for piece in text.split("\t"):
            if piece.strip():
                out.append((piece.strip(), at, at + len(piece.rstrip())))
            at += len(piece) + 1
        return out
    return [(m[0], *m.span()) for m in _CELL.finditer(text)]


def _parted(cells: list[Cell]) -> list[Cell]:
    """YOLO's `mAP@.5 mAP@.5:.95` are two columns, though one blank apart."""
    out: list[Cell] = []
    for cell, start, end in cells:
        if all("@" in word for word in cell.split()):
            out += [(m[0], start + m.start(), start + m.end()) for m in _WORD.finditer(cell)]
        else:
            out.append((cell, start, end))
    return out


def offer_header(text: str, state: State) -> bool:
    """Open a table if `text` is a header worth one."""
    text = _uncommented(text)
    above, state.above = state.above, ""
    if _COMMAS.match(text):
        return _offer_commas(text, state)
    bare = (_RANGE.sub("@", text) if "@" in text else text).replace("(", "").replace(")", "").strip()
    if len(text) > 2000 or _NOT_A_NAME.search(bare[:200] or "="):
        return False
    sep = "|" if text.count("|") > 1 else ""
    cells = [(cell.strip(), 0, 0) for cell in text.split(sep)] if sep else _parted(_cells(text))
    columns = [cell if "(" in cell else cell.rstrip(")") for cell, _, _ in cells]
    if sep and any(cell_value(word) is not None for column in columns for word in column.split()):
        return False  # fairseq's `epoch 001 | loss 8.1 | ppl 271.5`
    if len(columns) < 2 or any(cell_value(c) is not None or len(c) > 60 or len(c.split()) > 4 for c in columns):
        return False
    joined = _joined(above, text)
    if joined:
        columns, cells = [cell for cell, _, _ in joined], joined
    table = Table(_unique(columns), [(start, end) for _, start, end in cells])
    table.sep = sep
    place_columns(table)
    if len(columns) == 2 and re.search(r"(?i)\bmetric$", columns[0]):
        table.is_pairs = True
    elif not _is_worth(table):
        state.above = text
        return False
    state.table = table
    return True


def _uncommented(text: str) -> str:
    """The `#` before a header is a comment's where another column counts the steps, and else the column that does."""
    before, mark, names_only = text.partition("#")
    if not mark or before.strip() or not names_only.startswith(" "):
        return text
    counted = names_only.split()[:1]
    return f"{before} {names_only}" if counted and counted[0].lower() in _COUNTING else text


def _joined(before: str, text: str) -> list[Cell]:
    """A header of two lines, one word of each name above the other; empty when the lines do not stand so."""
    above, below = _words(before), _words(text)
    if len(below) < 3 or len(above) != len(below):
        return []
    if any(abs(high[1] - low[1]) > 1 and abs(high[2] - low[2]) > 1 for high, low in zip(above, below, strict=True)):
        return []
    return [(f"{high[0]} {low[0]}", *low[1:]) for high, low in zip(above, below, strict=True)]


def _offer_commas(text: str, state: State) -> bool:
    """A CSV file on its way through the output. Tables of data are printed too, so it has to speak of both."""
    columns = text.strip().split(",")
    table = Table(_unique(columns), [(0, 0)] * len(columns))
    table.sep = ","
    place_columns(table)
    is_placed = table.step is not None or table.epoch is not None
    if not is_placed or not any(names.strength(c) == names.STRONG for c in columns):
        return False
    state.table = table
    return True


def _unique(columns: list[str]) -> list[str]:
    """The second column of a name is that name and 2: each is a series of its own."""
    return [c if c not in columns[:i] else f"{c} {columns[:i].count(c) + 1}" for i, c in enumerate(columns)]


def place_columns(table: Table) -> None:
    """Note which columns hold step and epoch."""
    lowered = [re.sub(r"\W+$", "", c.lower()) or c for c in table.columns]
    table.epoch = next(
        (i for i, c in enumerate(lowered) if c in words.EPOCH_COLUMNS and (c != "e" or "#" in lowered)), None
    )
    table.step = next((i for i, c in enumerate(lowered) if c.replace(" ", "_") in words.STEP_COLUMNS), None)


def _is_worth(table: Table) -> bool:
    strong = sum(names.strength(c) == names.STRONG for c in table.columns)
    is_placed = table.step is not None or table.epoch is not None
    if is_placed:
        first = min(i for i in (table.step, table.epoch) if i is not None)
        return strong > 0 or (first == 0 and len(table.columns) >= 3)
    # A header cut at the terminal's edge has lost names: one that is left is enough.
    is_cut = table.columns[-1].endswith(_CUT)
    return strong >= 2 - is_cut and strong * 4 >= len(table.columns) - 3 * is_cut


def _is_report(table: Table) -> bool:
    """scikit-learn's classification_report: a label first, blank lines between the classes and the averages."""
    return table.step is None and table.epoch is None


def _first_place(table: Table) -> int | None:
    return table.step if table.step is not None else table.epoch


def is_row_of(text: str, table: Table) -> bool:
    """Whether `text` fits the open table: as many cells as columns (or one more, a label first), nearly all numbers."""
    if len(text) > 4000:
        return False
    cells = row_cells(text, table)
    if cells is None:
        return False
    if table.is_pairs:
        return cell_value(cells[-1]) is not None
    if not _is_report(table) and _count(cells[len(cells) - len(table.columns) :], _first_place(table)) is None:
        return False
    numeric = sum(cell_value(c) is not None or _OF.match(c) is not None for c in cells)
    others = [c for c in cells if cell_value(c) is None and not _OF.match(c)]
    return numeric >= 1 and len(others) <= max(1, len(cells) // 2) and all(len(c) < 40 for c in others)


def row_cells(text: str, table: Table) -> list[str] | None:
    """The cells of a row, one a column; None when they do not fit. Blank cells are found by where the columns stand."""
    wanted = len(table.columns)
    if table.sep:
        values = text.strip().split(table.sep)
        return [value.strip() for value in values] if len(values) == wanted else None
    cells = [first_of(cell) for cell, _, _ in _cells(text)]
    if len(cells) == wanted:
        return cells
    words = _words(text)
    if len(words) == wanted or (len(words) == wanted + 1 and cell_value(words[0][0]) is None):
        return [w for w, _, _ in words][-wanted:] if len(words) == wanted else [w for w, _, _ in words]
    if len(cells) == wanted + 1 and (cell_value(cells[0]) is None or _is_report(table)):
        return cells
    if 2 <= len(words) < wanted and "\t" not in text:
        return _by_position(words, table, 3 if table.rows or len(words) == wanted - 1 else 0)
    return None


def _by_position(words: list[Cell], table: Table, most: int) -> list[str] | None:
    """The words under their columns, none of them more than `most` characters off both its ends."""
    row = [""] * len(table.columns)
    for word, start, end in words:
        near = min(range(len(row)), key=lambda i: min(abs(table.spans[i][1] - end), abs(table.spans[i][0] - start)))
        if row[near] or min(abs(table.spans[near][1] - end), abs(table.spans[near][0] - start)) > most:
            return None
        row[near] = word
    return row


def row_values(text: str, state: State) -> list[Found]:
    """The metrics of one row of the open table."""
    table = state.table
    assert table is not None
    cells = row_cells(text, table) or []
    table.rows += 1
    if table.is_pairs:
        value = cell_value(cells[-1])
        return [] if value is None else [Found(cells[0], value, *state.place(None, None))]
    label = ""
    if len(cells) == len(table.columns) + 1:
        label, cells = cells[0], cells[1:]
        if label[0] == "[" and _first_place(table) is not None:
            label = ""  # scikit-learn's `[NeighborhoodComponentsAnalysis]` before the header and every row
        if cell_value(label) is not None and not {"precision", "recall"} <= set(table.columns):
            # A pandas frame: its index has no heading and counts the rounds.
            state.step, label = to_count(label), ""
    else:
        label = label_of(cells, table)
    return cell_values(table, cells, label, state)


def label_of(cells: list[str], table: Table) -> str:
    """The class a row of a report speaks of; nothing for the row of all of them."""
    if not _is_report(table) or not cells[0]:
        return ""
    if cell_value(cells[0]) is not None and table.columns[0].lower() not in _LABELS:
        return ""
    return "" if cells[0].lower() in ("all", "total", "overall") else cells[0]


def _count(cells: list[str], index: int | None) -> int | float | None:
    if index is None or index >= len(cells):
        return None
    of = _OF.match(cells[index])
    text = of[1] if of else cells[index].strip()
    return to_count(text) if cell_value(text) is not None and text[:1].isdigit() else None


def cell_values(table: Table, cells: list[str], label: str, state: State) -> list[Found]:
    """Name the cells by their columns, placed by the step and epoch columns."""
    step, epoch = _count(cells, table.step), _count(cells, table.epoch)
    if step is not None or epoch is not None:
        state.step, state.epoch, state.has_begun = step, epoch, True
    where = state.place(step, epoch)
    out = []
    for index in metric_columns(table):
        value = cell_value(cells[index]) if index < len(cells) else None
        if value is not None:
            name = f"{label}/{table.columns[index]}" if label else table.columns[index]
            out.append(Found(name, value, *where, cells[index].rstrip().endswith("%")))
    return out


def metric_columns(table: Table) -> list[int]:
    """Indexes of the columns that hold metrics. Behind the objective of an optimiser's table stand its parameters."""
    first = min((i for i in (table.step, table.epoch) if i is not None), default=None)
    out = []
    for index, column in enumerate(table.columns):
        if index in (table.step, table.epoch) or column.endswith(_CUT) or column.lower() in _LABELS:
            continue
        if first is not None and index == first + 1 and column.lower() in words.OBJECTIVES:
            return [index]
        kind = names.strength(column)
        if kind == names.STRONG or (kind == names.NEUTRAL and (len(column) > 1 or column in "PRF")):
            out.append(index)
    return out
