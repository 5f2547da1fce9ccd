"""The `model-index` of a model card: a run's metrics as the Hub reads evaluation results.

Layout: modelcard.md of huggingface/hub-docs; task, dataset and metric type are mandatory there, and what a run does
not know of them says so in its place. Values are the last ones, as for gates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from exptrack.actions.goals import stage
from exptrack.model import Input, MetricSummary, RunManifest
from exptrack.typed import Any

TO_FILL = "to be filled in"
MOST_METRICS = 20
_HUB_METRICS = {
    "acc": "accuracy",
    "accuracy": "accuracy",
    "auc": "roc_auc",
    "auroc": "roc_auc",
    "ppl": "perplexity",
    "r2": "r_squared",
    "mcc": "matthews_correlation",
}
_SAME = ("f1", "precision", "recall", "mse", "mae", "mape", "bleu", "rouge", "meteor", "wer", "cer", "perplexity")
_HUB_METRICS |= {name: name for name in _SAME}
_SPLITS = ("test", "validation", None, "train")
# As actions.goals.stage ranks them.
_SPLIT_WORDS: tuple[frozenset[str], ...] = (
    frozenset(("test", "eval", "heldout", "holdout")),
    frozenset(("val", "valid", "validation", "dev")),
    frozenset(),
    frozenset(("train",)),
)


def told_metrics(manifest: RunManifest) -> dict[str, MetricSummary]:
    """The metrics a reader is told first: finite, with a goal where any has one, and held out where any is. Held-out
    parts first."""
    finite = {n: m for n, m in manifest.metrics.items() if math.isfinite(m.last)}
    aimed = {n: m for n, m in finite.items() if m.goal} or finite
    held_out = {n: m for n, m in aimed.items() if stage(n) < 3} or aimed
    return dict(sorted(held_out.items(), key=lambda item: (stage(item[0]), item[0])))


def hub_metric(name: str) -> str | None:
    """The Hub's id of a metric called so, as `accuracy` for `val/acc`; None when it has none."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    return next((_HUB_METRICS[w] for w in (words[-1], "_".join(words[-2:])) if w in _HUB_METRICS), None)


def model_index(name: str, manifest: RunManifest, task: str | None) -> list[dict[str, Any]] | None:
    """One entry with a result for each part the metrics were measured on; None without metrics. `task`: the Hub's
    pipeline, when somebody said which it is."""
    told = dict(list(told_metrics(manifest).items())[:MOST_METRICS])
    results = []
    for rank, split in enumerate(_SPLITS):
        metrics = [_metric(n, m) for n, m in told.items() if stage(n) == rank]
        if metrics:
            kind = {"type": task} if task else {"type": "other", "name": TO_FILL}
            results.append({"task": kind, "dataset": _dataset(manifest, rank, split), "metrics": metrics})
    return [{"name": name, "results": results}] if results else None


def _metric(name: str, summary: MetricSummary) -> dict[str, Any]:
    shown = f"{name} ({summary.unit})" if summary.unit else name
    return {"type": hub_metric(name) or name, "value": summary.last, "name": shown}


def _dataset(manifest: RunManifest, rank: int, split: str | None) -> dict[str, Any]:
    """The one input whose name says that it is this part, if there is one."""
    fitting = [i for i in manifest.inputs if i.digest and _SPLIT_WORDS[rank] & _words(i)]
    if len(fitting) != 1:
        found: dict[str, Any] = {"type": "unknown", "name": TO_FILL}
    else:
        kind = re.sub(r"[^a-z0-9]+", "-", fitting[0].name.lower()).strip("-")
        found = {"type": kind or "unknown", "name": fitting[0].name, "revision": fitting[0].digest}
    return found | ({"split": split} if split else {})


def _words(item: Input) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", f"{item.name} {item.path}".lower()))


def values_of(index: Any) -> dict[str, Any]:
    """Metric name -> value, of an index that may have been edited."""
    return {m["name"]: m["value"] for m in _metrics(index) if isinstance(m.get("name"), str) and "value" in m}


def refreshed(index: Any, before: Mapping[str, Any], now: Mapping[str, Any]) -> Any:
    """An index somebody filled in, with the values of `now`. A value that is not the one of `before` was written by
    hand and stays; a metric of `before` that `now` lacks goes: it would be another run's."""
    for metric in _metrics(index):
        name = metric.get("name")
        if isinstance(name, str) and name in before and metric.get("value") == before[name] and name in now:
            metric["value"] = now[name]
    for result in _results(index):
        result["metrics"] = [m for m in result["metrics"] if not _is_stale(m, before, now)]
    return index


def _is_stale(metric: Any, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    name = metric.get("name") if isinstance(metric, dict) else None
    return isinstance(name, str) and name in before and name not in now and metric.get("value") == before[name]


def _results(index: Any) -> Iterator[dict[str, Any]]:
    for entry in index if isinstance(index, list) else ():
        found = entry.get("results") if isinstance(entry, dict) else None
        for result in found if isinstance(found, list) else ():
            if isinstance(result, dict) and isinstance(result.get("metrics"), list):
                yield result


def _metrics(index: Any) -> Iterator[dict[str, Any]]:
    for result in _results(index):
        yield from (m for m in result["metrics"] if isinstance(m, dict))
