"""sumatra records runs and their stdout; it has no metrics."""

import json
import os
import sqlite3
import sys


def count():
    c = sqlite3.connect(os.environ["BENCH_WORK"] + "/.smt/records")

    def one(q):
        return c.execute(q).fetchone()[0]

    return {
        "runs": one("select count(*) from django_store_record"),
        "complete": one("select count(*) from django_store_record where duration is not null"),
        "points": 0,
    }


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
