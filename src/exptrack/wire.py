"""Records <-> JSON bytes. Format 1; docs/format.md describes it.

Invariants: the same record always gives the same bytes (sorted keys, ASCII, no spaces), NaN and infinities are the
strings "nan", "inf", "-inf" (RFC 8259 has no other way), and fields this version does not know survive in `extra`.
Where a field may be anything those strings stay text, also for a foreign file's bare NaN or 1e999.
"""

from __future__ import annotations

import json
import math
import sys
import types
from collections.abc import Callable, Mapping
from functools import cache

from exptrack.errors import Damaged, ExptrackError
from exptrack.frozen import is_frozen, names_of, required_of
from exptrack.typed import Any, TypeVar

T = TypeVar("T")

FORMAT = 1
_SCALARS: dict[str, type[Any]] = {"str": str, "int": int, "float": float, "bool": bool}
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}

# What a bad file costs: absurd sizes are not parsed, and what is nested deeper than any record of ours is refused here,
# where it is one damaged file, and not later, where writing it again would exhaust the stack.
MAX_RECORD_BYTES = 256 * 1024 * 1024
MAX_DEPTH = 100


def plain(value: Any) -> Any:
    """A record, or anything in one, as what json.dumps takes."""
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if is_frozen(value) and not isinstance(value, type):
        out = {name: plain(getattr(value, name)) for name in names_of(value) if name != "extra"}
        out.update(plain(getattr(value, "extra", {})))
        return out
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def dump(value: Any) -> bytes:
    """Canonical JSON of plain data or records, one line with its newline."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii") + b"\n"


def encode(record: Any) -> bytes:
    """A top-level record with its format number, as it is stored."""
    return dump({"format": FORMAT, **plain(record)})


def load(data: bytes, what: str) -> Any:
    """JSON bytes -> plain data; Damaged when they are none (`what` names them for the user)."""
    if len(data) > MAX_RECORD_BYTES:
        raise Damaged(f"{what} is {len(data)} bytes long: no record of ours is", "move it away if it is not yours")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as e:
        raise Damaged(f"{what} is not readable JSON: {e}", "`exptrack verify` lists what is damaged") from e
    if _is_deeper(value, MAX_DEPTH):
        raise Damaged(f"{what} is nested more than {MAX_DEPTH} deep", "`exptrack verify` lists what is damaged")
    return value


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth + 1):
        inner = [v for c in level for v in (c.values() if isinstance(c, dict) else c if isinstance(c, list) else ())]
        level = [v for v in inner if isinstance(v, (dict, list))]
        if not level:
            return False
    return True


def decode(cls: type[T], data: bytes, what: str) -> T:
    """Stored bytes -> a record. Damaged for bytes that are none, exit 2 for a format newer than this program."""
    raw = load(data, what)
    if not isinstance(raw, dict):
        raise Damaged(f"{what} is not a record", "`exptrack verify` lists what is damaged")
    number = raw.pop("format", None)
    if isinstance(number, int) and number > FORMAT:
        raise ExptrackError(
            f"{what} was written in format {number}; this exptrack reads up to {FORMAT}",
            "upgrade: pip install --upgrade exptrack-run",
        )
    try:
        return from_plain(cls, raw)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as e:
        raise Damaged(f"{what} is not a {cls.__name__}: {e}", "`exptrack verify` lists what is damaged") from e


def from_plain(cls: type[T], raw: Mapping[str, Any]) -> T:
    """A mapping as `plain` makes it -> a record; raises TypeError, ValueError or KeyError when it does not fit."""
    shape: Any = cls
    known, place = shape.__annotations__, shape.__module__
    values = {name: _reader(kind, place)(raw[name]) for name, kind in known.items() if name in raw and name != "extra"}
    missing = [name for name in _required(shape) if name not in values]
    if missing:
        raise KeyError("without " + ", ".join(missing))
    if "extra" in known:
        values["extra"] = {k: plain(v) for k, v in raw.items() if k not in known}
    return cls(**values)


@cache
def _required(cls: type[Any]) -> tuple[str, ...]:
    return tuple(required_of(cls))


@cache
def _reader(kind: str, place: str) -> Callable[[Any], Any]:
    """What turns plain data into one type, told as an annotation of the module `place`; made once, since a list of runs
    reads thousands of values. Strings that stand for non-finite floats become floats again."""
    if kind.endswith(" | None"):
        some = _reader(kind.removesuffix(" | None"), place)
        return lambda value: None if value is None else some(value)
    outer, _, inner = kind.partition("[")
    if outer == "tuple":
        one = _reader(inner.removesuffix(", ...]"), place)
        return lambda value: tuple([one(v) for v in _checked(value, list)])
    if outer == "Mapping":
        item = _reader(inner.removesuffix("]").partition(", ")[2], place)
        return lambda value: {str(k): item(v) for k, v in _checked(value, dict).items()}
    if kind == "Any":
        return plain
    if " | " in kind:
        return _union_reader(tuple(_SCALARS[k] for k in kind.split(" | ")))
    found = _SCALARS.get(kind) or vars(sys.modules[place])[kind]
    if isinstance(found, types.UnionType):
        return _union_reader(found.__args__)
    if is_frozen(found):
        return lambda value: from_plain(found, _checked(value, dict))
    return _scalar_reader(found)


def _checked(value: Any, kind: type[Any]) -> Any:
    if isinstance(value, kind):
        return value
    raise TypeError(f"{'a list' if kind is list else 'an object'} was expected, not {value!r:.80}")


def _union_reader(kinds: tuple[type[Any], ...]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, kinds):
            return plain(value)
        raise TypeError(f"{value!r:.80} is none of {', '.join(k.__name__ for k in kinds)}")

    return read


def _scalar_reader(kind: Any) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if kind is float:
            if isinstance(value, str):
                return _NOT_FINITE[value]
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return float(value)
        elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        raise TypeError(f"{kind.__name__} was expected, not {value!r:.80}")

    return read
