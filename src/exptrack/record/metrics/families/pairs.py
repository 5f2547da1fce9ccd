"""`key=value`, `key: value` and `key value` in sentences, lists and blocks: most of what training loops print.

Every number of the line is judged by the text between it and the number before: that text holds its name and separator.
A value is a metric by its name, or by standing beside a metric or a step; see names.py. Values that depend on the line alone
are marked `is_stable`, and shapes.py may read the following lines of the same shape without coming here again.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from exptrack.record.metrics import names
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.numbers import TOKENS, to_float
from exptrack.record.metrics.progress import NOWHERE, Progress, find_progress
from exptrack.record.metrics.state import Found, State

NAME = "pairs"

_FILES = re.compile(
    r"""\S*[\w*]\.(?:ckpt|pt|pth|h5|hdf5|keras|pkl|bin|safetensors|json|jsonl|ya?ml|pyx?|txt|log|csv|tsv|npz|npy|onnx|zip|tar|gz|params
    |model|caffemodel|png|jpg|html|cpp|cc|hpp|cuh?|js|ts|go|rs|java|so|whl|sh|md|c|h|toml|cfg|lock|tgz|bz2|xz|deb|rpm|o|a)(?![\w=])
    (?::\d+)*\S*|(?:https?|file|s3|gs)://\S+|(?<![\w])(?:/[\w.+@=~-]+){2,}/?""",
    re.VERBOSE,
)
_CALL = re.compile(r"\b[A-Za-z_][\w.]*\((?=[^()]*=)(?:[^()]|\([^()]*\))*\)?")
_WRAPPED = re.compile(
    r"(?:\b(?:np|numpy|jnp|torch|tf)\.)?\b(?:tensor|Tensor|Array|array|DeviceArray|float\d*|int\d*|EagerTensor)\(\s*\[?\s*"
    r"([-+\w.]+)\s*\]?\s*(?:,\s*\w+=[^()]*(?:\([^()]*\)[^()]*)*)*\)"
)
_WORD_VALUE = re.compile(r"\w\s?=\s?(?:['\"/~.\[({]?[A-Za-z_/~][\w./-]*|None|True|False|\[\])(?![\w(]*\s?=)")
_SEPARATOR = re.compile(
    r"(?P<bad>[<>!=~+*/-]=|==|=>|->|<-|[<>~≥≤])\s*$|\s*(?P<sep>(?<=[\w)\]'\"%.?])\s*[:=]|\bis:?)?\s*[\[(]?\s*['\"]?$"
)
_DELIMITER = re.compile(
    r"[,;|\t•]|\s{2,}|\s[-–—*]+\s|:\s|[\]}]\s*(?=\S)|\)\s+|->|=>|\.\s+(?=[A-Z])|[\u2500-\u259f]+|\s:+\s"
)
_LEADING = re.compile(
    r"^(?:(?:and|with|at|the|a|an|has|got|current|currently|now|then|of|on|by|while|where|\*+|#+|>+|-+|:+)\s+)+", re.I
)
_PROSE = frozenset(
    [
        "from",
        "to",
        "of",
        "was",
        "is",
        "than",
        "by",
        "in",
        "over",
        "for",
        "at",
        "on",
        "improved",
        "reduced",
        "decreased",
        "increased",
        "the",
        "with",
        "not",
        "has",
        "have",
        "be",
        "been",
        "will",
        "did",
        "between",
        "after",
        "before",
        "until",
        "if",
        "when",
        "took",
        "using",
        "and",
        "or",
        "reducing",
        "saving",
        "loading",
        "found",
        "done",
        "about",
        "more",
        "less",
        "least",
        "below",
        "above",
        "under",
        "within",
        "per",
        "into",
        "as",
        "it",
        "that",
        "this",
        "you",
        "your",
    ]
)
_UNIT = re.compile(
    r"\s?(?:%|(?P<time>s|sec|secs|seconds?|ms|milliseconds|min|mins|minutes?|h|hrs?|hours?|days?|[kKMGT]i?B|bytes?|B|GB|MB|KB"
    r"|samples?|examples?|tokens?|tok|images?|imgs?|steps?|it|iters?|items?|words?|fps|Hz|files?|params|parameters|rows|[xX×]"
    r"|GPUs?|CPUs?|cores|times|lines|bits?)(?![\w=:])(?!\s*[=:]))"
)
_RIGHT_NAME = re.compile(
    r"\s?%?\s(?P<name>accuracy|acc|loss|perplexity|ppl|reward|error|f1|auc|bleu)\b(?=\s*(?:[,;.)|]|$))", re.I
)
_SECOND = re.compile(r"\s*/\s*$")
_PERCENT_AFTER = re.compile(r"\s*\(\s*(?P<num>\d+(?:\.\d+)?)\s*%\s*\)")
_LISTED = re.compile(r"\s?%?\s*(?:\([^)]*\))?(?:\s*(?:\+/?-|±)\s*[\d.eE+-]+)?\s*(?:[,;|\t)\]]|\s{2}|\s[-–]|$)")
_HINT = re.compile(r"\d|nan|inf", re.I)


class Pair(NamedTuple):
    """A named number of a line. `sep` is '=', ':' or '' when only blanks stand between name and value."""

    name: str
    text: str
    start: int
    end: int
    sep: str
    strength: int
    is_percent: bool
    is_listed: bool  # stands between delimiters, as in `a 1.0 | b 2.0`
    head: str


class Reading(NamedTuple):
    """What the line gave, for State and for the shape cache. `is_stable`: decided by the line's own words alone."""

    pairs: list[Pair]
    progress: Progress
    is_stable: bool
    split: str | None


def may_read(text: str, state: State) -> bool:
    """Cheap test: a number, or a heading's colon."""
    return _HINT.search(text) is not None or text.rstrip().endswith(":")


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
    elif pairs:
        state.in_block = state.block_is_strong = True
    step, epoch = state.place(progress.step, progress.epoch)
    split = reading.split or state.split
    return [Found(with_split(pair.name, split), to_float(pair.text), step, epoch, pair.is_percent) for pair in pairs]


def with_split(name: str, split: str | None) -> str:
    """The name with the heading's split in front, where a value under `Test set:` would else join the training's series."""
    return name if split in (None, "train") or names.split_in(name) else f"{split}/{name}"


def judge(line: Line, state: State) -> Reading | None:
    """Which numbers of the line are metrics, and why; None when the line holds neither number nor position."""
    body = line.body
    if line.is_loud or len(body) > 20_000:
        line.is_hopeless = line.is_loud
        return None
    masked = _mask(body)
    progress = find_progress(masked)
    if len(_WORD_VALUE.findall(masked)) >= 3:
        return Reading([], NOWHERE, True, None)
    pairs = list(scan(masked, progress))
    head = next((pair.head for pair in pairs if pair.head), "")
    split = progress.split or names.split_in(head)
    chosen, is_stable = _choose(pairs, progress, state)
    if not chosen and not progress.is_known:
        heading = _heading_split(masked)
        if heading:
            state.split, state.in_block = heading, True
            return Reading([], NOWHERE, False, heading)
        line.is_hopeless = not any(p.strength == names.STRONG or names.is_split_only(p.name) for p in pairs)
        return None
    return Reading(chosen, progress, is_stable, split)


def _heading_split(text: str) -> str | None:
    """`Test Error:` alone on a line puts what follows under that split."""
    bare = text.strip(" *=-#\t")
    if bare.endswith(":") and len(bare) < 40 and not any(c.isdigit() for c in bare):
        return names.split_in(bare)
    return None


def _mask(body: str) -> str:
    """The body with paths, calls and constructor reprs blanked out, every character in its place."""
    if "(" in body and "=" in body:
        body = _WRAPPED.sub(_unwrap, body)
        body = _CALL.sub(_blank, body)
    elif "(" in body:
        body = _WRAPPED.sub(_unwrap, body)
    if "." in body or "/" in body:
        body = _FILES.sub(_blank, body)
    return body


def _blank(found: re.Match[str]) -> str:
    return "\0" * len(found[0])


def _unwrap(found: re.Match[str]) -> str:
    before, after = found.start(1) - found.start(), found.end() - found.end(1)
    return " " * before + found[1] + " " * after


def scan(text: str, progress: Progress = NOWHERE) -> list[Pair]:
    """Every number of `text` that has a name, in order."""
    pairs: list[Pair] = []
    previous_end = 0
    marks = list(progress.spans)
    for token in TOKENS.finditer(text):
        start, end = token.span()
        while marks and marks[0][1] <= start:
            previous_end = max(previous_end, marks.pop(0)[1])
        if marks and marks[0][0] <= start:
            previous_end = max(previous_end, marks[0][1])
            continue
        gap = text[previous_end:start]
        number = token["num"] or token["neg"]
        if token["count"]:
            pair = _fraction(text, gap, token)
            previous_end = pair.end if pair else end
        elif number is None:
            if not _is_part_of_name(gap):
                previous_end = end
            continue
        else:
            if _is_part_of_name(gap) and number.isdigit():
                continue
            pair = _pair(text, gap, start, end, number, pairs)
            previous_end = _after(text, end)
        if pair is not None:
            pairs.append(pair)
    return pairs


def _is_part_of_name(gap: str) -> bool:
    return bool(re.search(r"\b(?:the|on|for|of|class)\s$", gap))


def _after(text: str, end: int) -> int:
    """Where the next gap begins: past the unit, the average in brackets and the spread of this number."""
    found = re.compile(r"(?:\s?%)?(?:\s*\(\s*[-+\w.,%* =:]*\))?(?:\s*(?:\+/?-|±)\s*[\d.eE+-]+)?").match(text, end)
    if found and not re.search(r"[A-Za-z]\s*[=:]", found[0]):
        return found.end()
    return end


def _fraction(text: str, gap: str, token: re.Match[str]) -> Pair | None:
    """`Accuracy: 207/360 (58%)`: the per cent is the value, not the 207."""
    percent = _PERCENT_AFTER.match(text, token.end())
    named = _name_of(gap)
    if percent is None or named is None or names.strength(named[0]) != names.STRONG:
        return None
    return Pair(
        named[0], percent["num"], percent.start("num"), percent.end("num"), ":", names.STRONG, True, True, named[2]
    )


def _pair(text: str, gap: str, start: int, end: int, number: str, pairs: list[Pair]) -> Pair | None:
    unit = _UNIT.match(text, end)
    if unit is not None and unit["time"]:
        return None
    if pairs and _SECOND.fullmatch(gap) and "." in number:
        first = pairs[-1]
        return first._replace(name=f"{first.name} 2", text=number, start=start, end=end)
    named = _name_of(gap)
    if named is None:
        right = _RIGHT_NAME.match(text, end)
        if right is None or gap.strip(" ,;:|-"):
            return None
        return Pair(right["name"], number, start, end, "", names.STRONG, "%" in right[0], True, "")
    name, sep, head, is_whole = named
    if (
        number.lstrip("+-").lower().startswith(("nan", "inf"))
        and not sep
        and not re.match(r"\s*(?:[,;|)]|$)", text[end:])
    ):
        return None
    is_percent = unit is not None and unit[0].endswith("%")
    is_listed = is_whole and _LISTED.match(text, end) is not None
    return Pair(name, number, start, end, sep, names.strength(name), is_percent, is_listed, head)


def _name_of(gap: str) -> tuple[str, str, str, bool] | None:
    """(name, separator, what stood before the name, name begins at a delimiter) out of the text before a number."""
    found = _SEPARATOR.search(gap)
    if found is None or found["bad"]:
        return None
    sep = (found["sep"] or "").strip()
    left = gap[: found.start()].rstrip()
    cut = 0
    for delimiter in _DELIMITER.finditer(left):
        cut = delimiter.end()
    head, label = left[:cut], left[cut:].strip(" \t\"'*·•–—>→.,;:!({}[\\\0")
    stripped = _LEADING.sub("", label).strip()
    if not stripped or "\0" in stripped or stripped[0] in "/=%" or len(stripped) > names.LONGEST:
        return None
    if stripped.count(")") > stripped.count("("):
        return None
    words = stripped.lower().split()
    if len(words) > (10 if sep else 3) or words[-1] in _PROSE:
        return None
    if not sep and _PROSE.intersection(words):
        return None
    if "improved" in words or "reducing" in words:
        return None
    return stripped, "=" if "=" in sep else ":" if sep else "", head.strip(" ,;|\t*"), stripped == label


def _choose(pairs: list[Pair], progress: Progress, state: State) -> tuple[list[Pair], bool]:
    """The pairs that are metrics, and whether the line alone decided that."""
    is_trial = progress.word == "trial"
    strong = [pair for pair in pairs if _is_sure(pair, progress)]
    is_company = progress.is_known or len(strong) > 0
    chosen, is_stable = [], True
    for pair in pairs:
        if pair in strong:
            chosen.append(pair)
        elif pair.strength == names.NEVER or (not pair.sep and not (pair.is_listed and strong and progress.is_known)):
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


def _has_fraction(pair: Pair) -> bool:
    return not pair.text.lstrip("+-").isdigit()


def _is_sure(pair: Pair, progress: Progress) -> bool:
    """A strong name with a value that looks measured: a fraction, a per cent, or an integer beside a step."""
    if pair.strength != names.STRONG:
        return False
    if _has_fraction(pair) or pair.is_percent:
        return bool(pair.sep) or pair.is_listed or progress.is_known
    return progress.is_known and bool(pair.sep)
