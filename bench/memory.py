"""Memory of the tracker beside a training: every process of the run but the training itself, summed.

PSS counts a page shared by k processes as 1/k in each, so its sum is what the machine would get back; the sum of RSS
counts it k times. `steady`: median over the second half of the run. Short-lived helpers are seen when a sample falls on them.
"""

import os
import statistics
import subprocess
import time

from driver import Space, arguments, save, selected, table

CASES = {"quiet": "--lines 120 --sleep 0.05", "chatty": "--lines 1000000"}
a = arguments(__doc__, cases=",".join(CASES), every=0.02, cap=300)


def family(work):
    """Processes whose environment names this work folder."""
    wanted = f"BENCH_WORK={work}\0".encode()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as f:
                if wanted in f.read():
                    yield int(name)
        except OSError:
            continue  # ended meanwhile, or another user's


def memory(pid):
    """(PSS, RSS) in KiB."""
    got = {}
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            for line in f:
                if line.startswith(("Pss:", "Rss:")):
                    got[line[:3]] = int(line.split()[1])
    except OSError:
        pass  # ended meanwhile
    return got.get("Pss", 0), got.get("Rss", 0)


def trainer(mark):
    try:
        with open(mark) as f:
            return int(f.readline().split()[1])
    except (OSError, IndexError, ValueError):
        return None


def watch(s, mark):
    """One run -> [(PSS, RSS, processes)] of everything but the training."""
    samples = []
    p = subprocess.Popen(
        s.cmd, cwd=s.work, env=s.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + a.cap
    while p.poll() is None and time.monotonic() < end:
        child = trainer(mark)
        if child is not None:  # before it has started there is nothing beside it
            each = [memory(q) for q in family(s.work) if q != child]
            each = [m for m in each if m[0]]
            samples.append((sum(m[0] for m in each), sum(m[1] for m in each), len(each)))
        time.sleep(a.every)
    if p.poll() is None:
        p.kill()
    p.wait()
    return samples, p.returncode


rows = []
for t in selected(a, ["exptrack", "guild", "dvc-exp", "mlflow-run", "sumatra"]):
    for case in a.cases.split(","):
        try:
            s = Space(a, t)
            mark = s.root + "/mark"
            s.train(f"{CASES[case]} --mark {mark}")
            samples, rc = watch(s, mark)
            later = samples[len(samples) // 2 :]
            rows.append(
                {
                    "tool": t.name,
                    "case": case,
                    "rc": rc,
                    "samples": len(samples),
                    "processes": max(n for *_, n in samples),
                    "peak_pss_mib": max(p for p, *_ in samples) / 1024,
                    "peak_rss_mib": max(r for _, r, _ in samples) / 1024,
                    "steady_pss_mib": statistics.median(p for p, *_ in later) / 1024,
                    "steady_rss_mib": statistics.median(r for _, r, _ in later) / 1024,
                }
            )
            s.remove()
        except Exception as e:
            rows.append({"tool": t.name, "case": case, "error": str(e)[-300:]})
        print("#", rows[-1], flush=True)
table(
    rows,
    [
        "tool",
        "case",
        "processes",
        "peak_pss_mib",
        "peak_rss_mib",
        "steady_pss_mib",
        "steady_rss_mib",
        "samples",
        "rc",
        "error",
    ],
)
save(a, rows)
