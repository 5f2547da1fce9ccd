"""Stores of n finished runs: list the 20 best by a metric filtered on a param, and compare two runs.

`best_s`/`diff_s`: the whole command. `best_api_ms`: only the query, second call in one process
(tools that are asked through their Python API).
"""

import json
import os
import shlex
import time

from driver import HERE, Space, arguments, interleaved, save, selected, table

INNER = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
shim = __import__(sys.argv[2])
getattr(shim, sys.argv[3])()
t = time.monotonic(); got = getattr(shim, sys.argv[3])(); t = time.monotonic() - t
print(json.dumps([t * 1000, len(got)]))
"""
a = arguments(__doc__, sizes="1000,10000,30000", cap=300)
rows = []
for t in selected(a, ["sqlite-floor", "exptrack", "guild", "exptrack-pypi", "mlflow-api", "trackio", "aim", "dvclive"]):
    last = 0
    for n in map(int, a.sizes.split(",")):
        row = {"tool": t.name, "case": n, "note": t.best_note}
        rows.append(row)
        if last * (n / 1000) > a.cap:
            row["error"] = "skipped: making or listing it would take too long"
            continue
        try:
            s = Space(a, t, train_args="--lines 1")
            if t.wrap:
                s.run()  # makes the store, and a model for generate()
            t0 = time.monotonic()
            made = s.shim("generate", str(n), timeout=a.cap)
            row.update(made, make_s=time.monotonic() - t0)
            if "error" in made:
                continue
            shim = [os.path.join(s.bin, "python"), os.path.join(HERE, "shims", t.shim + ".py")]
            best = shlex.split(s.fill(t.best)) if t.best else [*shim, "best"]
            diff = shlex.split(s.fill(t.diff)) if t.diff else [*shim, "diff"]
            first = s.run(best, timeout=120, keep=s.root + "/best")
            row["best_first_s"] = first["wall"]
            row["best_out_lines"] = open(s.root + "/best").read().count("\n")
            s.run(diff, timeout=120, keep=s.root + "/diff")
            row["diff_out_bytes"] = os.path.getsize(s.root + "/diff")
            k = a.n if first["wall"] < 5 else 2
            reads = {name: shlex.split(s.fill(c)) for name, c in t.reads.items()}
            calls = {
                name: (lambda c=c: s.run(c, timeout=120)) for name, c in {"best": best, "diff": diff, **reads}.items()
            }
            m = interleaved(calls, k, warmup=0)
            row.update({name + "_s": m[name]["median_s"] for name in reads})
            row.update(
                best_s=m["best"]["median_s"],
                diff_s=m["diff"]["median_s"],
                best_rss_mib=m["best"]["rss_mib"],
                rc=sum((r["rc"] for r in m.values()), []),
                disk_mib=s.disk() / 2**20,
            )
            if not t.best:
                import subprocess

                r = subprocess.run(
                    [shim[0], "-c", INNER, os.path.join(HERE, "shims"), t.shim, "best"],
                    cwd=s.work,
                    env=s.env,
                    capture_output=True,
                    text=True,
                )
                row["best_api_ms"] = json.loads(r.stdout.splitlines()[-1])[0] if r.returncode == 0 else None
            last = max(row["make_s"], row["best_s"]) / (n / 1000)
            s.remove()
        except Exception as e:
            row["error"] = str(e)[-300:]
            last = a.cap
        print("#", row, flush=True)
table(
    rows,
    [
        "tool",
        "case",
        "make_s",
        "best_first_s",
        "best_s",
        "best_api_ms",
        "diff_s",
        "show_s",
        "ls_s",
        "complete_s",
        "best_rss_mib",
        "disk_mib",
        "best_out_lines",
        "rc",
        "how",
        "error",
    ],
)
save(a, rows)
