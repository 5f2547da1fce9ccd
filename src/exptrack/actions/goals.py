"""Which way is better for a metric: the policy's goals (exact names first, then globs), else what its name says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

_DOWN = re.compile(
    r"(loss|error|err|perplexity|ppl|bpc|bpb|rmse|mse|mae|mape|wer|cer|fid|logloss|nll|kl|regret)(?![a-z])"
)
_UP = re.compile(
    r"(acc|accuracy|auc|auroc|f1|f2|precision|recall|map|ap50|iou|dice|bleu|rouge|r2|reward|return|ndcg|mrr)"
)


def goal_for(name: str, goals: Mapping[str, str]) -> str | None:
    """'max', 'min', or None when nothing says which way is better."""
    if name in goals:
        return goals[name]
    for pattern, goal in goals.items():
        if fnmatchcase(name, pattern):
            return goal
    last = re.split(r"[/.\s]", name.lower())[-1] or name.lower()
    words = re.split(r"[_\-@: ]+", last)
    if any(_DOWN.fullmatch(w) for w in words) or last.endswith("loss"):
        return "min"
    if any(_UP.fullmatch(w) for w in words):
        return "max"
    return None


def stage(name: str) -> int:
    """Held-out figures before those of training."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    for rank, words_of_it in enumerate((("test", "eval"), ("val", "valid", "validation", "dev"))):
        if any(w in words_of_it for w in words):
            return rank
    return 3 if "train" in words else 2
