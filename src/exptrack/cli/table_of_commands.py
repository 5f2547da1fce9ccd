"""Every command: the module of cli/commands that holds it, and its one line in `exptrack --help`. Plain data."""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("recording", "Make .exptrack/ and a commented exptrack.toml."),
    "run": ("recording", "Run and record a training command."),
    "ls": ("reading", "List runs: filter, sort, group, choose columns."),
    "show": ("reading", "Show one run: what, with what, on what, how it went, what it left."),
    "diff": ("reading", "Show what changed between two runs, likeliest cause first."),
    "logs": ("reading", "Print the recorded output of a run."),
    "plot": ("plotting", "Draw curves of metrics in the terminal: several runs, several metrics."),
    "parse": ("reading", "Show what would be recorded from a program's output, line by line, and why."),
    "promote": ("promoting", "Make a run the current run of a model, if it may be."),
    "why": ("promoting", "Say whether a run may be promoted: every gate with its verdict."),
    "rollback": ("promoting", "Go back to an earlier promotion of a model."),
    "demote": ("promoting", "Leave a model without a current run; its history stays."),
    "models": ("promoting", "List the current run of every model, or one model's history."),
    "which": ("promoting", "Find the run that made a file (by content) or holds a model."),
    "tag": ("annotating", "Set or remove tags of a run."),
    "note": ("annotating", "Write a note on a run."),
    "pin": ("annotating", "Keep a run's bytes whatever retention says."),
    "get": ("keeping", "Get a run's artifacts out of the store, digests checked."),
    "restore": ("keeping", "Write the code of a run as it was into a folder."),
    "gc": ("trusting", "Free the bytes of outputs that policy lets go."),
    "undo": ("trusting", "Take back the last `gc --apply`: the bytes come out of the trash."),
    "policy": ("trusting", "Check the policy file, or explain what it asks of a run here."),
    "verify": ("trusting", "Read everything that is named again; say what is missing or altered."),
    "recover": ("keeping", "Seal the runs whose processes are gone."),
    "reindex": ("keeping", "Rebuild index.db from the store."),
    "completion": ("completing", "Print the completion script for bash, zsh or fish."),
}
