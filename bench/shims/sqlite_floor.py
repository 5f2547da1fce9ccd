"""Floor: plain sqlite3, WAL, one row per point, one transaction per 1,000 rows."""

import json
import os
import sqlite3
import sys

DB = os.environ["BENCH_STORE"] + "/floor.db"
SCHEMA = """
create table if not exists runs(id integer primary key, name text, status text, started real, ended real);
create table if not exists params(run integer, key text, value text, primary key(run, key)) without rowid;
create index if not exists params_kv on params(key, value, run);
create table if not exists points(run integer, key text, step integer, value real, primary key(run, key, step)) without rowid;
create table if not exists last(run integer, key text, value real, primary key(run, key)) without rowid;
create index if not exists last_kv on last(key, value);
"""
db = run = None
rows = []


def connect():
    c = sqlite3.connect(DB, timeout=60)
    c.executescript("pragma journal_mode=wal; pragma synchronous=normal;" + SCHEMA)
    return c


def start(params):
    global db, run
    db = connect()
    run = db.execute("insert into runs(name, status, started) values('bench', 'running', 0)").lastrowid
    db.executemany("insert into params values(?,?,?)", [(run, k, str(v)) for k, v in params.items()])
    db.commit()


def log(metrics, step):
    rows.extend((run, k, step, v) for k, v in metrics.items())
    if len(rows) >= 1000:
        flush()


def flush():
    db.executemany("insert into points values(?,?,?,?)", rows)
    db.executemany("insert or replace into last values(?,?,?)", {k: (r, k, v) for r, k, s, v in rows}.values())
    db.commit()
    rows.clear()


def finish():
    flush()
    db.execute("update runs set status='done', ended=1 where id=?", (run,))
    db.commit()


def count():
    def one(q):
        return connect().execute(q).fetchone()[0]

    return {
        "runs": one("select count(*) from runs"),
        "complete": one("select count(*) from runs where status='done'"),
        "points": one("select count(*) from points"),
    }


def generate(n):
    from stores import runs

    c = connect()
    for i, params, metrics in runs(int(n)):
        c.execute("insert into runs values(?,?,'done',?,?)", (i + 1, f"r{i}", i, i + 1))
        c.executemany("insert into params values(?,?,?)", [(i + 1, k, str(v)) for k, v in params.items()])
        c.executemany("insert into points values(?,?,0,?)", [(i + 1, k, v) for k, v in metrics.items()])
        c.executemany("insert into last values(?,?,?)", [(i + 1, k, v) for k, v in metrics.items()])
    c.commit()
    return {"how": "direct inserts"}


def best():
    return (
        connect()
        .execute(
            "select r.id, r.name, r.status, l.value from last l join params p on p.run = l.run and p.key = 'p0' and p.value = '3' "
            "join runs r on r.id = l.run where l.key = 'm0' order by l.value desc limit 20"
        )
        .fetchall()
    )


def diff():
    c = connect()

    def get(q, r):
        return dict(c.execute(q, (r,)).fetchall())

    out = []
    for q in ("select key, value from params where run=?", "select key, value from last where run=?"):
        x, y = get(q, 1), get(q, 2)
        out += [(k, x.get(k), y.get(k)) for k in sorted(set(x) | set(y)) if x.get(k) != y.get(k)]
    return out


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
