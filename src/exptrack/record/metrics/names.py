"""What a printed name says about the number beside it.

Three answers: STRONG names are metrics wherever they are printed with a fraction; NEVER names (times, rates, sizes, seeds,
hyperparameters) are not metrics anywhere; NEUTRAL ones need evidence on the line (a step, an epoch, a strong neighbour).
"""

from __future__ import annotations

import re
from functools import lru_cache

NEVER, NEUTRAL, STRONG = 0, 1, 2
LONGEST = 200

_STRONG = frozenset(
    ["loss", "losses", "logloss", "acc", "accuracy", "accuracies", "auc", "auroc", "auprc", "aucpr", "prauc", "roc", "f1", "fbeta", "f2", "precision", "recall", "prec", "error", "err", "mae", "mse", "rmse", "rmsle", "mape", "smape", "msle", "medae", "r2", "bleu", "sacrebleu", "rouge", "rougel", "rouge1", "rouge2", "rougelsum", "meteor", "cider", "spice", "ter", "chrf", "ppl", "perplexity", "bpc", "bpb", "reward", "rewards", "rew", "ret", "return", "returns", "score", "scores", "map", "map50", "map75", "ap", "ap50", "ap75", "aps", "apm", "apl", "ar", "iou", "miou", "dice", "psnr", "ssim", "lpips", "fid", "kid", "nll", "kl", "kld", "entropy", "wer", "cer", "per", "eer", "mcd", "ndcg", "mrr", "hits", "hit", "top1", "top5", "top10", "gini", "objective", "obj", "fitness", "likelihood", "loglik", "loglikelihood", "lik", "llh", "ll", "elbo", "inertia", "distortion", "gnorm", "xent", "ce", "bce", "logprob", "margin", "margins", "kappa", "mcc", "jaccard", "spearman", "pearson", "pearsonr", "spearmanr", "correlation", "corr", "silhouette", "purity", "ari", "nmi", "regret", "winrate", "deviance", "residual", "residuals", "fitted", "aic", "bic", "qwk", "sensitivity", "specificity", "tpr", "fpr", "fnr", "tnr", "hamming", "brier", "pinball", "hinge", "crps", "epe", "metric", "cost", "improve", "advantage", "qvalue", "td_error", "divergence", "drift", "similarity", "success"]
)
_STRONG_ENDS = ("loss", "logloss", "entropy", "reward", "accuracy", "error")
_SPLIT_WORDS = frozenset(
    ["train", "training", "val", "valid", "validation", "test", "testing", "eval", "evaluation", "dev", "learn", "learning", "best", "holdout", "oob"]
)
_NEVER = frozenset(
    ["time", "times", "timestamp", "elapsed", "eta", "sec", "secs", "second", "seconds", "ms", "msec", "msecs", "minute", "minutes", "min_time", "hours", "duration", "dur", "speed", "throughput", "fps", "tps", "wps", "ups", "wpb", "bsz", "tflops", "flops", "flos", "gflops", "mfu", "hfu", "mem", "memory", "vram", "ram", "gpu", "gpus", "cpu", "cpus", "disk", "runtime", "remaining", "date", "samples", "size", "sizes", "seed", "seeds", "port", "version", "workers", "worker", "threads", "thread", "pid", "params", "parameters", "param", "vocab", "layers", "layer", "dims", "dim", "hidden", "heads", "channels", "shape", "width", "height", "bytes", "tokens", "words", "count", "counts", "images", "img", "instances", "nevals", "wall", "patience", "oom", "lineno", "line", "level", "status", "pages", "port", "uid", "gid", "nodes", "ranks", "world", "budget", "jobs", "n_jobs", "random_state", "support", "per_second", "examples", "rows", "cols", "columns", "features", "classes", "items", "files", "length_penalty", "rate_limit", "latency", "uptime", "load_time", "iterations", "epochs", "steps", "episodes", "batches", "iteration", "step", "epoch", "updates", "update", "batch", "trial", "round", "timesteps", "timestep", "pgid", "users", "requests", "connections", "sockets", "packets", "retries", "attempt", "attempts", "retry", "days", "hour", "year", "month", "day", "age", "price", "address", "ip", "temperature", "top_k", "top_p", "dropout", "warmup", "wd", "weight_decay", "momentum", "beta1", "beta2", "gamma", "lambda", "smoothing", "eps", "epsilon", "tol", "tolerance", "decay", "clip", "clipping", "coef", "coeff", "coefs", "vnum", "v_num", "idx", "index", "id", "ids", "nnz", "nnzs", "neurons", "units", "filters", "kernel", "stride", "padding"]
)
_NEVER_LAST = frozenset(
    ["scale", "weight", "weights", "coef", "coeff", "factor", "alpha", "beta", "threshold", "thresh", "delta", "init", "type", "fn", "func", "limit", "max_len", "budget", "interval", "every", "freq", "frequency", "scheduler", "optimizer", "optim", "quantile", "level", "window"]
)
_NEVER_FIRST = frozenset(["num", "n", "nb", "max_steps", "target", "required", "expected", "total_params"])
_RATES = frozenset(["lr", "learningrate"])
_PARTS = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_PER_TIME = re.compile(
    r"(?i)/\s*(?:s|sec|second|min|hour|h|step|it|iter|iteration)\b|per[ _]?(?:s|sec|second|minute|hour)\b|\(m?s\)"
)


@lru_cache(maxsize=8192)
def parts_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `valLogLoss_1` -> val, log, loss, 1."""
    return tuple(part.lower() for part in _PARTS.findall(name))


def is_rate(name: str) -> bool:
    """A learning rate: worth a curve when it is printed beside a step, never a metric of its own."""
    parts = parts_of(name)
    return bool(_RATES.intersection(parts)) or ("learning" in parts and "rate" in parts)


@lru_cache(maxsize=8192)
def strength(name: str) -> int:
    """NEVER, NEUTRAL or STRONG. Names longer than LONGEST characters are not names."""
    parts = parts_of(name)
    if not parts or len(name) > LONGEST or not any(part.isalpha() or len(part) > 1 for part in parts):
        return NEVER
    if _PER_TIME.search(name) or "_".join(parts) in _NEVER:
        return NEVER
    words = [part.rstrip("0123456789") or part for part in parts]
    if is_rate(name):
        return NEUTRAL
    if any(part in _NEVER or word in _NEVER for part, word in zip(parts, words, strict=True)):
        # `loss_per_sample`, `mean_length_loss`: a metric of something counted is still a metric when it ends as one.
        return STRONG if parts[-1] in _STRONG and parts[0] not in _NEVER_FIRST and not _counts(parts) else NEVER
    if words[-1] in _NEVER_LAST or parts[0] in _NEVER_FIRST:
        return NEVER
    if any(p in _STRONG or w in _STRONG or w.endswith(_STRONG_ENDS) for p, w in zip(parts, words, strict=True)):
        return STRONG
    if "norm" in words and "grad" in words:
        return STRONG
    return NEUTRAL


def _counts(parts: tuple[str, ...]) -> bool:
    return parts[0] in {"time", "elapsed", "speed", "eta", "memory", "gpu", "cpu", "seed", "wall", "duration"}


def is_split_only(name: str) -> bool:
    """`Train`, `Val`, `best_test`: the split itself is the name, the metric is understood."""
    return all(part in _SPLIT_WORDS for part in parts_of(name))


_SPLITS = {
    "train": "train", "training": "train", "learn": "train", "val": "val", "valid": "val", "validation": "val",
    "validate": "val", "validating": "val", "test": "test", "testing": "test", "eval": "eval", "evaluation": "eval",
    "evaluating": "eval", "dev": "dev", "holdout": "holdout",
}  # fmt: skip


def split_in(text: str) -> str | None:
    """The split a heading or a name speaks of (`Test set`, `val_loss`), as one of train, val, test, eval, dev; else None."""
    for part in parts_of(text):
        found = _SPLITS.get(part) or _SPLITS.get(part.rstrip("0123456789"))
        if found:
            return found
    return None
