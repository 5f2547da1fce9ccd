"""`key=value`, `key: value` and `key value` in sentences, lists and blocks: most of what training loops print.

Every number of the line is judged by the text between it and the number before: that text holds its name and
separator. A value is a metric by its name, or by standing beside a metric or a step; see names.py. Values that
depend on the line alone are marked `is_stable`, and shapes.py may read the following lines of the same shape
without coming here again.
"""

from __future__ import annotations

from exptrack.lazy import pattern
from exptrack.record.metrics import names, words
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.numbers import to_float
from exptrack.record.metrics.progress import NOWHERE, Progress, find_progress
from exptrack.record.metrics.reading import Pair, Reading, with_split
from exptrack.record.metrics.scan import count_files, mask, scan
from exptrack.record.metrics.state import Found, State

_WORD_VALUE = pattern(r"\w\s?=\s?(?:['\"/~.\[({]?[A-Za-z_/~][\w./-]*|None|True|False|\[\])(?![\w(]*\s?=)")
_ONLY_NAMED = pattern(r"\W*(?:(?:[A-Za-z][\w@.-]*|\|+\w[\w ]*\|+)\s+[-+]?[\d.]+(?:[eED][-+]?\d+)?%?[\s,]*)+$")
_ROW_OF_NAMES = pattern(
    r"\W*(?:\w+(?: \w+)?:\s+)?(?:(?:[A-Za-z][\w@.-]*\s+){1,3}[-+]?[\d.]+(?:[eE][-+]?\d+)?%?[\s,]*){2,}$"
)


def read(line: Line, state: State) -> list[Found] | None:
    """Values of a line of pairs, placed by its own progress marks or by the block it stands in."""
    reading = judge(line, state)
    line.reading = reading
    return None if reading is None else settle(reading, state)


def settle(reading: Reading, state: State) -> list[Found]:
    """Remember what the line says of position and block; return its values."""
    progress, pairs = reading.progress, reading.pairs
    if progress.is_known:
        state.move(progress)
        state.split = reading.split if not pairs else None
        state.in_block, state.block_is_strong = not pairs, False
        state.heading = None if pairs else progress.step
    elif pairs:
        state.in_block = state.block_is_strong = True
    step, epoch = state.place(progress.step, progress.epoch)
    return [
        Found(with_split(pair.name, pair.split or state.split), to_float(pair.text), step, epoch, pair.is_percent)
        for pair in pairs
    ]


def judge(line: Line, state: State) -> Reading | None:
    """Which numbers of the line are metrics, and why; None when the line holds neither number nor position."""
    body = line.body
    if line.is_loud or len(body) > 20_000:
        line.is_hopeless = line.is_loud
        return None
    masked = mask(body)
    progress = find_progress(masked)
    if masked.count("=") > 2 and len(_WORD_VALUE.findall(masked)) + count_files(body) >= 3:
        return Reading([], NOWHERE, True, None)
    pairs = _spread(_with_word_before(masked, scan(masked, progress)))
    chosen, is_stable = _choose(masked, _with_splits(pairs, progress.split), progress, state)
    if not chosen and not progress.is_known:
        heading = _heading_split(masked)
        if heading:
            state.split, state.in_block = heading, True
            return Reading([], NOWHERE, False, heading)
        line.is_hopeless = not any(p.strength == names.STRONG or names.is_split_only(p.name) for p in pairs)
        return None
    return Reading(chosen, progress, is_stable, progress.split)


def _with_word_before(text: str, pairs: list[Pair]) -> list[Pair]:
    """`Force  MAE : 0.5` under `Energy MAE : 0.4`: blanks that align names are no border in a line of one pair."""
    if len(pairs) != 1 or not pairs[0].sep or not pairs[0].head.isalnum() or names.split_in(pairs[0].head):
        return pairs
    pair = pairs[0]
    if not text.lstrip().startswith(f"{pair.head} ") or pair.strength != names.STRONG:
        return pairs
    full = f"{pair.head} {pair.name}"
    return [pair._replace(name=full, head="")] if names.strength(full) == names.STRONG else pairs


def _spread(pairs: list[Pair]) -> list[Pair]:
    """`P/R/F1: 0.9/0.8/0.85`: as many metrics in one name as values behind it."""
    out = pairs
    for at, pair in enumerate(pairs[:-1]):
        parts = [part.strip() for part in pair.name.split("/")] if "/" in pair.name else []
        numbered = [f"{pair.name}{' 2' * i}" for i in range(len(parts) + 1)]
        told = [following.name for following in pairs[at : at + len(numbered)]]
        if not pair.sep and pair.head and not names.split_in(pair.head):
            continue  # `Class_3 Result: iou/accuracy 0.5/0.7` speaks of one class
        if parts and told[: len(parts)] == numbered[:-1] and told != numbered and all(map(_is_metric_alone, parts)):
            group = zip(pairs[at:], parts, strict=False)
            named = [one._replace(name=part, strength=names.STRONG, is_listed=True) for one, part in group]
            out = [*out[:at], *named, *out[at + len(parts) :]]
    return out


def _is_metric_alone(part: str) -> bool:
    return part in ("P", "R", "F") or names.strength(part) == names.STRONG


def _with_splits(pairs: list[Pair], split: str | None) -> list[Pair]:
    """`Train: loss 0.5 | Val: loss 0.4`: each pair under the split said last before it."""
    out = []
    for pair in pairs:
        split = names.split_in(pair.head) or split
        out.append(pair._replace(split=split))
    return out


def _heading_split(text: str) -> str | None:
    """`Test Error:` alone on a line puts what follows under that split."""
    bare = text.strip(" *=-#\t")
    if bare.endswith(":") and len(bare) < 40 and not any(c.isdigit() for c in bare):
        return names.split_in(bare)
    return None


def _choose(text: str, pairs: list[Pair], progress: Progress, state: State) -> tuple[list[Pair], bool]:
    """The pairs that are metrics, and whether the line alone decided that."""
    is_trial = progress.word == "trial"
    is_row = len(pairs) > 1 and _ROW_OF_NAMES.match(text) is not None
    strong = [pair for pair in pairs if _is_sure(pair, progress, is_row)]
    if not strong and len(pairs) == 1 and _is_whole_line(text, pairs[0]):
        return pairs, False
    is_company = progress.is_known or len(strong) > 0
    is_counted = progress.is_known and _is_nothing_else(text, pairs, progress)
    chosen, is_stable = [], True
    for pair in pairs:
        if pair in strong or (strong and pair.strength == names.STRONG and pair.sep and not is_trial):
            chosen.append(pair)
        elif pair.strength == names.NEVER or not (
            pair.sep or is_counted or (pair.is_listed and strong and progress.is_known)
        ):
            continue
        elif names.is_rate(pair.name):
            if progress.is_known and (strong or pair.sep):
                chosen.append(pair)
        elif names.is_split_only(pair.name) and "." in pair.text and (progress.is_known or state.has_begun):
            chosen.append(pair)
            is_stable = is_stable and progress.is_known
        elif _has_fraction(pair) and not is_trial:
            if is_company and len(pair.name.split()) <= 4:
                chosen.append(pair)
            elif state.block_is_strong and len(pairs) == 1 and pair.sep and pair.is_listed:
                chosen.append(pair)
                is_stable = False
    if chosen and not strong and not progress.is_known and is_stable:
        chosen = []
    # A line with only rates or splits beside a step is no metric line of its own (`Iteration 7000, lr = 0.01` is).
    return chosen, is_stable


def _is_nothing_else(text: str, pairs: list[Pair], progress: Progress) -> bool:
    """`iter 20 f 8.4e+03 |g| 37.7`: a position, and then nothing but names and values."""
    if not pairs or pairs[0].sep or not progress.spans or progress.spans[0][0] > pairs[0].start:
        return False
    end = max(span[1] for span in progress.spans if span[0] < pairs[0].start)
    return _ONLY_NAMED.match(text, end) is not None


def _has_fraction(pair: Pair) -> bool:
    return not pair.text.lstrip("+-").isdigit()


def _is_sure(pair: Pair, progress: Progress, is_row: bool) -> bool:
    """A strong name with a value that looks measured: a fraction, a per cent, or an integer beside a step."""
    if pair.strength != names.STRONG:
        return False
    if _has_fraction(pair) or pair.is_percent:
        return bool(pair.sep) or pair.is_listed or progress.is_known or is_row
    return progress.is_known and (bool(pair.sep) or pair.is_listed)


def _is_whole_line(text: str, pair: Pair) -> bool:
    """`loss: 2` and `val_acc=1` alone on a line, as `%g` prints them: names that count nothing and set nothing."""
    said = names.parts_of(pair.name)
    return bool(
        pair.sep
        and not pair.head
        and pair.strength == names.STRONG
        and said[-1] in words.NEVER_COUNTED
        and words.BEFORE_A_METRIC.issuperset(said[:-1])
        and not text[pair.end :].strip()
    )
