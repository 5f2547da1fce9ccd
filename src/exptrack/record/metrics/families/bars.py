"""Progress bars: tqdm (also nested, cut or glued to a log line), Keras, rich, Ultralytics' own.

A bar is redrawn hundreds of times. The values of its newest frame wait in State.bars until its position moves on:
the counter when the bar runs over the training, the epoch when the bar runs inside one (its last frame is that
epoch's value).
"""

from __future__ import annotations

import re
from functools import lru_cache

from exptrack.lazy import pattern
from exptrack.record.metrics import names
from exptrack.record.metrics.families import tables
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.numbers import to_float
from exptrack.record.metrics.progress import Progress, find_progress
from exptrack.record.metrics.reading import Pair, with_split
from exptrack.record.metrics.scan import scan
from exptrack.record.metrics.state import Bar, Found, State

_BLOCKS = "\u2588-\u258f\u2501\u2578\u257a\u2500\u25b0\u25b1#\u2800-\u28ff"
_TQDM = pattern(
    r"(?P<desc>.*?)(?P<percent>\d{1,3})%\|(?P<bar>[^|]*)\|"
    r"\s*(?P<n>\d[\d,]*(?:\.\d*)?)(?P<unit_n>[kMG]?)/(?P<total>[\d.,?]+)[kMG]?"
    r"(?:\s*\[(?P<clock>[\d:?]+<[^,\]]*)(?:,\s*(?P<rate>[^,\]]*))?(?:,\s*(?P<post>.*))?)?"
)
_TQDM_OPEN = pattern(
    r"(?P<desc>.*?)(?P<n>\d+)(?P<unit>[a-z]+) \[(?P<clock>[\d:]+),\s*(?P<rate>[^,\]]*)(?:,\s*(?P<post>.*))?"
)
_KERAS = pattern(
    r"\s*(?P<n>\d+)/(?P<total>\d+|Unknown)\s*(?:\[[=>.]*\]|[\u2501\u2500]+|(?=-\s\d+m?s\b))\s*-?\s*(?P<post>.*)"
)
_RICH = pattern(
    r"(?P<desc>.*?)\s*[\u2501\u2578\u257a\u2500]{2,}[\u2501\u2578\u257a\u2500 ]*"
    r"\s*(?P<n>\d+)/(?P<total>\d+)\s*(?P<post>.*)"
)
_CLOCKS = pattern(
    r"(?:-|\d+):(?:--|\d\d):(?:--|\d\d)|\u2022|[\d.]+\s?(?:it|s|batch)/(?:s|it|batch)\S*|\d+(?:\.\d+)?s(?=\s|$)"
)
# tqdm with a format of its own (ignite): the counter before the bar, the clock at the end.
_TQDM_OWN = pattern(
    r"(?P<desc>.*?)\[?(?P<n>\d+)/(?P<total>\d+)\]?\s+\d{1,3}%\|(?P<bar>[^,\[|]*)\|?,?(?P<post>[^\[]*)\[[\d:?]+<[^\]]*\]"
)
_MOST_BARS = 16
_ELAPSED = pattern(r"\d+(?::\d\d)+")
RUNNING_EVERY = 30.0  # seconds
Values = dict[str, tuple[float, bool]]
_ENDS_IN_NAME = pattern(r"(?<!\S)[A-Za-z_][\w/.-]*:(?=\s*$)")
_CUT = pattern(r"[-+]?[\d.]+(?:e-?)?$")


def read(line: Line, state: State) -> list[Found] | None:
    """Values of the frame before this one, if this one has moved on; else an empty list."""
    text = line.text
    if state.bar is not None:
        if text.startswith("                    ") and "%|" not in text and "\u2501" not in text:
            _fill(state.bar, text)
            return []
        state.bar = None
    found = _TQDM.match(text)
    if found:
        return _tqdm(found, state)
    own = _TQDM_OWN.match(text)
    if own:
        return _advance(own["desc"], own["post"], to_float(own["n"]), "", state)
    keras = _KERAS.match(line.body)
    if keras:
        return _keras(keras, state)
    rich = _RICH.match(text) if "\u2501" in text or "\u2500" in text else None
    if rich:
        return _rich(rich, state)
    open_ended = _TQDM_OPEN.match(text)
    if open_ended and open_ended["post"]:
        return _advance(open_ended["desc"], open_ended["post"], to_float(open_ended["n"]), "", state)
    return None


def glued(text: str) -> tuple[str, str] | None:
    """Split `...loss=2.03]12:01:22 INFO message` into the bar and the message that was printed behind it."""
    if "%|" not in text:
        return None
    match = re.match(r".*?%\|[^|]*\|[^\[]*\[[^\]]*(?:\[[^\]]*\][^\]]*)*\]", text)
    if match is None or not text[match.end() :].strip():
        return None
    return text[: match.end()], text[match.end() :]


def _tqdm(found: re.Match[str], state: State) -> list[Found]:
    post = found["post"] or ""
    clock = found["clock"]
    is_whole = post.rstrip().endswith("]") or (clock is not None and found["post"] is None)
    post = post.rstrip().removesuffix("]")
    if not is_whole and post:
        post = _CUT.sub("", post)
    table = _table(found, state)
    if table is not None:
        return table
    if found["unit_n"]:
        return []
    out = _advance(found["desc"], post, to_float(found["n"]), found["rate"] or "", state)
    return out + _running(found["n"], found["total"], clock or "", state)


def _table(found: re.Match[str], state: State) -> list[Found] | None:
    """Ultralytics draws its tables in the description: the header of one, a row of another."""
    desc = re.sub(r":\s*(?:\d+%)?\s*$", "", found["desc"])
    if state.table is not None and tables.is_row_of(desc, state.table):
        return _row(desc, found["n"] == found["total"], state)
    return [] if tables.offer_header(desc, state) else None


def _row(desc: str, is_last: bool, state: State) -> list[Found]:
    rows = tables.row_values(desc, state)
    if not rows or rows[0].epoch is None:
        return rows if is_last else []
    epoch = rows[0].epoch
    return _keep("row", epoch, epoch, True, {row.name: (row.value, row.is_percent) for row in rows}, state)


def _advance(desc: str, post: str, at: float, rate: str, state: State) -> list[Found]:
    where = _place_of(desc)
    if where.epoch is None and "epoch=" in post:
        where = find_progress(post)
    position = int(at) if at == int(at) else at
    named, key = _values_of(desc, post), _key_of(desc)
    if where.epoch is not None:
        out = flush(state) if where.epoch != state.epoch else []
        state.move(where)
        return out + _keep(key, position, where.epoch, True, named, state)
    if "epoch" in rate or re.match(r"(?i)\W*epochs?\b(?!\s*\d)", desc):
        return _keep(key, position, position, True, named, state)
    return _keep(key, position, state.epoch, _is_within_epoch(state.bars.get(key), position, state), named, state)


def _values_of(desc: str, post: str) -> Values:
    values = {pair.name: (to_float(pair.text), pair.is_percent) for pair in _pairs_of(post)}
    for pair in _pairs_before(desc):
        values.setdefault(pair.name, (to_float(pair.text), pair.is_percent))
    split = names.split_in(desc)
    return {with_split(name, split): value for name, value in values.items()}


# Every frame of a bar says these again.
@lru_cache(maxsize=64)
def _pairs_before(desc: str) -> tuple[Pair, ...]:
    return tuple(_pairs_of(desc.rstrip(" :"), is_loose=False))


@lru_cache(maxsize=64)
def _place_of(desc: str) -> Progress:
    return find_progress(desc)


@lru_cache(maxsize=64)
def _key_of(desc: str) -> str:
    return re.sub(r"[\d.:/%\s]+", "", desc[:40])


def _is_within_epoch(bar: Bar | None, at: int | float, state: State) -> bool:
    """Whether a bar that names no epoch runs inside one: it starts anew each epoch; a bar of the whole run goes on."""
    if state.epoch is None:
        return False
    if bar is None or at < bar.at:
        return True
    return bar.is_epoch and bar.epoch == state.epoch


def _pairs_of(text: str, is_loose: bool = True) -> list[Pair]:
    found = []
    for pair in scan(text, find_progress(text)):
        if pair.strength == names.STRONG or (is_loose and pair.strength == names.NEUTRAL and pair.sep):
            if pair.strength == names.NEUTRAL and pair.text.isdigit():
                continue
            if pair.sep or pair.is_listed:
                found.append(pair)
    return found


def _keras(found: re.Match[str], state: State) -> list[Found] | None:
    values = {pair.name: (to_float(pair.text), pair.is_percent) for pair in _pairs_of(found["post"])}
    if not values and "/step" not in found["post"] and "ETA" not in found["post"]:
        return None
    at = int(found["n"])
    is_last = found["n"] == found["total"]
    out = _keep("keras", at, state.epoch, state.epoch is not None, values, state)
    if is_last and values and state.epoch is not None and any(name.startswith("val") for name in values):
        out += state.bars["keras"].take()
    return out


def _rich(found: re.Match[str], state: State) -> list[Found] | None:
    table = _table(found, state)
    if table is not None:
        return table
    post = _CLOCKS.sub(" ", found["post"])
    if int(found["n"]) == 0 and _is_carried_over(found["desc"], post, state):
        return []
    out = _advance(found["desc"], post, to_float(found["n"]), "", state)
    out += _running(found["n"], found["total"], found["post"], state)
    state.bar = next(reversed(state.bars.values()), None) if state.bars else None
    if state.bar is not None:
        state.bar.cut_name = _cut_name(post)
    return out


def _is_carried_over(desc: str, post: str, state: State) -> bool:
    """Lightning's rich bar redraws by its own clock: the values of an epoch often show first where the next one's bar
    begins, and nothing of that one is counted yet. Before the first epoch they are a sanity check's: nobody's."""
    epoch, values = find_progress(desc).epoch, _values_of(desc, post)
    if epoch is None or not values:
        return False
    bar = state.bars.get(_key_of(desc))
    if bar is None or not bar.is_epoch or bar.epoch is None or bar.epoch >= epoch:
        bar = Bar(0, epoch, True)
    bar.values.update(values)
    bar.cut_name = _cut_name(post)
    state.bar = bar
    return True


def _cut_name(text: str) -> str:
    """The name at the end of a line, whose value is at the beginning of the next one: rich breaks at any blank."""
    found = _ENDS_IN_NAME.search(text)
    return found[0] if found else ""


def _running(n: str, total: str, clock: str, state: State) -> list[Found]:
    """The newest frame as a point within its epoch, once in RUNNING_EVERY seconds of the bar's own clock.

    Epochs of hours would else show nothing while they last. Epoch e is complete at step e, half of it at e - 0.5.
    """
    bar = next(reversed(state.bars.values()), None)
    if bar is None or not bar.is_epoch or bar.epoch is None or bar.epoch == bar.at or not (n + total).isdigit():
        return []
    seconds = _seconds(clock)
    if seconds < bar.told_at:
        bar.told_at = 0.0
    if seconds - bar.told_at < RUNNING_EVERY or int(n) >= int(total):
        return []
    bar.told_at = seconds
    step = bar.epoch - 1 + int(n) / int(total)
    return [Found(name, value, step, step, percent) for name, (value, percent) in bar.values.items()]


def _seconds(clock: str) -> float:
    """`22:15<43:27` or `0:00:22 • 0:01:00`: the seconds the bar has run."""
    found = _ELAPSED.match(clock)
    seconds = 0
    for part in found[0].split(":") if found else ():
        seconds = seconds * 60 + int(part)
    return float(seconds)


def _fill(bar: Bar, text: str) -> None:
    text, bar.cut_name = f"{bar.cut_name} {text.strip()}", _cut_name(text)
    for pair in _pairs_of(text):
        bar.values[pair.name] = (to_float(pair.text), pair.is_percent)


def _keep(
    key: str, at: int | float, epoch: int | float | None, is_epoch: bool, values: Values, state: State
) -> list[Found]:
    """Let `values` wait as the bar's newest frame; give back the older frame when the position has moved on."""
    bar = state.bars.pop(key, None)
    out: list[Found] = []
    if bar is None:
        if len(state.bars) >= _MOST_BARS:
            out = state.bars.pop(next(iter(state.bars))).take()
        bar = Bar(at, epoch, is_epoch)
    elif bar.is_epoch != is_epoch or (bar.epoch != epoch if is_epoch else bar.at != at):
        out = bar.take()
    bar.at, bar.epoch, bar.is_epoch = at, epoch, is_epoch
    bar.values.update(values)
    state.bars[key] = bar
    return out


def flush(state: State) -> list[Found]:
    """Everything that still waits: the epoch has ended, or the output has."""
    return [found for bar in state.bars.values() for found in bar.take()]
