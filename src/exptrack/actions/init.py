"""`init`: make .exptrack/ and a commented policy file. A file that is there is never touched."""

from __future__ import annotations

import os

from exptrack.config import FILE, Project, find_project
from exptrack.errors import ExptrackError
from exptrack.files import write_atomic
from exptrack.store.place import open_store
from exptrack.typed import NamedTuple

TEMPLATE = """\
# The policy of this project. Every key is optional; docs/policy.md explains each.
# `exptrack run` refuses to start when [require] is not met; a run that lacks something of [require.end] is
# `incomplete` and cannot be promoted.

# project = "churn"                      # also counts as the tag `project`
# store = "/shared/team/exptrack"        # default: .exptrack/store
# shared = true                          # open the store to the group of its folder

# [tags]                                 # defaults for every run
# owner = "vision"                       # "$git": who git says is at work

# [require]
# tags = ["project", "owner", "intent"]
# name = '^[a-z0-9][a-z0-9-]*$'
# bypass = true                          # allow --no-policy REASON; such a run cannot be promoted

# [require.allowed]                      # values, or a regular expression
# intent = ["baseline", "ablation", "release"]
# owner = '^[a-z.]+$'

# [require.end]
# metrics = ["val/acc"]
# outputs = ["model", "tokenizer", "split", "seed"]

# [metrics]
# goals = { "val/acc" = "max", "*loss*" = "min" }
# patterns = { "tokens_per_s" = 'throughput: ([0-9.]+)' }
# ignore = ["debug/*"]
# rename = { "validation accuracy" = "val/acc" }

# [promote.churn-prod]                   # gates; the name may be a glob
# metrics = ["val/acc >= 0.90"]
# better_than_current = "val/acc"
# min_delta = 0.001
# clean = false                          # true: only runs of committed code
# pushed = false                         # true: only runs whose commit is on a remote branch
# outputs = ["model"]
# replicates = 3                         # better over so many seeds of both configurations, with p = 0.05
# branch = "main"                        # the commit is on it
# same_inputs = ["test"]                 # measured on the same bytes as the current run
# reproduced = "30d"                     # `exptrack reproduce` said so, not longer ago
# approvals = 1                          # by somebody other than the owner: promote RUN MODEL --approve

# [hooks]                                # told afterwards, JSON on stdin
# on_promote = ["./deploy.sh"]
# on_demote = ["./stop.sh"]

# [retention]
# window = "90d"
# keep = ["promoted", "pinned", "best:val/acc:5"]
# max_size = "500 GB"
# grace = "7d"
# orphans = "14d"

# [reproduce]
# tolerance = { "val/acc" = 0.005, "*loss*" = "1%" }

# [snapshot]
# exclude = ["data/**", "*.ckpt"]
# max_size = "200 MB"
# secrets = "mask"                       # in the kept copy of the code; or "refuse", "keep"
"""


class Made(NamedTuple):
    """Where things are, and which of them are new."""

    project: Project
    policy: str
    is_new_folder: bool
    is_new_policy: bool


def make_project(project: Project) -> bool:
    """The folders of a project; True when they are new. ExptrackError when they cannot be made."""
    is_new = not os.path.isdir(project.folder)
    try:
        for folder in (project.folder, project.live, project.cache):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        ignore = os.path.join(project.folder, ".gitignore")
        if not os.path.exists(ignore):
            write_atomic(ignore, b"*\n", durable=False)
    except OSError as e:
        raise ExptrackError(
            f"cannot make {project.folder}: {e.strerror}",
            "set $EXPTRACK_DIR to a folder you may write, or `store =` in exptrack.toml",
        ) from e
    return is_new


def init() -> Made:
    """Make the project here (at the git root, else in the current folder)."""
    project = find_project(create=True)
    assert project is not None  # create=True always answers
    is_new_folder = make_project(project)
    open_store(project.store, create=True, is_shared=project.config.is_store_shared)
    if project.config.path:
        return Made(project, project.config.path, is_new_folder, False)
    path = os.path.join(project.root, FILE)
    try:
        write_atomic(path, TEMPLATE.encode(), mode=None, create_only=True)
    except OSError as e:
        raise ExptrackError(f"cannot write {path}: {e.strerror}", "check permissions and space there") from e
    return Made(project, path, is_new_folder, True)
