"""Save one large file and many small ones as artifacts; then again with identical content.

API trackers get the paths through their artifact call and are compared with a training that saves
nothing. Wrappers get a training that copies the files to ./outputs and are compared with that
training alone. The yardstick is `cp -r` of the same files plus `sha256sum` of every file.
"""

import os
import shutil

from driver import Space, arguments, save, selected, table, timed

a = arguments(__doc__, mib=1024, small=2000, small_kib=20, cap=300)
src = os.path.join(a.tmp, "artifact-source")
shutil.rmtree(src, ignore_errors=True)
os.makedirs(src + "/many")
with open(src + "/big.bin", "wb") as f:
    for _ in range(a.mib):
        f.write(os.urandom(1 << 20))
for i in range(a.small):
    with open(f"{src}/many/f{i:05d}.bin", "wb") as f:
        f.write(os.urandom(a.small_kib << 10))
payload = a.mib + a.small * a.small_kib / 1024
rows, env = [], {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def yardstick():
    dst = os.path.join(a.tmp, "artifact-copy")
    shutil.rmtree(dst, ignore_errors=True)
    os.sync()
    cp = timed(["cp", "-r", src, dst], a.tmp, env)["wall"]
    sha = timed(["sh", "-c", f"find {src} -type f -print0 | xargs -0 sha256sum"], a.tmp, env)["wall"]
    shutil.rmtree(dst)
    return cp, sha


cps = [yardstick() for _ in range(3)]
base = sorted(c + s for c, s in cps)[1]
rows.append(
    {
        "tool": "cp -r + sha256sum",
        "first_s": base,
        "ratio": 1.0,
        "note": f"cp {sorted(c for c, _ in cps)[1]:.2f} s, sha256sum {sorted(s for _, s in cps)[1]:.2f} s",
    }
)
for t in selected(
    a,
    [
        "exptrack-outs",
        "exptrack-api",
        "guild",
        "dvc-exp-outs",
        "wandb",
        "trackio",
        "mlflow-api",
        "aim",
        "exptrack-pypi-api",
        "sacred",
        "dvclive",
    ],
):
    try:
        if not t.api and not t.saves:
            continue
        plain = "--lines 10"
        args = f"{plain} --save art/big.bin art/many" if t.api else f"{plain} --copy-from {src}"
        s = Space(a, t, train_args=args)
        if t.api:
            timed(["cp", "-al", src, s.work + "/art"], a.tmp, env)  # hard links, inside the repository
        bare_args = plain if t.api else args
        row = {"tool": t.name}
        for k in ("first", "second"):
            os.sync()  # write-back of the step before is not part of the next
            b = s.run(s.bare(bare_args))
            shutil.rmtree(s.work + "/outputs", ignore_errors=True)
            d = s.disk(s.home)
            c = yardstick()
            os.sync()
            r = s.run(timeout=a.cap, keep=s.root + "/out-" + k)
            row.update(
                {
                    k + "_s": r["wall"],
                    k + "_minus_bare_s": r["wall"] - b["wall"],
                    k + "_disk_mib": (s.disk(s.home) - d) / 2**20,
                    k + "_rc": r["rc"],
                    "rss_mib": r["rss_mib"],
                    k + "_ratio": (r["wall"] - b["wall"]) / sum(c),
                }
            )
        # part of the disk figures: what lies under HOME, outside the tool's own store
        row["home_mib"] = sum(os.lstat(os.path.join(r, f)).st_size for r, _, fs in os.walk(s.home) for f in fs) / 2**20
        rows.append(row)
        s.remove()
    except Exception as e:
        rows.append({"tool": t.name, "error": str(e)[-300:]})
    print("#", rows[-1], flush=True)
shutil.rmtree(src)
table(
    rows,
    [
        "tool",
        "first_s",
        "first_minus_bare_s",
        "first_ratio",
        "first_disk_mib",
        "second_s",
        "second_ratio",
        "second_disk_mib",
        "first_rc",
        "rss_mib",
        "home_mib",
        "note",
        "error",
    ],
)
save(a, rows, payload_mib=payload)
