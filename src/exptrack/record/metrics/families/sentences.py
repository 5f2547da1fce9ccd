"""Sentences with a shape of their own: Optuna's trials, darknet's batches, COCO's summary, gensim's and Kaldi's
reports, the folds of scikit-learn's searches.
"""

from __future__ import annotations

import re

from exptrack.lazy import pattern
from exptrack.record.metrics import names
from exptrack.record.metrics.line import Line
from exptrack.record.metrics.numbers import NUMBER, to_count, to_float
from exptrack.record.metrics.state import Found, State

_VALUE = rf"(?:{NUMBER}|[-+]?nan|[-+]?inf)"
_OPTUNA = pattern(rf"Trial (?P<n>\d+) finished with values?: (?P<values>\[[^\]]*\]|{_VALUE})")
_DARKNET = pattern(rf"\s*(?P<n>\d+): (?P<loss>-?{_VALUE}), (?P<avg>-?{_VALUE}) avg(?: loss)?,")
_COCO = pattern(
    r"\s*(?P<name>Average (?:Precision|Recall)\s+\((?:AP|AR)\)\s*@\["
    r"\s*(?P<iou>[^|]*?)\s*\|\s*(?P<area>[^|]*?)\s*\|\s*(?P<dets>[^\]]*?)\s*\])"
    rf"\s*=\s*(?P<value>{_VALUE})"
)
_RIGHT = pattern(rf"(?P<value>{_VALUE})\s+(?P<name>per-word bound|perplexity estimate)")
_KALDI = pattern(
    r"(?P<name>(?:Overall )?[Aa]verage (?:objective function|log-likelihood)(?: for '[^']*')?"
    r"|[Oo]verall log-likelihood per frame)"
    rf".*? is (?P<value>{_VALUE})(?: over|$)"
)
_VALUE_FIRST = pattern(rf"\s*(?P<value>{_VALUE})\s+= (?P<name>[A-Z][a-z]+(?: [a-z]+)*)\s*(?:\([^()]*\))?\s*$")
_TRIPLE = pattern(rf"(?P<name>[A-Za-z][\w.-]*(?:/[\w.@-]+)+)\s+(?P<value>{_VALUE})\s+(?P<n>\d+)\s*$")
_FOLD = pattern(r"\[CV[^\]]*\] END .*?[;)],? (?P<scores>[\w ]*[=:] ?\(?.*?) total time=")
_SCORES = pattern(rf"(?:(?P<name>\w+)[:=] ?\((?P<splits>[^()]*)\))|(?P<lone>\w+)=(?P<value>{_VALUE})")
_SPLIT_SCORE = pattern(rf"(?P<split>train|test)=(?P<value>{_VALUE})")
_FASTTEXT = pattern(r"^(?P<name>[PRF]@?\d*|[PRF]1?@\d+)\s+(?P<value>0?\.\d+|1(?:\.0*)?)$")


def read(line: Line, state: State) -> list[Found] | None:
    """Values of the one sentence that matches."""
    body = line.body
    trial = _OPTUNA.search(body)
    if trial:
        return _optuna(trial, state)
    darknet = _DARKNET.match(body)
    if darknet:
        step = to_count(darknet["n"])
        state.step = step
        return [Found("loss", to_float(darknet["loss"]), step), Found("avg", to_float(darknet["avg"]), step)]
    coco = _COCO.match(body)
    if coco:
        iou, area, dets = (re.sub(r"\s+", "", coco[part]) for part in ("iou", "area", "dets"))
        kind = "AP" if "(AP)" in coco["name"] else "AR"
        return [Found(f"{kind} {iou} {area} {dets}", to_float(coco["value"]), *state.place(None, None))]
    fold = _FOLD.match(body) if " total time=" in body else None
    if fold:
        return _fold(fold["scores"], state)
    kaldi = _KALDI.search(body)
    if kaldi:
        return [Found(kaldi["name"], to_float(kaldi["value"]), *state.place(None, None))]
    triple = _TRIPLE.match(body)
    if triple and not triple["value"].isdigit() and names.strength(triple["name"]) == names.STRONG:
        state.step, state.has_begun = to_count(triple["n"]), True
        return [Found(triple["name"], to_float(triple["value"]), state.step)]
    reverse = _VALUE_FIRST.match(body)
    if reverse and names.strength(reverse["name"]) == names.STRONG:
        return [Found(reverse["name"], to_float(reverse["value"]), *state.place(None, None))]
    found = [Found(m["name"], to_float(m["value"]), *state.place(None, None)) for m in _RIGHT.finditer(body)]
    if found:
        return found
    fast = _FASTTEXT.match(body.strip())
    return [Found(fast["name"], to_float(fast["value"]), *state.place(None, None))] if fast else None


def _fold(scores: str, state: State) -> list[Found]:
    """scikit-learn's searches: `score=0.9`, `score=(train=0.9, test=0.8)` or `f1: (test=0.8)` behind the parameters."""
    out = []
    for found in _SCORES.finditer(scores):
        where = state.place(None, None)
        if found["lone"]:
            out.append(Found(found["lone"], to_float(found["value"]), *where))
        by_split = _SPLIT_SCORE.finditer(found["splits"] or "")
        out += [Found(f"{of['split']}/{found['name']}", to_float(of["value"]), *where) for of in by_split]
    return out


def _optuna(trial: re.Match[str], state: State) -> list[Found]:
    step = to_count(trial["n"])
    state.step, state.has_begun = step, True
    text = trial["values"]
    if not text.startswith("["):
        return [Found("value", to_float(text), step)]
    values = [v.strip() for v in text.strip("[]").split(",")]
    return [Found(f"values_{i}", to_float(v), step) for i, v in enumerate(values) if names.strength("value") and v]
