"""The product's store in $BENCH_WORK/.exptrack, read and made as docs/format.md describes it.

Not called exptrack.py: beside it the package of that name could not be imported.
"""
import glob
import json
import os
import sys

FOLDER = os.environ["BENCH_WORK"] + "/.exptrack"
ID_SIGNS = "0123456789abcdefghjkmnpqrstvwxyz"


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
    from datetime import datetime, timedelta, timezone

    from stores import runs

    from exptrack import model, wire
    (path,) = glob.glob(FOLDER + "/store/runs/*.json")
    with open(path, "rb") as f:
        real = wire.decode(model.RunManifest, f.read(), path)
    os.unlink(path)
    first = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for i, params, metrics in runs(int(n)):
        at = [(first + timedelta(seconds=i + k)).isoformat(timespec="milliseconds").replace("+00:00", "Z") for k in (0, 0.5)]
        run = replace(
            real, id=identifier(i, real.id), name=f"r{i}", started_at=at[0], ended_at=at[1], params=params,
            metrics={k: model.MetricSummary(first=v, last=v, min=v, max=v, count=1) for k, v in metrics.items()})
        with open(os.path.join(os.path.dirname(path), run.id + ".json"), "wb") as f:
            f.write(wire.encode(run))
    subprocess.run(["exptrack", "reindex"], check=True, stdout=subprocess.DEVNULL)
    return {"how": "a real run's manifest with other params and metrics, then `exptrack reindex`"}


def identifier(i, real):
    """As long as a real one, sorting by i, different in the last signs as if drawn by chance."""
    head, tail = "", ""
    mixed = (i * 2654435761 + 12345) % 2**64
    for _ in range(10):
        head, i = ID_SIGNS[i % 32] + head, i // 32
    while len(head) + len(tail) < len(real):
        tail += ID_SIGNS[mixed % 32]
        mixed = (mixed * 6364136223846793005 + 1442695040888963407) % 2**64
    out = head + tail
    return out.upper() if real.upper() == real else out


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
