"""What a printed name says about the number beside it.

Three answers: STRONG names are metrics wherever they are printed with a fraction; NEVER names (times, rates, sizes,
seeds, hyperparameters) are not metrics anywhere; NEUTRAL ones need evidence on the line (a step, an epoch, a strong
neighbour).
"""

from __future__ import annotations

from functools import lru_cache

from exptrack.lazy import pattern
from exptrack.record.metrics import words

NEVER, NEUTRAL, STRONG = 0, 1, 2
LONGEST = 200

_STRONG_ENDS = ("loss", "logloss", "entropy", "reward", "accuracy", "error")
_RATES = frozenset(["lr", "learningrate"])
_WORDS = pattern(r"[A-Za-z0-9]+")
_PARTS = pattern(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_KINDS = frozenset(["loss", "losses", "reward", "rewards", "metric", "metrics"])
_NORMED = frozenset(["grad", "gradient", "param", "params", "parameter", "weight", "weights", "update", "updates"])
_BARE_RATES = {("rate",), ("global", "rate"), ("avg", "rate")}
_PHRASES = {("function", "value"), ("best", "value"), ("final", "value"), ("log", "prob")}
# `Accuracy of the network on the 517 test images`: the words before the preposition say what it is.
_OF = pattern(r"(?<=\w) (?:of|on|for|over|in|by|at) (?=\w)")
_ASIDE = pattern(r"(?<=\w)\s*\([^()]*\)$")
_PER_TIME = pattern(
    r"(?i)/\s*(?:s|sec|second|hour|h|step|it|iter|iteration)\b|^[^/]*/\s*min\b"
    r"|per[ _]?(?:s|sec|second|minute|hour)\b|\(m?s\)"
)


@lru_cache(maxsize=8192)
def parts_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `valLogLoss_1` -> val, log, loss, 1."""
    out: list[str] = []
    for word in _WORDS.findall(name):
        low = word.lower()
        # `mIoU` and `logLoss` are words of the vocabulary as they stand; other words split at their capitals.
        out += (low,) if low in words.STRONG or low in words.NEVER else (p.lower() for p in _PARTS.findall(word))
    return tuple(out)


def is_rate(name: str) -> bool:
    """A learning rate: worth a curve when it is printed beside a step, never a metric of its own."""
    parts = parts_of(name)
    return bool(_RATES.intersection(parts)) or ("learning" in parts and "rate" in parts)


@lru_cache(maxsize=8192)
def strength(name: str) -> int:
    """NEVER, NEUTRAL or STRONG. Names longer than LONGEST characters are not names."""
    bare = (_ASIDE.sub("", name) or name) if ")" in name else name
    bare = _OF.split(bare, maxsplit=1)[0] if " " in bare else bare
    parts = parts_of(bare.replace("^", "").replace("²", "2"))
    if (
        len(name) > LONGEST
        or all(part.isdigit() for part in parts)
        or not any(part.isalpha() or len(part) > 1 for part in parts)
    ):
        return NEVER
    if (_may_be_per_time(name) and _PER_TIME.search(name)) or "_".join(parts) in words.NEVER:
        return NEVER
    stems = [part.rstrip("0123456789") or part for part in parts]
    if is_rate(name):
        return NEUTRAL
    if parts in _BARE_RATES:
        return NEVER
    if stems[-1] == "norm" and _NORMED.intersection(stems):
        return STRONG
    if "/" in name and _is_kind(name):
        return STRONG
    if any(len(p) > 1 and (p in words.NEVER or w in words.NEVER) for p, w in zip(parts, stems, strict=True)):
        # `loss_per_sample`, `mean_length_loss`: a metric of something counted is still a metric when it ends as one.
        return (
            STRONG if parts[-1] in words.STRONG and parts[0] not in words.NEVER_FIRST and not _counts(parts) else NEVER
        )
    if stems[-1] in words.NEVER_LAST or parts[0] in words.NEVER_FIRST:
        return NEVER
    if any(
        p in words.STRONG or w in words.STRONG or w.endswith(_STRONG_ENDS) for p, w in zip(parts, stems, strict=True)
    ):
        return STRONG
    if parts[-2:] in _PHRASES or "PER" in name.split():
        return STRONG
    if "norm" in stems and "grad" in stems:
        return STRONG
    return NEUTRAL


def _may_be_per_time(name: str) -> bool:
    return "/" in name or "per" in name.lower() or ("s)" in name.casefold())


def _is_kind(name: str) -> bool:
    """`loss/clip`, `losses/ent`, `reward/move`: what stands before the last slash says what is measured."""
    *above, last = name.lower().split("/")
    said = parts_of(last)
    return above[-1] in _KINDS and not is_rate(last) and not (said and (said[-1] in words.NEVER or last in words.NEVER))


def _counts(parts: tuple[str, ...]) -> bool:
    return parts[0] in {"time", "elapsed", "speed", "eta", "memory", "gpu", "cpu", "seed", "wall", "duration"}


def is_split_only(name: str) -> bool:
    """`Train`, `Val`, `best_test`: the split itself is the name, the metric is understood."""
    return all(part in words.SPLIT for part in parts_of(name))


_SPLITS = {
    "train": "train", "training": "train", "learn": "train", "val": "val", "valid": "val", "validation": "val",
    "validate": "val", "validating": "val", "test": "test", "testing": "test", "eval": "eval", "evaluation": "eval",
    "evaluating": "eval", "dev": "dev", "holdout": "holdout",
}  # fmt: skip


def split_said(text: str) -> str | None:
    """The split among the words of a prefix: `Train Epoch`, `[valid]`, not the `test` of a run's name `cpu_test-3`."""
    words_alone = [word for word in (given.strip("[](){}<>:;,.|*=#/-") for given in text.split()) if word.isalpha()]
    return split_in(" ".join(words_alone))


def split_in(text: str) -> str | None:
    """The split a heading or a name speaks of (`Test set`, `val_loss`): train, val, test, eval, dev, or None."""
    found = None
    for part in parts_of(text):
        found = _SPLITS.get(part) or _SPLITS.get(part.rstrip("0123456789")) or found
        if found not in (None, "eval"):
            return found  # `Evaluating on the test set` speaks of the test set
    return found
