"""The product's store in $BENCH_WORK/.exptrack, read and made as docs/format.md describes it.

Not called exptrack.py: beside it the package of that name could not be imported.
"""
import glob
import json
import os
import sys

FOLDER = os.environ["BENCH_WORK"] + "/.exptrack"
FIRST = 1767225600      # 2026-01-01, in seconds since the epoch


def count():
    """Sealed runs from their manifests; runs that nobody has sealed yet from their points file, as not complete."""
    runs = done = points = 0
    sealed = set()
    for path in glob.glob(FOLDER + "/store/runs/*.json"):
        with open(path, "rb") as f:
            manifest = json.load(f)
        sealed.add(manifest["id"])
        runs += 1
        done += manifest["status"] == "finished"
        points += sum(m["count"] for m in manifest["metrics"].values())
    for folder in glob.glob(FOLDER + "/live/*"):
        if os.path.basename(folder) in sealed or not os.path.exists(folder + "/start.json"):
            continue
        runs += 1
        if os.path.exists(folder + "/points.jsonl"):
            with open(folder + "/points.jsonl", "rb") as f:
                points += sum(1 for _ in f)
    return {"runs": runs, "complete": done, "points": points}


def generate(n):
    """The manifest of a real run, made by the harness before, written n times with other params and metrics."""
    import subprocess
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
            real, id=new_id(at), name=f"r{i}", started_at=utc(at), ended_at=utc(at + 0.5), params=params,
            metrics={k: model.MetricSummary(first=v, last=v, min=v, max=v, count=1) for k, v in metrics.items()})
        with open(os.path.join(os.path.dirname(path), run.id + ".json"), "wb") as f:
            f.write(wire.encode(run))
    subprocess.run(["exptrack", "reindex"], check=True, stdout=subprocess.DEVNULL)
    return {"how": "a real run's manifest with other params and metrics, then `exptrack reindex`"}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
