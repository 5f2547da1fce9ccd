"""exptrack 2.x from PyPI (another project of the same name), SQLite under .exptrack/ in the working folder."""

import glob
import json
import os
import sqlite3
import sys

run = None


def start(params):
    global run
    from exptrack import Experiment

    run = Experiment(name="bench", params=params)


def log(metrics, step):
    run.log_metrics(metrics, step=step)


def artifact(path):
    if os.path.isdir(path):
        for root, _, files in os.walk(path):
            for f in files:
                run.log_artifact(os.path.join(root, f))
    else:
        run.log_artifact(path)


def finish():
    run.finish()


def count():
    c = sqlite3.connect(glob.glob(os.environ["BENCH_WORK"] + "/.exptrack/*.db")[0])

    def one(q):
        return c.execute(q).fetchone()[0]

    return {
        "runs": one("select count(*) from experiments"),
        "complete": one("select count(*) from experiments where status='done'"),
        "points": one("select count(*) from metrics"),
    }


def generate(n):
    from stores import runs

    c = sqlite3.connect(glob.glob(os.environ["BENCH_WORK"] + "/.exptrack/*.db")[0])
    for i, params, metrics in runs(int(n)):
        h, t = f"{i:012x}", f"2026-01-01T00:00:00.{i:06d}+00:00"
        c.execute(
            "insert into experiments(id, project, name, status, created_at, updated_at, script, command, git_branch,"
            " git_commit, hostname, python_ver, duration_s, notes, tags) values(?,'bench',?,'done',?,?,'train.py',"
            "'train.py','main','0','h','3.11',1,'','[]')",
            (h, f"r{i}", t, t),
        )
        c.executemany(
            "insert into params(exp_id, key, value) values(?,?,?)", [(h, k, json.dumps(v)) for k, v in params.items()]
        )
        c.executemany(
            "insert into metrics(exp_id, key, value, step, ts) values(?,?,?,0,?)",
            [(h, k, v, t) for k, v in metrics.items()],
        )
    c.commit()
    return {"how": "direct inserts"}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
