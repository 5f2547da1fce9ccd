"""The filter language of `ls` -> SQL with parameters: `params.lr>1e-4`, `tag.owner=vision`, `started>2d`, bare words.

Every value a user writes is a parameter, never SQL. `!=` and `!~` are the exact opposites of `=` and `~`, so a run
without the tag matches `tag.owner!=vision`; `KEY=` asks for runs that have none, `KEY!=` for those that have one.
Numbers compare as numbers; NaN compares with nothing but `=nan`. docs/filters.md is the page for users.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence

from exptrack.actions.keys import LINKS, Key, parse_key
from exptrack.config import parse_duration, parse_size
from exptrack.errors import ExptrackError
from exptrack.model import STATUSES
from exptrack.store.schema import clean
from exptrack.typed import Any, NamedTuple

_WORD = re.compile(
    r"\s*(?P<key>(?:\"[^\"]*\"|!(?![=~])|[^\"=<>!~])+?)\s*(?P<op>!=|!~|>=|<=|==|=|>|<|~)(?P<value>.*)", re.S
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")


class Condition(NamedTuple):
    sql: str
    args: tuple[Any, ...]
    key: Key | None = None


def parse_filters(words: Sequence[str], *, now: float | None = None) -> list[Condition]:
    """Words of a command line -> conditions that must all hold. `now`: seconds since the epoch, for `started>2d`."""
    moment = time.time() if now is None else now
    return [_condition(word, moment) for word in words if word.strip()]


def _condition(word: str, now: float) -> Condition:
    m = _WORD.match(word)
    if m is None:
        text = clean(word.strip())
        tagged = "r.id IN (SELECT run FROM tags WHERE contains(?, key || '=' || value))"
        return Condition(f"contains(?, r.name) OR contains(?, r.note) OR {tagged}", (text, text, text))
    key, op, bare = parse_key(m["key"]), m["op"].replace("==", "="), m["value"].strip()
    if bare.startswith(("<", ">", "=", "!", "~")):
        hint = f'one operator of = != > >= < <= ~ !~; quote the value if it begins so: {m["key"]}{op}"{bare}"'
        raise ExptrackError(f"`{word}` has two operators", hint)
    value = _unquoted(bare)
    is_opposite = op in ("!=", "!~")
    op = op.removeprefix("!") if is_opposite else op
    sql, args = _where(key, op, clean(value), now)
    return Condition(f"NOT coalesce(({sql}), 0)" if is_opposite else sql, args, key)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"" else text


Sql = tuple[str, tuple[Any, ...]]


def _where(key: Key, op: str, value: str, now: float) -> Sql:
    if op == "~":
        _check_regex(value)
    if key.kind == "link":
        return _where_link(key, op, value)
    if key.table == "runs":
        return _where_field(key, op, value, now)
    name = "name" if key.table == "metrics" else "key"
    args: tuple[Any, ...] = ()
    if value == "" and op == "=":
        # NULL is a NaN in most columns of a metric, and "there is none" in these.
        is_there = f"{key.column} IS NOT NULL" if key.column.startswith(("best", "last_step")) else "true"
        test = is_there if key.table == "metrics" else "value IS NOT ''"
    elif key.table == "metrics":
        test, args = _where_metric(key, op, value)
    else:
        test, args = _where_value(op, value)
    membership = "NOT IN" if value == "" and op == "=" else "IN"
    sql = f"r.id {membership} (SELECT run FROM {key.table} WHERE {name} = ? AND {test})"  # noqa: S608 - our own words; the user's are parameters
    return sql, (clean(key.name), *args)


def _where_field(key: Key, op: str, value: str, now: float) -> Sql:
    column = key.column
    if op == "~":
        return f"regexp(?, {column})", (value,)
    if value == "" and op == "=":
        return f"({column} IS NULL OR {column} = '')", ()
    if key.kind == "time":
        return _where_time(key, op, value, now)
    if key.kind == "prefix" and op == "=":
        return f"substr({column}, 1, ?) = ?", (len(value), value)
    read = READERS.get(key.kind)
    return f"{column} {op} ?", (read(key, value) if read else value,)


def _where_time(key: Key, op: str, value: str, now: float) -> Sql:
    """A moment, or a whole day: `>` is after its end, `=` within it. Times without a zone are local, as for git log."""
    low, high = _moment(key, value, now)
    is_day = high > low
    if op == "=":
        return f"({key.column} >= ? AND {key.column} < ?)", (low, high if is_day else low + 1)
    test, bound = {
        ">": (">=" if is_day else ">", high),
        ">=": (">=", low),
        "<": ("<", low),
        "<=": ("<" if is_day else "<=", high),
    }[op]
    return f"{key.column} {test} ?", (bound,)


def _moment(key: Key, value: str, now: float) -> tuple[float, float]:
    from datetime import datetime, timedelta

    if (ago := parse_duration(value)) is not None:
        return now - ago, now - ago
    try:
        moment = datetime.fromisoformat(value)
        end = moment + timedelta(days=1) if _DATE.match(value) else moment
        return moment.astimezone().timestamp(), end.astimezone().timestamp()
    except (ValueError, OverflowError) as e:
        hint = f"write {key.text}>2d (within the last two days) or {key.text}>=2026-11-01"
        raise ExptrackError(f"`{value}` is not a time", hint) from e


def _where_metric(key: Key, op: str, value: str) -> Sql:
    column = f'"{key.column}"'
    if op == "~":
        raise ExptrackError(f"`{key.text}` is a number and matches no pattern", "compare it: = != > >= < <=")
    number = _number(key, value)
    if number != number:
        return f"{column} IS NULL", ()
    return f"{column} {op} ?", (number,)


def _where_value(op: str, value: str) -> Sql:
    """A tag or a parameter: numbers as numbers, `true` and `True` the same, anything else as text."""
    number = number_of(value)
    if op == "~":
        return "regexp(?, value)", (value,)
    if op == "=":
        if value.lower() in ("none", "null"):
            return "(value IS NULL OR value = ?)", (value,)
        ways = {value, value.lower()} if value.lower() in ("true", "false") else {value}
        args = (*sorted(ways), *([clean(number)] if number is not None else []))
        return f"value IN ({','.join('?' * len(args))})", args
    if number is None:
        return f"(value {op} ? AND typeof(value) = 'text')", (value,)
    # A tag is always text: its number, when it is one, is what compares.
    return f"(CASE typeof(value) WHEN 'text' THEN number(value) ELSE value END) {op} ?", (clean(number),)


def _where_link(key: Key, op: str, value: str) -> Sql:
    table, columns = LINKS[key.text]
    if op == "=" and value == "":
        return f"r.id NOT IN (SELECT run FROM {table})", ()  # noqa: S608 - our own words; the user's are parameters
    if op not in ("=", "~"):
        raise ExptrackError(f"`{key.text}` has no order", f"ask with {key.text}=NAME or {key.text}~PATTERN")
    args: tuple[Any, ...]
    test = "{} = ?" if op == "=" else "regexp(?, {})"
    tests, args = " OR ".join(test.format(c) for c in columns), (value,) * len(columns)
    if op == "=" and "path" in columns:
        # `train.csv` is data/train.csv too: people know files by their names, and records by where they lay.
        tests, args = f"{tests} OR substr(path, ?) = ?", (*args, -len(value) - 1, "/" + value)
    return f"r.id IN (SELECT run FROM {table} WHERE {tests})", args  # noqa: S608 - our own words; the user's are parameters


def number_of(text: str) -> int | float | None:
    """Text as a number, NaN and infinities too; None when it is none."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def _number(key: Key, value: str) -> float:
    number = number_of(value)
    if number is None:
        raise ExptrackError(f"`{key.text}` compares with a number, not `{value}`", f"write {key.text}>=0.9")
    return clean(number)  # type: ignore[no-any-return]  # an int or a float


def _duration(key: Key, value: str) -> float:
    seconds = parse_duration(value)
    return _number(key, value) if seconds is None else seconds


def _size(key: Key, value: str) -> float:
    size = parse_size(value)
    return _number(key, value) if size is None else size


def _bool(key: Key, value: str) -> int:
    if value.lower() in ("true", "yes", "1"):
        return 1
    if value.lower() in ("false", "no", "0"):
        return 0
    raise ExptrackError(f"`{key.text}` is true or false, not `{value}`", f"write {key.text}=true")


def _status(_key: Key, value: str) -> str:
    if value not in STATUSES:
        raise ExptrackError(f"no run has the status `{value}`", "statuses: " + ", ".join(STATUSES))
    return value


READERS: Mapping[str, Callable[[Key, str], Any]] = {
    "number": _number,
    "duration": _duration,
    "size": _size,
    "bool": _bool,
    "status": _status,
}


def _check_regex(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as e:
        raise ExptrackError(f"`{pattern}` is not a regular expression: {e}", "put a backslash before + * ( [ ?") from e
