"""Gates on code: committed, on a branch, on a remote.

The repository is asked as it is now, since a commit may have been merged or pushed after the run: first where the code
lay, then, for runs of another machine, in this project. A repository that cannot answer meets no gate: the branch that
a run noted says where it was started, not that the commit ever got there.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from exptrack.actions.gates.case import Case
from exptrack.capture.code import branches_with, is_reachable_from_remote
from exptrack.config import Gates
from exptrack.model import Gate, Run
from exptrack.typed import TypeVar

T = TypeVar("T")
UNKNOWN = "unknown: no such commit in this clone"


def clean_gate(run: Run) -> Gate:
    code = run.manifest.code
    is_clean = code.dirty is False and code.commit is not None
    what = "not under git" if code.commit is None else f"{len(code.changed) + len(code.untracked)} uncommitted files"
    return Gate(
        gate="clean",
        passed=is_clean,
        value="committed" if is_clean else what,
        wanted="committed code",
        hint="" if is_clean else "commit and run again",
    )


def pushed_gate(case: Case) -> Gate:
    """Is the commit on a branch of a remote, as far as the last fetch or push of this clone knows?"""
    answer = _asked(case, is_reachable_from_remote)
    values = {True: "on a remote branch", False: "only here", None: UNKNOWN}
    return Gate(
        gate="pushed",
        passed=answer is True,
        value=values[answer],
        wanted="a commit on a remote branch",
        hint="" if answer else "git push the commit; then ask again",
    )


def branch_gate(case: Case, table: Gates) -> Gate:
    """Is the commit on a branch of this name (a glob), here or, as far as this clone knows, on a remote?"""
    found = _asked(case, branches_with)
    wanted = " or ".join(table.branches)
    met = [b for b in found or () if any(fnmatchcase(b, pattern) for pattern in table.branches)]
    if found is None:
        value, hint = UNKNOWN, "ask where the repository is; `git fetch` when it is behind"
    elif not found:
        value, hint = "on no branch", f"merge the commit into {wanted}; then ask again"
    else:
        value, hint = f"only on {', '.join(found)}", f"merge the commit into {wanted}; then ask again"
    return Gate(
        gate=f"branch {wanted}",
        passed=bool(met),
        value=", ".join(met) or value,
        wanted=f"a commit on {wanted}",
        hint="" if met else hint,
    )


def _asked(case: Case, question: Callable[[str, str], T | None]) -> T | None:
    """The first answer of the places the repository may be; None when none of them has the commit."""
    code = case.run.manifest.code
    if not code.commit:
        return None
    for root in dict.fromkeys((code.root, case.project.root)):
        if root and (answer := question(root, code.commit)) is not None:
            return answer
    return None
