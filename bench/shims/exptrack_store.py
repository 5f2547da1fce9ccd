"""The product's store in $BENCH_WORK/.exptrack, read and made as docs/format.md describes it.

Not called exptrack.py: beside it the package of that name could not be imported.
"""

import glob
import json
import os
import subprocess
import sys

FOLDER = os.environ["BENCH_WORK"] + "/.exptrack"
FIRST = 1767225600  # 2026-01-01, in seconds since the epoch


def unsealed():
    """Folders of runs that have begun and have no manifest."""
    return [
        f
        for f in glob.glob(FOLDER + "/live/*")
        if os.path.exists(f + "/start.json") and not os.path.exists(f"{FOLDER}/store/runs/{os.path.basename(f)}.json")
    ]


def count():
    """What the manifests say. A run that nobody could seal (full disk) is first given to `exptrack recover`."""
    if unsealed():
        subprocess.run(["exptrack", "recover"], check=True, stdout=subprocess.DEVNULL)
    runs, done, points = len(unsealed()), 0, 0
    for path in glob.glob(FOLDER + "/store/runs/*.json"):
        with open(path, "rb") as f:
            manifest = json.load(f)
        runs += 1
        done += manifest["status"] == "finished"
        points += sum(m["count"] for m in manifest["metrics"].values())
    return {"runs": runs, "complete": done, "points": points}


def generate(n):
    """The manifest of a real run, made by the harness before, written n times with other params and metrics."""
    from dataclasses import replace

    from stores import runs

    from exptrack import model, wire
    from exptrack.record.rundir import new_id, utc

    (path,) = glob.glob(FOLDER + "/store/runs/*.json")
    with open(path, "rb") as f:
        real = wire.decode(model.RunManifest, f.read(), path)
    os.unlink(path)
    for i, params, metrics in runs(int(n)):
        at = FIRST + i
        run = replace(
            real,
            id=new_id(at),
            name=f"r{i}",
            started_at=utc(at),
            ended_at=utc(at + 0.5),
            params=params,
            metrics={k: model.MetricSummary(first=v, last=v, min=v, max=v, count=1) for k, v in metrics.items()},
        )
        with open(os.path.join(os.path.dirname(path), run.id + ".json"), "wb") as f:
            f.write(wire.encode(run))
    subprocess.run(["exptrack", "reindex"], check=True, stdout=subprocess.DEVNULL)
    return {"how": "a real run's manifest with other params and metrics, then `exptrack reindex`"}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
