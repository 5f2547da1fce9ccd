"""Where a line says how far the training is: `step 12`, `Epoch: [3][ 10/32]`, `[0]`, `iteration 122/ 25000 |`.

The first mark of each kind counts. A counter that runs over the whole training (`num_updates`, `global_step`) beats
the others.
"""

from __future__ import annotations

import re

from exptrack.lazy import pattern
from exptrack.record.metrics import words
from exptrack.record.metrics.names import split_in, split_said
from exptrack.record.metrics.numbers import to_count
from exptrack.typed import NamedTuple

_EPOCH = r"epochs?(?:[ _](?:idx|index|num))?|ep\.?|pass"
_STEP = (
    r"global[ _-]?steps?|num[ _](?:updates|timesteps)|train(?:ing)?[ _/]steps?|total[_ ]timesteps|timesteps?|steps?"
    r"|iters?|iterations?|iterate|updates?|ticks?"
    r"|batch(?:[ _](?:idx|index|id)|es)?|mini-?batch|n_iter|rounds?|generation|gen|trial|episodes?|checkpoint|up\."
    r"|boosting round"
)
_MARK = pattern(
    rf"(?<![\w.@-])(?:(?P<e>{_EPOCH})|(?P<s>{_STEP}))(?:\((?P<split>train|val|valid|test|eval)\w*\))?"
    rf"(?P<glue>['\"]?+\s*+(?:[:=]\s*+|#|no\.?\s*+|-\s++)?+[\[(]?+\s*+)(?P<n>\d[\d,]*(?:\.\d+)?)"
    rf"(?:\s*+(?:/|of)\s*+(?P<N>\d[\d,]*|\?))?(?![\w.]*\w|\s*%)\s*[\])]?",
    re.IGNORECASE,
)
# One of these is in every word of _EPOCH and _STEP: looked for first, since _MARK takes half a millisecond to compile.
_IN_MARKS = ("ep", "pass", "iter", "update", "batch", "round", "gen", "trial", "up.", "checkpoint", "tick")
_COUNTER = pattern(r"[\[(]?\s{0,12}(?<![\w.])(\d[\d,]*)\s*/\s*(\d[\d,]*)(?:\s*\(\s*[\d.]+\s*%\s*\))?\s*[\])]?(?![\w.])")
_BRACKETED = pattern(r"[\[(]\s*(\d+)\s*/\s*(\d+)\s*(?:\(\s*[\d.]+\s*%\s*\))?\s*[\])]")
_INNER = pattern(r"\s*\[\s*(\d+)\s*/\s*(\d+)")
_BRACKET_LEADS = (
    pattern(
        r"\s*(?:(?:train|val|test|eval)\w*:\s+)?\[(?P<e>\d+)\s*/\s*\d+\]\s*\[(?P<s>\d+)\s*/\s*(?P<N>\d+)\]",
        re.IGNORECASE,
    ),
    pattern(r"\s*\[(?P<e>\d+),\s*(?P<s>\d+)\]"),
    pattern(
        r"\s*(?:train\w*|val\w*|test\w*|eval\w*):?\s+(?P<e>\d+)\s*\[\s*(?P<s>\d+)\s*/\s*(?P<N>\d+)[^\]]*\]",
        re.IGNORECASE,
    ),
    pattern(r"\s*\[(?P<s>\d+)\](?=[\s:])"),
)
_DIGIT_LEADS = (
    pattern(r"\s*(?P<e>\d+)epoch\b"),
    pattern(r"\s*(?P<s>\d+):(?=\s+[A-Za-z])"),
)
_AFTER = pattern(
    r"(?i)\bafter (?P<n>\d[\d,]*) (?:(?P<e>epochs?)|steps?|iter(?:ation)?s?|rounds?|updates?|episodes?)\b"
    r"(?: with [a-z ]+)?(?=\s*[:=])"
)
_WHOLE_RUN = ("num", "global", "total")
_METRIC = pattern(r"(?i)loss|acc|reward|score")
# `Training of epoch 3`, unlike `number of epochs 3`.
_SPLIT_OF = pattern(r"(?i)\b(?:train|valid|test|eval)\w*\s+of\s+$")
_EPOCH_OR_EPISODE = pattern(r"(?i)\b(?:epoch|ep|episode)\b")
_LAST_WORD = pattern(r"([A-Za-z_]+)['\"]?\s*$")
_PLURAL = pattern(r"(?i)(?:steps|epochs|iters|iterations|updates|rounds|episodes|batches|timesteps)$")


class Progress(NamedTuple):
    """What a line says of its position; `spans` are the characters that said it: they are not read as values."""

    step: int | float | None = None
    epoch: int | float | None = None
    split: str | None = None
    spans: tuple[tuple[int, int], ...] = ()
    step_at: tuple[int, int] | None = None
    epoch_at: tuple[int, int] | None = None
    word: str = ""
    total: int | float | None = None

    @property
    def is_known(self) -> bool:
        return self.step is not None or self.epoch is not None


NOWHERE = Progress()


def find_progress(text: str) -> Progress:
    """Read every mark of `text`; NOWHERE when it has none."""
    leads = (*(_BRACKET_LEADS if "[" in text else ()), *(_DIGIT_LEADS if text.lstrip()[:1].isdigit() else ()))
    lead = next((m for m in (p.match(text) for p in leads) if m), None)
    if lead is not None:
        return _from_lead(lead)
    low = text.casefold()
    is_hopeful = any(part in low for part in _IN_MARKS)
    marks = [m for m in _MARK.finditer(text) if _is_mark(text, m)] if is_hopeful else []
    if not marks:
        return _from_counter(text)
    epoch = next((m for m in marks if m["e"]), None)
    step = next((m for m in marks if m["s"] and m["s"].lower().startswith(_WHOLE_RUN)), None)
    step = step or next((m for m in marks if m["s"]), None)
    spans = [m.span() for m in marks]
    step_at, total = (step.span("n"), step["N"]) if step else (None, None)
    if epoch is not None and "/" in text:
        counter = _BRACKETED.search(text, epoch.end()) or _COUNTER.match(text, _skip(text, epoch.end()))
        if counter is None and step is None:
            counter = _INNER.match(text, epoch.end())
        if counter is not None:
            spans.append(counter.span())
            if step is None:
                step_at, total = counter.span(1), counter[2]
    first = epoch or step
    split = next((m["split"].lower() for m in marks if m["split"]), None)
    if split is None and first is not None and not text[: first.start()].rstrip().endswith((".", ",")):
        split = split_said(text[: first.start()][-40:])
    return Progress(
        step=to_count(text[slice(*step_at)]) if step_at else None,
        epoch=to_count(epoch["n"]) if epoch else None,
        split=split_in(split) if split else None,
        spans=tuple(sorted(spans)),
        step_at=step_at,
        epoch_at=epoch.span("n") if epoch else None,
        word=(step["s"] if step else epoch["e"] if epoch else "").lower(),
        total=to_count(total) if total and total[0].isdigit() else None,
    )


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " :|\t,":
        at += 1
    return at


def _is_mark(text: str, mark: re.Match[str]) -> bool:
    word = (mark["e"] or mark["s"]).lower()
    glue = mark["glue"]
    if word in {"ep", "gen", "pass", "up.", "update", "checkpoint"} and not glue.strip():
        return word in {"up."} or mark.start() == 0
    if mark["s"] and "." in mark["n"]:
        return False
    if word[-1] == "s" and mark.start() > 1 and text[mark.start() - 2 : mark.start()][0].isdigit():
        return False  # `after 3 epochs: 0.9`
    before = _LAST_WORD.search(text[: mark.start()][-24:])
    if before is not None and before[1].lower() in words.NOT_A_MARK and not _SPLIT_OF.search(text[: mark.start()]):
        # stable-baselines' `Eval num_timesteps=1000`, unlike `eval steps: 500`.
        return word == "num_timesteps" and before[1] == "Eval"
    # `steps: 500` alone is a setting; `10 epochs` never gets here. Beside a metric the plural is DeepSpeed's own mark.
    if not _PLURAL.search(word) or word.startswith(_WHOLE_RUN):
        return True
    if _EPOCH_OR_EPISODE.search(text):
        return word in {"iters", "iterations", "batches", "updates"}
    return bool(_METRIC.search(text))


def _from_lead(lead: re.Match[str]) -> Progress:
    groups = lead.re.groupindex
    step_at = lead.span("s") if "s" in groups else None
    epoch_at = lead.span("e") if "e" in groups else None
    total = lead["N"] if "N" in groups else None
    return Progress(
        step=to_count(lead["s"]) if step_at else None,
        epoch=to_count(lead["e"]) if epoch_at else None,
        split=split_in(lead[0]),
        spans=(lead.span(),),
        step_at=step_at,
        epoch_at=epoch_at,
        total=to_count(total) if total else None,
        word="",
    )


def _from_counter(text: str) -> Progress:
    """What a line without a mark says by a counter: `after 200 steps:`, `[20/100]`."""
    after = _AFTER.search(text) if "fter " in text else None
    if after is not None:
        at, count = after.span("n"), to_count(after["n"])
        if after["e"]:
            return Progress(epoch=count, spans=(after.span(),), epoch_at=at, word="epoch")
        return Progress(step=count, spans=(after.span(),), step_at=at, word="after")
    counter = _BRACKETED.search(text) if "/" in text else None
    if counter is None:
        return NOWHERE
    return Progress(
        step=to_count(counter[1]),
        spans=(counter.span(),),
        step_at=counter.span(1),
        total=to_count(counter[2]),
        word="counter",
        split=split_in(text[: counter.start()][-40:]),
    )
