"""One mapping a line: JSON lines, printed Python dicts (numbers or, since transformers 5, strings), with or without
a prefix.

`step: {...}` and `json_stats: {...}` are fine; a dict of settings is not. Nested mappings give names with `/`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping

from exptrack.lazy import pattern
from exptrack.record.metrics import names, words
from exptrack.record.metrics.fields import reading_of
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.numbers import cell_value, to_count
from exptrack.record.metrics.progress import NOWHERE, find_progress
from exptrack.record.metrics.reading import with_split
from exptrack.record.metrics.state import Found, State
from exptrack.typed import Any

STEPS = (
    "global_step", "train/global_step", "trainer/global_step", "num_updates", "train_num_updates", "valid_num_updates",
    "total_timesteps", "timesteps_total", "time/total_timesteps", "step", "steps", "_step", "iteration", "iter",
    "training_iteration", "it", "train/step", "batch", "update", "round", "generation",
)  # fmt: skip
EPOCHS = ("epoch", "epochs", "train/epoch", "_epoch", "epoch_num", "current_epoch", "ep")
_SKIP = pattern(
    r"(?i)^(?:params?|parameters|config|args|hparams|hyper_?param\w*|settings|metadata|meta|best_params|kwargs)$"
)
_SETTINGS_BEFORE = pattern(r"(?i)config|hyper.?param|\bparam|\bargs\b|argument|settings|options|kwargs")
_RESULT = pattern(r"(?i)\b(?:result|best|final)")
_MLLOG = ":::MLL"


def read(line: Line, state: State) -> list[Found] | None:
    """Values of the mapping that ends the line."""
    body = line.body.strip()
    start = body.find("{")
    if start < 0 or not body.endswith(("}", "},", "}.", "})")) or len(body) > 1_000_000:
        return None
    prefix, text = body[:start], body[start:].rstrip(",.)")
    mapping = _parse(text)
    if mapping is None:
        return None
    if _MLLOG in prefix:
        return _mlperf(mapping, state)
    found = _values(prefix.strip(" =:\t"), mapping, state)
    if found:
        places = _place(mapping, STEPS), _place(mapping, EPOCHS)
        line.reading = reading_of(line.body, line.body.index("{"), mapping, {f.name for f in found}, places)
    return found


def _parse(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(_literal(text))
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return None
    return value if isinstance(value, dict) else None


_WRAPPED = pattern(
    r"\b(?:[A-Za-z_]+\.)?(?:float|int|str_?|tensor|Tensor|array|Array)\w*\(\s*([^()]*?)\s*(?:,[^()]*)?\)"
)
_BARE = pattern(r"(?<=[:\[,\s(])(-?)(nan|inf|NaN|Infinity)\b(?=[\s,}\])])")


def _literal(text: str) -> str:
    """Python text that ast can read: numpy's and torch's wrappers off, bare nan and inf as floats it knows."""
    text = _WRAPPED.sub(r"\1", text)
    return _BARE.sub(lambda m: f"{m[1]}1e999" if m[2][0] in "iI" else "'nan'", text)


def flatten(mapping: dict[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Names and values of nested mappings, names joined by `/`; parameters and configuration are left out."""
    for key, value in mapping.items():
        name = f"{above}/{key}" if above else str(key)
        if isinstance(value, dict):
            if depth < 4 and not _SKIP.match(str(key)):
                yield from flatten(value, name, depth + 1)
        elif isinstance(value, list | tuple) and len(value) == 1:
            yield name, value[0]
        else:
            yield name, value


def number_of(value: Any) -> tuple[float, bool, bool] | None:
    """(value, is a whole number, is a per cent) of a JSON value; None for what is no number."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        try:
            return float(value), isinstance(value, int), False
        except OverflowError:
            return None
    if isinstance(value, str) and len(value) < 40:
        found = cell_value(value)
        return None if found is None else (found, value.isdigit(), value.endswith("%"))
    return None


def position_of(flat: dict[str, Any], wanted: tuple[str, ...]) -> int | float | None:
    """The step or epoch under the first of the `wanted` keys that is there."""
    key = _place(flat, wanted)
    number = number_of(flat[key]) if key is not None else None
    return to_count(repr(number[0])) if number is not None else None


def _place(flat: Mapping[str, Any], wanted: tuple[str, ...]) -> str | None:
    for key in wanted:
        number = number_of(flat[key]) if key in flat else None
        if number is not None and number[0] == number[0]:
            return key
    return None


def _values(prefix: str, mapping: dict[str, Any], state: State) -> list[Found]:
    flat = dict(list(flatten(mapping))[:2000])
    before = find_progress(prefix) if prefix else NOWHERE
    step = position_of(flat, STEPS)
    epoch = position_of(flat, EPOCHS)
    step = before.step if step is None else step
    epoch = before.epoch if epoch is None else epoch
    is_settings = len(words.SETTINGS.intersection(flat)) >= 3 or bool(_SETTINGS_BEFORE.search(prefix))
    if is_settings and not (before.is_known or position_of(flat, STEPS[:4]) is not None):
        return []
    numbers = {name: number for name, value in flat.items() if (number := number_of(value)) is not None}
    strengths = {name: names.strength(name) for name in numbers}
    if _RESULT.search(prefix):
        strengths |= {name: names.STRONG for name in numbers if name.lower() in words.OBJECTIVES}
    has_strong = any(
        strengths[name] == names.STRONG and (not numbers[name][1] or step is not None or epoch is not None)
        for name in numbers
    )
    is_placed = step is not None or epoch is not None
    is_report = not is_placed and list(strengths.values()).count(names.STRONG) >= 2
    if not has_strong and not is_placed:
        return []
    if is_placed:
        state.move(before._replace(step=step, epoch=epoch))
    where = state.place(step, epoch)
    split = names.split_in(prefix)
    return [
        Found(with_split(name, split), value, *where, is_percent)
        for name, (value, is_whole, is_percent) in numbers.items()
        if strengths[name] == names.STRONG
        or (strengths[name] == names.NEUTRAL and _is_worth(name, is_whole, is_placed, has_strong, is_report))
    ]


def _is_worth(name: str, is_whole: bool, is_placed: bool, has_strong: bool, is_report: bool) -> bool:
    last = name.split("/")[-1]
    if last in STEPS or last in EPOCHS or last in words.STEP_COLUMNS:
        return False
    if not is_placed:
        return is_report and not is_whole and not names.is_rate(name)
    return (has_strong and not names.is_rate(name)) if is_whole else True


def _mlperf(mapping: dict[str, Any], state: State) -> list[Found]:
    """MLPerf's log lines (mlperf_logging): `key` and `value`, the position in `metadata`; only measured keys count."""
    key, metadata = str(mapping.get("key", "")), mapping.get("metadata")
    flat = metadata if isinstance(metadata, dict) else {}
    step = position_of(flat, ("step_num", "samples_count", "step", "iteration"))
    epoch = position_of(flat, ("epoch_num", "epoch_count", "first_epoch_num"))
    value = mapping.get("value")
    found = dict(flatten(value)) if isinstance(value, dict) else {key: value}
    where = state.place(step, epoch)
    out = []
    for name, raw in found.items():
        number = number_of(raw)
        if (
            number is not None
            and names.strength(name) == names.STRONG
            and "target" not in name
            and not name.startswith("opt_")
        ):
            out.append(Found(name, number[0], *where, number[2]))
    return out
