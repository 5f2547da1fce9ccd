"""mlflow Python client, SQLite backend at $MLFLOW_TRACKING_URI."""

import json
import os
import sqlite3
import sys


def start(params):
    import mlflow

    mlflow.start_run()
    mlflow.log_params(params)


def log(metrics, step):
    import mlflow

    mlflow.log_metrics(metrics, step=step)


def artifact(path):
    import mlflow

    (mlflow.log_artifacts if os.path.isdir(path) else mlflow.log_artifact)(path)


def finish():
    import mlflow

    mlflow.end_run()


def count():
    c = sqlite3.connect(os.environ["MLFLOW_TRACKING_URI"][len("sqlite:///") :])

    def one(q):
        return c.execute(q).fetchone()[0]

    return {
        "runs": one("select count(*) from runs"),
        "complete": one("select count(*) from runs where status='FINISHED'"),
        "points": one("select count(*) from metrics"),
    }


def generate(n):
    from stores import runs

    c = sqlite3.connect(os.environ["MLFLOW_TRACKING_URI"][len("sqlite:///") :])
    exp = c.execute("select experiment_id from experiments where name='bench'").fetchone()[0]
    for i, params, metrics in runs(int(n)):
        h = f"{i:032x}"
        c.execute(
            "insert into runs(run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,"
            " end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)"
            " values(?,?,'LOCAL','train.py','','u','FINISHED',?,?,'','active','',?)",
            (h, f"r{i}", i, i + 1, exp),
        )
        c.execute("insert into tags(key, value, run_uuid) values('mlflow.runName', ?, ?)", (f"r{i}", h))
        c.executemany(
            "insert into params(key, value, run_uuid) values(?,?,?)", [(k, str(v), h) for k, v in params.items()]
        )
        c.executemany(
            "insert into metrics(key, value, timestamp, run_uuid, step, is_nan) values(?,?,?,?,0,0)",
            [(k, v, i, h) for k, v in metrics.items()],
        )
        c.executemany(
            "insert into latest_metrics(key, value, timestamp, step, is_nan, run_uuid) values(?,?,?,0,0,?)",
            [(k, v, i, h) for k, v in metrics.items()],
        )
    c.commit()
    return {"how": "direct inserts"}


def best():
    import mlflow

    got = mlflow.search_runs(
        experiment_names=["bench"],
        filter_string="params.p0 = '3'",
        order_by=["metrics.m0 DESC"],
        max_results=20,
        output_format="list",
    )
    return [[r.info.run_id, r.data.metrics["m0"]] for r in got]


def diff():
    import mlflow

    a, b = (mlflow.get_run(f"{i:032x}").data for i in (0, 1))
    return [
        (k, x.get(k), y.get(k))
        for x, y in ((a.params, b.params), (a.metrics, b.metrics))
        for k in sorted(set(x) | set(y))
        if x.get(k) != y.get(k)
    ]


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
