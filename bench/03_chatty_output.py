"""Many metric lines on stdout through the wrapper, against `script` and bare to /dev/null."""

from driver import Space, arguments, interleaved, save, selected, table

a = arguments(__doc__, lines=500000, cap=420)
args = f"--lines {a.lines}"
rows = []
for t in selected(
    a, ["bare", "script", "tee", "guild", "dvc-exp", "mlflow-run", "exptrack-pypi", "sumatra", "exptrack"]
):
    try:
        s = Space(a, t, train_args=args)
        bare = s.bare(args)
        first = s.run(timeout=a.cap)  # the warm-up; a slow tool gets fewer counted runs
        one = s.count()
        n = a.n if first["wall"] < 20 else 1 if first["wall"] < 90 else 0
        if n:
            m = interleaved(
                {"bare": lambda: s.run(bare), "tool": lambda: s.run(timeout=a.cap)}, n, base="bare", warmup=0
            )
            r = m["tool"]
        else:
            b = s.run(bare)
            r = {
                "median_s": first["wall"],
                "ratio": first["wall"] / b["wall"],
                "minus_base_s": first["wall"] - b["wall"],
                "rss_mib": first["rss_mib"],
                "rc": [first["rc"]],
                "n": 1,
            }
        rows.append(
            {"tool": t.name, **r, "points": one.get("points"), "disk_mib": s.disk() / 2**20 / (n + 1 if n else 1)}
        )
        s.remove()
    except Exception as e:
        rows.append({"tool": t.name, "error": str(e)[-300:]})
    print("#", rows[-1], flush=True)
table(rows, ["tool", "n", "median_s", "ratio", "minus_base_s", "rss_mib", "rc", "points", "disk_mib", "error"])
save(a, rows, lines=a.lines)
