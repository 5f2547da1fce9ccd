"""TOOL --help, TOOL --version, the help of one command and one shell-completion request, whole process."""

import shlex
import sys

from driver import Space, arguments, interleaved, save, selected, table

a = arguments(__doc__)
rows = []
for t in selected(
    a, ["guild", "dvc-exp", "mlflow-run", "exptrack-pypi", "sumatra", "exptrack", "wandb", "trackio", "aim"]
):
    s = Space(a, t)
    cmds = {k: shlex.split(s.fill(c)) for k, c in t.cli.items()}
    calls = {k: (lambda c=c: s.run(c)) for k, c in cmds.items()}
    calls["python"] = lambda: s.run([sys.executable, "-c", "pass"])
    m = interleaved(calls, a.n, base="python")
    rows.append(
        {
            "tool": t.name,
            **{k + "_ms": round(m[k]["median_s"] * 1000) for k in m},
            "rss_mib": m.get("help", m["python"])["rss_mib"],
            "rc": {k: m[k]["rc"] for k in m},
        }
    )
    s.remove()
table(rows, ["tool", "python_ms", "version_ms", "help_ms", "run_help_ms", "complete_ms", "rss_mib", "rc"])
save(a, rows)
