"""One name for one metric, whoever tells it: the user's rename, ignore and aliases, and spellings that mean the same.

`val_acc`, `val/acc` and `validation accuracy` of different sources get one name: the one the policy uses, else the one
that was seen first. Two names of one source stay two metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from operator import itemgetter

from exptrack.model import Point
from exptrack.record.columns import Column

_SPLITS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
    "testing": "test", "eval": "eval", "evaluation": "eval", "dev": "dev",
}  # fmt: skip
_SAME = {"acc": "accuracy", "accuracies": "accuracy", "losses": "loss", "err": "error", "ppl": "perplexity"}
_name_of = itemgetter(0)


def meaning(name: str) -> tuple[str, ...]:
    """What names that mean the same share: words in lower case, the split first, abbreviations written out."""
    from exptrack.record.metrics.names import parts_of

    if not name.isascii():
        return (name.lower(),)
    parts = parts_of(name)
    splits = [_SPLITS[p] for p in parts if p in _SPLITS]
    rest = [_SAME.get(p, p) for p in parts if p not in _SPLITS]
    if "learning" in rest and "rate" in rest:
        rest = [p for p in rest if p != "learning"]
        rest[rest.index("rate")] = "lr"
    return (*splits, *rest) or (name,)


class Naming:
    """Names as they are recorded. `known` are names the policy speaks of; `aliases`: name -> other spellings of it."""

    def __init__(
        self,
        *,
        ignore: Sequence[str] = (),
        rename: Mapping[str, str] | None = None,
        aliases: Mapping[str, Sequence[str]] | None = None,
        known: Iterable[str] = (),
    ) -> None:
        self._ignore, self._rename = tuple(ignore), dict(rename or {})
        self._asked_for = (tuple(known), dict(aliases or {}))
        self._spelling: dict[tuple[str, ...], str] | None = None
        self._names: dict[str, dict[str, str | None]] = {}
        self._is_plain: dict[str, bool] = {}

    def apply(self, points: list[Point], source: str, *, is_renamed: bool = False) -> list[Point]:
        """Points of one source under their recorded names. `is_renamed`: the recogniser has done that already."""
        if not points:
            return points
        names = self._learn(set(map(_name_of, points)), source, is_renamed=is_renamed)
        if self._is_plain[source]:
            return points
        return [p._replace(name=to) for p in points if (to := names[p.name]) is not None]

    def apply_to_columns(self, columns: list[Column], source: str) -> list[Column]:
        """The same for columns, whose names nobody has renamed yet."""
        names = self._learn(set(map(_name_of, columns)), source, is_renamed=False)
        return [c._replace(name=to) for c in columns if (to := names[c.name]) is not None]

    def _learn(self, told: set[str], source: str, *, is_renamed: bool) -> Mapping[str, str | None]:
        """Name -> recorded name of everything this source told so far."""
        names = self._names.setdefault(source, {})
        new = told.difference(names)
        for name in sorted(new):
            names[name] = self._resolve(name, names, is_renamed=is_renamed)
        if new:
            self._is_plain[source] = all(recorded == name for name, recorded in names.items())
        return names

    def _resolve(self, name: str, names: Mapping[str, str | None], *, is_renamed: bool) -> str | None:
        own = name if is_renamed else self._rename.get(name, name)
        wanted = self._spellings().setdefault(meaning(own), own)
        if any(fnmatchcase(n, pattern) for pattern in self._ignore for n in (name, own, wanted)):
            return None
        taken = set(names.values())
        for candidate in (wanted, own):
            if candidate not in taken:
                return candidate
        return f"{own} ({len(names)})" if own != name else name + "'"

    def _spellings(self) -> dict[tuple[str, ...], str]:
        if self._spelling is None:
            known, aliases = self._asked_for
            self._spelling = {}
            for name in (*aliases, *known):
                self._spelling.setdefault(meaning(name), name)
            for name, others in aliases.items():
                for other in others:
                    self._spelling[meaning(other)] = name
        return self._spelling
