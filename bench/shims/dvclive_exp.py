"""dvclive in a git + dvc repository; each run is a dvc experiment (a git ref)."""

import json
import os
import subprocess
import sys

live = None


def start(params):
    global live
    from dvclive import Live

    live = Live(save_dvc_exp=True, report=None)
    live.log_params(params)


def log(metrics, step):
    live.step = step
    for k, v in metrics.items():
        live.log_metric(k, v)
    live.next_step()


def artifact(path):
    live.log_artifact(path)


def finish():
    live.end()


def count():
    work = os.environ["BENCH_WORK"]

    def git(*a):
        return subprocess.run(["git", "-C", work, *a], capture_output=True, text=True).stdout

    refs = [
        r
        for r in git("for-each-ref", "--format=%(refname)", "refs/exps").split()
        if "/exec/" not in r and not r.startswith(("refs/exps/celery", "refs/exps/temp"))
    ]
    points = 0
    for r in refs:
        for f in git("ls-tree", "-r", "--name-only", r, "dvclive/plots/metrics/").split():
            points += max(0, len(git("show", f"{r}:{f}").splitlines()) - 1)
    return {"runs": len(refs), "complete": len(refs), "points": points}


def generate(n):
    """One experiment ref per run, children of HEAD, through git fast-import."""
    from stores import runs

    work = os.environ["BENCH_WORK"]

    def git(*a, **k):
        return subprocess.run(["git", "-C", work, *a], check=True, capture_output=True, **k)

    for name, text in (
        ("params.yaml", "p0: 0\n"),
        ("metrics.json", "{}\n"),
        ("dvc.yaml", "params: [params.yaml]\nmetrics: [metrics.json]\n"),
    ):
        open(os.path.join(work, name), "w").write(text)
    git("add", "-A")
    git("commit", "-qm", "params and metrics")
    head = git("rev-parse", "HEAD").stdout.decode().strip()
    out = []
    for i, params, metrics in runs(int(n)):
        p = "".join(f"{k}: {v}\n" for k, v in params.items())
        m = json.dumps(metrics) + "\n"
        out.append(
            f"commit refs/exps/{head[:2]}/{head[2:]}/r{i}\ncommitter b <b@example.invalid> {1767225600 + i} +0000\n"
            f"data 1\nx\nfrom {head}\nM 644 inline params.yaml\ndata {len(p)}\n{p}\nM 644 inline metrics.json\ndata {len(m)}\n{m}\n\n"
        )
    git("fast-import", "--quiet", input="".join(out).encode())
    return {"how": "git fast-import of experiment refs"}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
