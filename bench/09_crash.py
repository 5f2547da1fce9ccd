"""SIGKILL of the wrapper, SIGKILL of the training, and a full disk, each in the middle of a run.

kill-wrapper: the process that was started is killed (wrappers that do not train in-process).
kill-helper:  the largest other process of the run is killed (API trackers with a helper process).
kill-training: the training process is killed.
disk-full:    (root only) the whole work space lies on a small tmpfs that is filled during the run.
Each event comes when 25 of 60 lines (50 of 120 points) have been printed, or after 15 s (a wrapper
that holds the output back); lines_at_event says how many had come through.
"""

import os
import signal
import subprocess
import tempfile
import time

from driver import Space, arguments, save, selected, table

a = arguments(__doc__, cases="kill-wrapper,kill-helper,kill-training,disk-full", cap=45)


def words(mark):
    try:
        return [x.split() for x in open(mark).read().splitlines()]
    except OSError:
        return []


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def family(root):
    """Processes of the run: everything whose environment names this work folder."""
    out = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            if f"BENCH_WORK={root}/work".encode() in open(f"/proc/{p}/environ", "rb").read():
                out[int(p)] = open(f"/proc/{p}/cmdline").read().replace("\0", " ")[:120]
        except OSError:
            pass
    return out


def wait_for(test, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if test():
            return True
        time.sleep(0.02)
    return False


def one(t, case):
    mark = tempfile.mktemp(prefix="mark-", dir=a.tmp)
    args = f"--lines 60 --sleep 0.1 --pad 200 --mark {mark}"
    mount = None
    keep_tmp = a.tmp
    if case == "disk-full":
        mount = tempfile.mkdtemp(prefix="full-", dir=a.tmp)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", mount], check=True)
        a.tmp = mount
    try:
        s = Space(a, t, train_args=args)
    finally:
        a.tmp = keep_tmp
    row = {"tool": t.name, "case": case}
    try:
        out = open(mark + ".out", "wb")
        p = subprocess.Popen(
            s.cmd, cwd=s.work, env=s.env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        if not wait_for(lambda: words(mark), 30):
            p.kill()
            p.wait()
            return {**row, "error": "training did not start"}
        child = int(words(mark)[0][1])

        def printed():
            return open(mark + ".out", errors="replace").read().count("loss=")

        wait_for(lambda: printed() >= 25, 15)
        row["lines_at_event"] = printed()
        if case == "kill-wrapper":
            if child == p.pid:
                p.kill()
                p.wait()
                return {**row, "note": "trains in-process: see kill-training"}
            os.kill(p.pid, signal.SIGKILL)
        elif case == "kill-training":
            os.kill(child, signal.SIGKILL)
        elif case == "kill-helper":
            helpers = {q: c for q, c in family(s.root).items() if q not in (p.pid, child)}

            def rss(q):
                return int(open(f"/proc/{q}/statm").read().split()[1])

            if not helpers:
                p.kill()
                p.wait()
                return {**row, "note": "no helper process"}
            victim = max(helpers, key=rss)
            row["victim"] = helpers[victim].replace(s.root, "")[-60:]
            os.kill(victim, signal.SIGKILL)
        elif case == "disk-full":
            try:
                with open(mount + "/filler", "wb", buffering=0) as f:
                    while True:
                        f.write(b"x" * 4096)
            except OSError:
                pass
        t0 = time.monotonic()
        try:
            row["tool_rc"] = p.wait(a.cap)
        except subprocess.TimeoutExpired:
            row["tool_rc"] = "hangs"
            p.kill()
            p.wait()
        row["wait_s"] = time.monotonic() - t0
        wait_for(lambda: not alive(child), 12)
        row["training_alive_after"] = alive(child)
        got = [w[0] for w in words(mark)]
        row["training_loop_done"] = "trained" in got
        row["training_ended"] = "end" in got
        wait_for(lambda: not set(family(s.root)) - {child}, 8)  # helpers get time to write what they hold
        left = family(s.root)
        for q in left:
            if q == child or case != "disk-full":
                try:
                    os.kill(q, signal.SIGKILL)
                except OSError:
                    pass
        row["left_behind"] = [c.replace(s.root, "")[:60] for c in left.values()]
        if mount:
            os.unlink(mount + "/filler")
            row["out"] = (
                open(mark + ".out", errors="replace").read().strip().splitlines()[-1:][0][-120:]
                if os.path.getsize(mark + ".out")
                else ""
            )
        c = s.count()
        row.update({k: c.get(k) for k in ("runs", "complete", "points", "error") if k in c})
        s.train("--lines 3")
        r = s.run(timeout=60, keep=mark + ".out2")
        c2 = s.count()
        row["next_run_rc"] = r["rc"]
        row["store_usable"] = r["rc"] == 0 and (c2.get("runs") or 0) > (c.get("runs") or 0)
        if not c:  # nothing counts this tool's runs
            row["store_usable"] = None
        elif not row["store_usable"]:
            row["next_out"] = (open(mark + ".out2", errors="replace").read().strip().splitlines() or [""])[-1][:160]
        return row
    finally:
        for f in (mark, mark + ".out", mark + ".out2"):
            if os.path.exists(f):
                os.unlink(f)
        for q in family(s.root):
            try:
                os.kill(q, signal.SIGKILL)
            except OSError:
                pass
        if mount:
            time.sleep(0.3)
            subprocess.run(["umount", "-l", mount])
            os.rmdir(mount)
        else:
            s.remove()


rows = []
for t in selected(
    a,
    [
        "script",
        "exptrack",
        "guild",
        "dvc-exp",
        "mlflow-run",
        "exptrack-pypi",
        "sumatra",
        "wandb",
        "trackio",
        "mlflow-api",
        "aim",
        "exptrack-pypi-api",
        "dvclive",
        "sacred",
    ],
):
    for case in a.cases.split(","):
        if (
            (case == "kill-wrapper" and t.api)
            or (case == "kill-helper" and not t.api)
            or (case == "disk-full" and os.getuid())
        ):
            continue
        try:
            rows.append(one(t, case))
        except Exception as e:
            rows.append({"tool": t.name, "case": case, "error": f"{type(e).__name__}: {e}"[-300:]})
        print("#", rows[-1], flush=True)
table(
    rows,
    [
        "tool",
        "case",
        "tool_rc",
        "training_loop_done",
        "training_ended",
        "runs",
        "complete",
        "points",
        "lines_at_event",
        "store_usable",
        "left_behind",
        "victim",
        "note",
        "error",
    ],
)
save(a, rows)
