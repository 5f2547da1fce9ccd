"""What stands where on each command line, for completion: plain data that costs nothing to import.

typer's signatures stay the authority; a test compares this table with them, names, flags and help. A kind says what a
word there can be (cli/candidates.py); a last kind ending in `*` goes on for ever.
"""

from __future__ import annotations

JSON = ("--json", "", "Plain data on stdout and nothing else.")
REASON = ("--reason", "text", "Why; kept in the history.")

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "init": (),
    "run": ("command*",),
    "ls": ("filter*",),
    "show": ("run",),
    "diff": ("run", "run"),
    "logs": ("run",),
    "plot": ("metric", "run*"),
    "parse": ("file",),
    "promote": ("run", "model"),
    "why": ("run", "model"),
    "rollback": ("model", "sequence"),
    "demote": ("model",),
    "models": ("model",),
    "which": ("file-or-model",),
    "tag": ("run", "tag*"),
    "note": ("run", "text"),
    "pin": ("run",),
    "get": ("run", "output*"),
    "restore": ("run", "folder"),
    "reproduce": ("run",),
    "lineage": ("run",),
    "card": ("run-or-model",),
    "best": ("metric", "filter*"),
    "importance": ("metric", "filter*"),
    "gc": (),
    "undo": ("undo-what",),
    "policy": ("policy-action", "file"),
    "verify": ("run*",),
    "recover": (),
    "reindex": (),
    "doctor": (),
    "completion": ("shell",),
}

# (names, kind of the value or "" for a flag, help)
OPTIONS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "run": (
        ("-t --tag", "tag", "Tag; repeatable."),
        ("-n --name", "name", "Name of the run."),
        ("-m --note", "text", "Why this run."),
        ("-g --group", "group", "Group: a sweep, a job array."),
        ("-p --param", "param", "Parameter; repeatable."),
        ("-c --config", "file", "Parameters from YAML, JSON, TOML."),
        ("-i --in", "named-file", "Input: digest and size recorded."),
        ("-o --out", "kind-file", "Output: bytes kept at the end."),
        ("--metrics", "file", "File or folder with metrics, read live."),
        ("--metric", "metric=", "Extra pattern; or FILE.json of them."),
        ("--no-auto", "", "Search for no metric files; read those of --metrics."),
        ("--resume", "run", "Continue this run; without a command, its own."),
        ("--no-policy", "text", "Pass the policy by, where it lets you."),
        ("--child", "", "Inside another run: record as a child run of it."),
        ("--strict", "", "Exit 4 when something mandatory is missing at the end."),
        ("-q --quiet", "", "Print nothing of our own."),
    ),
    "ls": (
        ("--sort", "sort", "As metrics.val/acc; -KEY reverses; repeatable."),
        ("-n --limit", "text", "0: all. On a terminal 50."),
        ("--columns", "keys", "id,name,params.lr,metrics.val/acc.best,…"),
        ("-g --group", "group", "Only runs of this group."),
        ("--group-by", "keys", "One row a value, with --agg."),
        ("--agg", "aggregates", "mean,std,min,max,median,count."),
        JSON,
        ("--csv", "", "RFC 4180, every field or those of --columns."),
    ),
    "show": (JSON,),
    "diff": (
        ("--patch", "", "The lines of the code, for `git apply`."),
        ("--exit-code", "", "Exit 1 when anything differs."),
        JSON,
    ),
    "logs": (
        ("-f --follow", "", "Go on until a live run has ended."),
        ("--stream", "stream", "Only one of the two."),
        ("--attempt", "text", "Only attempt N of a continued run."),
    ),
    "plot": (
        ("--log", "", "Logarithmic y axis."),
        ("--smooth", "text", "0.9: exponential mean; 20: mean of 20 points."),
        ("--x", "axis", "What the x axis counts."),
        ("--width", "text", "Columns; default: the terminal's, 80 in a pipe."),
        ("--height", "text", "Lines; default: the terminal's, 24 in a pipe."),
        ("-f --follow", "", "Draw again until the runs have ended."),
        JSON,
        ("--csv", "", "RFC 4180, one row a point."),
    ),
    "parse": (
        ("--metric", "metric=", "Extra pattern, as for `run`."),
        ("--json", "", "One line of JSON a point."),
    ),
    "promote": (
        REASON,
        ("--dry-run", "", "Only say what would happen, with its exit code."),
        ("--approve", "", "Record your approval of somebody else's run; promotes nothing."),
        ("--withdraw", "", "Take your approval back."),
        ("--new", "", "A new model is meant, though its name is almost a known one."),
        JSON,
    ),
    "why": (JSON,),
    "rollback": (REASON, JSON),
    "demote": (REASON, JSON),
    "models": (JSON,),
    "which": (JSON,),
    "pin": (("--remove", "", "Unpin."),),
    "doctor": (JSON,),
    "get": (("-o --output", "folder", "Where to; made when it is not there."), JSON),
    "lineage": (("--dot", "", "The graph for graphviz."), JSON),
    "card": (
        ("--dataset", "input", "A data set card: name or digest of an input."),
        ("--provenance", "", "An in-toto statement with SLSA provenance."),
        ("-o --output", "file", "Made or updated; else stdout."),
        ("--carbon", "text", "Grams of CO2e a kWh of its grid."),
        ("--force", "", "Also over what was edited between the markers."),
    ),
    "best": (("-n --limit", "text", "The best N runs."), JSON),
    "importance": (JSON,),
    "gc": (
        ("--apply", "", "Do it; without, only say what would go and why."),
        ("--dry-run", "", "Only say; the default."),
        ("--undo", "", "Bring the last batch back, as `exptrack undo gc`."),
        ("--empty-trash", "", "Delete for good what is past the grace period."),
        JSON,
    ),
    "undo": (JSON,),
    "policy": (JSON,),
    "verify": (
        ("--sample", "text", "Read only so much again, chosen by chance."),
        ("--again", "", "Read also what an interrupted verify has read."),
        JSON,
    ),
    "reproduce": (
        ("--dry-run", "", "Only say what is missing today; change nothing."),
        ("--same-environment", "", "Use the recorded interpreter, if it is unchanged."),
        ("--installer", "installer", "What builds it; default uv if there."),
        ("--tolerance", "metric=", "Repeatable; globs too."),
        ("--exact", "", "No tolerance, of the policy neither, and no replicates."),
        ("-o --output", "folder", "Work in this new folder; it stays."),
        ("--keep", "", "Leave the temporary folder."),
        ("-q --quiet", "", "No lines of our own on the way."),
        JSON,
    ),
    "restore": (("--force", "", "Also into a folder that is not empty."),),
}

# model.STATUSES, groups.AGGREGATES and the kinds of outputs, again: importing those modules costs 15 ms.
STATUSES = ("running", "finished", "incomplete", "failed", "killed", "lost")
AGGREGATES = ("mean", "std", "min", "max", "median", "count")
KINDS = ("model", "tokenizer", "preprocessor", "split", "seed", "config", "report")


def option(command: str, word: str) -> tuple[str, str, str] | None:
    """The option of a command that is called so."""
    for entry in OPTIONS.get(command, ()):
        if word in entry[0].split():
            return entry
    return None
