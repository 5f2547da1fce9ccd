"""Which way is better for a metric: the policy's goals (exact names first, then globs), else what its name says."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

_DOWN_WORDS = "loss error err perplexity ppl bpc bpb rmse mse mae mape wer cer fid logloss nll kl regret"
_UP_WORDS = "acc accuracy auc auroc f1 f2 precision recall map ap50 iou dice bleu rouge r2 reward return ndcg mrr"
_DOWN, _UP = frozenset(_DOWN_WORDS.split()), frozenset(_UP_WORDS.split())


def goal_for(name: str, goals: Mapping[str, str]) -> str | None:
    """'max', 'min', or None when nothing says which way is better."""
    if name in goals:
        return goals[name]
    for pattern, goal in goals.items():
        if fnmatchcase(name, pattern):
            return goal
    low = name.lower()
    end = next((i for i in range(len(low), 0, -1) if low[i - 1] in "/." or low[i - 1].isspace()), 0)
    last = low[end:] or low
    words = _words_of(last, "_-@:")
    if not _DOWN.isdisjoint(words) or last.endswith("loss"):
        return "min"
    return None if _UP.isdisjoint(words) else "max"


def _words_of(text: str, between: str) -> list[str]:
    for character in between:
        text = text.replace(character, " ")
    return text.split(" ")


def stage(name: str) -> int:
    """Held-out figures before those of training."""
    words = "".join([c if c.isascii() and c.isalnum() else " " for c in name.lower()]).split()
    for rank, words_of_it in enumerate((("test", "eval"), ("val", "valid", "validation", "dev"))):
        if any(w in words_of_it for w in words):
            return rank
    return 3 if "train" in words else 2
