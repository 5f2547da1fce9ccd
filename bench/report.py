"""Print the tables of results/*.json as Markdown (docs/benchmarks.md is made of them): python report.py [FOLDER]"""

import json
import os
import sys

from driver import HERE, table
from tools import TOOLS

COLUMNS = {
    "01_wrap_overhead": [
        "tool",
        "case",
        "median_s",
        "min_s",
        "max_s",
        "minus_base_s",
        "ratio",
        "rss_mib",
        "disk_kib_per_run",
        "error",
    ],
    "02_cli_startup": ["tool", "python_ms", "version_ms", "help_ms", "run_help_ms", "complete_ms", "rss_mib"],
    "03_chatty_output": ["tool", "n", "median_s", "ratio", "minus_base_s", "rss_mib", "points", "disk_mib", "error"],
    "04_metric_ingest": [
        "tool",
        "case",
        "n",
        "wall_s",
        "minus_bare_s",
        "points",
        "points_per_s",
        "bytes_per_point",
        "rss_mib",
        "note",
        "error",
    ],
    "05_list_diff_latency": [
        "tool",
        "case",
        "best_first_s",
        "best_s",
        "best_api_ms",
        "diff_s",
        "show_s",
        "ls_s",
        "complete_s",
        "best_rss_mib",
        "disk_mib",
        "make_s",
        "note",
        "error",
    ],
    "07_artifact_save": [
        "tool",
        "first_minus_bare_s",
        "first_ratio",
        "first_disk_mib",
        "second_minus_bare_s",
        "second_ratio",
        "second_disk_mib",
        "rss_mib",
        "note",
        "error",
    ],
    "08_concurrency": ["tool", "exit0", "runs", "complete", "points", "wall_s", "bare_s", "ratio", "why", "error"],
    "09_crash": [
        "tool",
        "case",
        "tool_rc",
        "training_loop_done",
        "runs",
        "complete",
        "points",
        "store_usable",
        "note",
        "error",
    ],
    "10_secrets": None,
    "memory": ["tool", "case", "processes", "peak_pss_mib", "peak_rss_mib", "steady_pss_mib", "error"],
    "startup": ["tool", "case", "child_start_ms", "bare_child_start_ms", "before_child_ms", "error"],
}
ORDER = [t.name for t in TOOLS]
folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "results")
for name, columns in COLUMNS.items():
    path = os.path.join(folder, name + ".json")
    if not os.path.exists(path):
        continue
    with open(path) as f:
        data = json.load(f)
    rows = sorted(data["rows"], key=lambda r: ORDER.index(r["tool"]) if r["tool"] in ORDER else -1)
    columns = columns or [k for k in rows[0] if k != "where"]
    if not any(r.get("error") for r in rows):
        columns = [c for c in columns if c != "error"]
    if not any(r.get("note") for r in rows):
        columns = [c for c in columns if c != "note"]
    print(f"\n### {name} ({data['date']})\n")
    table(rows, columns)
