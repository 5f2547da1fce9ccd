"""Time from the start of `exptrack run` to the start of its child.

The child writes CLOCK_MONOTONIC, which all processes share, as its first act; so does the same child without exptrack. Both
figures hold that interpreter's own start, and `before_child_ms` is their difference, taken pair by pair.
"""

import os
import shlex
import statistics
import subprocess
import time

from driver import Space, arguments, save, selected, table

STAMP = "import sys, time; t = time.monotonic_ns(); open(sys.argv[1], 'w').write(str(t))"
a = arguments(__doc__, repos="tiny,5000")


def child_start(s, wrapper):
    """Seconds from now to the first statement of the child."""
    stamp = s.root + "/stamp"
    begin = time.monotonic_ns()
    done = subprocess.run(
        [*wrapper, s.py, "-S", "-E", "-c", STAMP, stamp],
        cwd=s.work,
        env=s.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{wrapper}: exit {done.returncode}: {done.stderr[-200:]}")
    with open(stamp) as f:
        at = int(f.read())
    os.unlink(stamp)
    return (at - begin) / 1e9


def ms(seconds):
    return round(statistics.median(seconds) * 1000, 1)


rows = []
for repo in a.repos.split(","):
    size = dict(files=5000, dirty=3, untracked=2) if repo == "5000" else {}
    for t in selected(a, ["exptrack"]):
        try:
            s = Space(a, t, **size)
            wrapper = [*shlex.split(t.wrap.partition(" -- ")[0]), "--"]
            child_start(s, wrapper), child_start(s, [])  # fills the caches
            pairs = [(child_start(s, []), child_start(s, wrapper)) for _ in range(a.n)]
            rows.append(
                {
                    "tool": t.name,
                    "case": repo,
                    "bare_child_start_ms": ms(b for b, _ in pairs),
                    "child_start_ms": ms(w for _, w in pairs),
                    "before_child_ms": ms(w - b for b, w in pairs),
                    "max_ms": round(max(w for _, w in pairs) * 1000, 1),
                }
            )
            s.remove()
        except Exception as e:
            rows.append({"tool": t.name, "case": repo, "error": str(e)[-300:]})
        print("#", rows[-1], flush=True)
table(rows, ["tool", "case", "bare_child_start_ms", "child_start_ms", "before_child_ms", "max_ms", "error"])
save(a, rows)
