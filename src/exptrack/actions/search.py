"""One question to the index: conditions, sort keys, columns -> one SELECT, and the same order again in Python.

Runs that are still going are in no index; they are put into one in memory, asked the same question, and merged in.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from exptrack.actions.keys import SUMMARIES, Key, UnknownKey, metric_key, parse_key
from exptrack.actions.nearest import did_you_mean, nearest
from exptrack.actions.query import Condition
from exptrack.errors import ExptrackError, NoSuchRun
from exptrack.store.schema import clean
from exptrack.typed import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from exptrack.store.index import Index


class Order(NamedTuple):
    key: Key
    is_reversed: bool


class Search(NamedTuple):
    """`rows` gives (id, started, a value for each order key, a value and type for each column)."""

    conditions: Sequence[Condition]
    order: Sequence[Order] = ()
    columns: Sequence[Key] = ()

    def names(self) -> list[Key]:
        """The tags, parameters and metrics it asks about."""
        keys = [c.key for c in self.conditions if c.key] + [o.key for o in self.order] + list(self.columns)
        return [k for k in keys if k.name]

    def rows(self, index: Index, live: Index | None = None, limit: int | None = None) -> list[tuple[Any, ...]]:
        """In the order asked for: missing values last, ties newest first. `live`: runs that are not sealed yet."""
        sealed = self.without(live)
        found = index.select(*sealed._sql(limit))
        unsealed = live.select(*self._sql(limit)) if live else []
        if not unsealed:
            return found
        return self._sorted(found + unsealed)[:limit]

    def count(self, index: Index, live: Index | None = None) -> int:
        searches = [(index, self.without(live)), *([(live, self)] if live else [])]
        return sum(int(i.select(*search._count())[0][0]) for i, search in searches)

    def without(self, live: Index | None) -> Search:
        """The same question about sealed runs only: one that is being continued is as its living attempt says."""
        if live is None:
            return self
        ids = [i for (i,) in live.select("SELECT id FROM runs")]
        marks = ",".join("?" * len(ids))
        return self._replace(conditions=[*self.conditions, Condition(f"r.id NOT IN ({marks})", tuple(ids))])

    def _count(self) -> tuple[str, list[Any]]:
        where, args = self._where()
        return f"SELECT count(*) FROM runs r{where}", args  # noqa: S608 - made of our own words; values are parameters

    def _where(self) -> tuple[str, list[Any]]:
        sql = " AND ".join(f"({c.sql})" for c in self.conditions)
        return f" WHERE {sql}" if sql else "", [a for c in self.conditions for a in c.args]

    def _sql(self, limit: int | None) -> tuple[str, list[Any]]:
        joins, args, order, shown = "", list[Any](), "", ""
        for n, (key, is_reversed) in enumerate(self.order):
            value = key.column
            if key.table != "runs":
                joins += _join(f"s{n}", key)
                args.append(clean(key.name))
                value = f's{n}."{key.column}"'
            shown += f", {value}"
            order += f"{value} IS NULL, {value} {'DESC' if is_reversed else 'ASC'}, "
        for n, key in enumerate(self.columns):
            if key.table == "runs":
                shown += f", {key.column}, NULL"
                continue
            joins += _join(f"c{n}", key)
            args.append(clean(key.name))
            shown += f', c{n}."{key.column}", ' + (f"c{n}.type" if key.table == "params" else "NULL")
        where, more = self._where()
        sql = f"SELECT r.id, r.started{shown} FROM runs r{joins}{where} ORDER BY {order}r.started DESC, r.id DESC"  # noqa: S608
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        return sql, [*args, *more]

    def _sorted(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """What the ORDER BY does, by stable sorts from the last key to the first."""
        rows.sort(key=lambda r: (r[1] is not None, r[1] or 0.0, r[0]), reverse=True)
        for n in reversed(range(len(self.order))):
            there = [r for r in rows if r[2 + n] is not None]
            # SQLite sorts numbers before texts. reverse=True keeps equal rows in their order, as a stable sort does.
            there.sort(key=lambda r: (isinstance(r[2 + n], str), r[2 + n]), reverse=self.order[n].is_reversed)
            rows = there + [r for r in rows if r[2 + n] is None]
        return rows


def _join(alias: str, key: Key) -> str:
    name = "name" if key.table == "metrics" else "key"
    return f" LEFT JOIN {key.table} {alias} ON {alias}.run = r.id AND {alias}.{name} = ?"


def parse_order(keys: Sequence[str]) -> list[Order]:
    """`metrics.val/acc` ascending, `-metrics.val/acc` descending; ExptrackError for a key that has no order."""
    out = []
    for text in keys:
        key = parse_column(text.removeprefix("-"))
        out.append(Order(key, text.startswith("-")))
    return out


def parse_column(text: str) -> Key:
    """A key with one value a run."""
    key = parse_key(text)
    if key.kind == "link":
        raise ExptrackError(f"a run may have several of `{text}`: nothing can be sorted or grouped by it", "")
    return key


def unknown_names(search: Search, indexes: Sequence[Index], columns: Sequence[str] = ()) -> list[str]:
    """A sentence for each tag, parameter or metric in the question, or in `--columns`, that no run has: most likely a
    typing error."""
    keys = [*search.names(), *(k for k in _written_in_full(columns) if k.name)]
    return [what + (f"; {near}" if near else "") for what, near in unknown(keys, indexes)]


def _written_in_full(columns: Sequence[str]) -> list[Key]:
    """Those of `--columns` that say whether they are a tag, a parameter or a metric; the runs say what others are."""
    keys = []
    for text in columns:
        with suppress(ExptrackError):
            keys.append(parse_column(text.strip()))
    return keys


def unknown(keys: Sequence[Key], indexes: Sequence[Index]) -> list[tuple[str, str]]:
    """(what no run has, "did you mean ...?") for each of these tags, parameters and metrics that is one."""
    out = []
    for key in dict.fromkeys(keys):
        sql = f"SELECT 1 FROM {key.table} WHERE {_column(key.table)} = ? LIMIT 1"  # noqa: S608 - our own names
        if not any(i.select(sql, (clean(key.name),)) for i in indexes):
            what = key.table.removesuffix("s").replace("param", "parameter")
            near = did_you_mean(key.name, _known(key.table, indexes), 1)
            out.append((f"no run has the {what} `{key.name}`", near))
    return out


def require_metric(name: str, indexes: Sequence[Index]) -> None:
    """NoSuchRun (exit 3) with the nearest name when no run has this metric."""
    for what, near in unknown([metric_key(name)], indexes):
        raise NoSuchRun(what, near or "`exptrack show` lists the metrics of a run")


def _column(table: str) -> str:
    return "name" if table == "metrics" else "key"


def _known(table: str, indexes: Sequence[Index]) -> list[str]:
    """Every name there: a pass over the table, for questions that nothing answers."""
    column = _column(table)
    sql = f"SELECT DISTINCT {column} FROM {table} ORDER BY {column}"  # noqa: S608 - our own names
    return [name for i in indexes for (name,) in i.select(sql)]


def named_in_full(error: UnknownKey, indexes: Sequence[Index]) -> ExptrackError:
    """The error with the key in full where its text is the bare name of a metric, a parameter or a tag (`val/acc` is
    `metrics.val/acc`), or nearly."""
    name, _, part = error.text.rpartition(".")
    bare = name if name and part in SUMMARIES else error.text
    prefixes = {"metrics": "metrics", "params": "params", "tags": "tag"}
    known = {table: _known(table, indexes) for table in prefixes}
    if full := [f"{prefix}.{error.text}" for table, prefix in prefixes.items() if bare in known[table]]:
        return ExptrackError(error.message, "did you mean " + " or ".join(f"`{n}`" for n in full) + "?")
    if error.hint.startswith("did you mean"):
        return error
    names = {n: f"{prefix}.{n}" for table, prefix in prefixes.items() for n in known[table]}
    near = nearest(bare, names, 1)
    return ExptrackError(error.message, f"did you mean `{names[near[0]]}`?") if near else error
