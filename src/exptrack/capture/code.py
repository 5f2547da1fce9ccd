"""What a repository can tell about a recorded commit, asked through GitPython when somebody reads or promotes.

Not part of a run: GitPython takes 60 to 110 ms to import, so a run asks the git command (capture/git.py). Everything
here answers None when there is nothing to ask: the repository is gone, git is missing, the commit is unknown.
"""

from __future__ import annotations

from collections.abc import Callable

from exptrack.typed import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from git import Repo

T = TypeVar("T")


class Facts(NamedTuple):
    """A repository as it is now. `is_dirty`: tracked files differ or untracked ones lie about."""

    root: str
    git_version: str
    commit: str | None
    branch: str | None
    is_dirty: bool
    remotes: tuple[str, ...]


def describe(root: str) -> Facts | None:
    """The repository that `root` lies in; None outside every repository, or without git."""
    return _ask(root, _describe)


def is_reachable_from_remote(root: str, commit: str) -> bool | None:
    """Is the commit on a branch that was pushed, as far as the last fetch or push of this clone knows?"""

    def question(repo: Repo) -> bool | None:
        if not _has(repo, commit):
            return None
        return bool(repo.git.for_each_ref("refs/remotes", f"--contains={commit}", "--count=1"))

    return _ask(root, question)


def branches_with(root: str, commit: str) -> tuple[str, ...] | None:
    """Every branch the commit is on: local ones by name, those of remotes as this clone knows them with and without
    the remote's (`origin/main` and `main`)."""

    def question(repo: Repo) -> tuple[str, ...] | None:
        if not _has(repo, commit):
            return None
        listed = repo.git.for_each_ref("refs/heads", "refs/remotes", f"--contains={commit}", "--format=%(refname)")
        names: dict[str, None] = {}
        for ref in str(listed).splitlines():
            _, kind, name = ref.split("/", 2)
            _, _, short = name.partition("/")
            # refs/remotes/origin/HEAD is a pointer to one of the others.
            wanted = [name] if kind == "heads" else [name, short] if short != "HEAD" else []
            names.update(dict.fromkeys(wanted))
        return tuple(names)

    return _ask(root, question)


def email_of(root: str) -> str | None:
    """The e-mail git would sign a commit with here ($GIT_AUTHOR_EMAIL or user.email); None when it knows none."""
    # Only what somebody configured: git would otherwise make one up from the login and host name.
    return _ask(root, lambda repo: _email(str(repo.git(c="user.useConfigOnly=true").var("GIT_AUTHOR_IDENT"))))


def _email(identity: str) -> str | None:
    """`Name <e-mail> seconds zone`, as git writes an identity."""
    return identity.rpartition("<")[2].partition(">")[0] or None


def _describe(repo: Repo) -> Facts:
    from exptrack.capture.redact import clean_url

    return Facts(
        root=str(repo.working_tree_dir or repo.git_dir),
        git_version=".".join(map(str, repo.git.version_info)),
        commit=repo.head.commit.hexsha if repo.head.is_valid() else None,
        branch=None if repo.head.is_detached else repo.active_branch.name,
        is_dirty=repo.is_dirty(untracked_files=True),
        remotes=tuple(clean_url(url) for remote in repo.remotes for url in remote.urls),
    )


def _has(repo: Repo, commit: str) -> bool:
    """Does this clone have the commit? The text comes out of a store: only a plain hash may reach git."""
    from git.exc import GitCommandError

    if not (7 <= len(commit) <= 64 and set(commit) <= set("0123456789abcdef")):
        return False
    try:
        repo.git.cat_file("-e", f"{commit}^{{commit}}")
    except GitCommandError:
        return False
    return True


def _ask(root: str, question: Callable[[Repo], T | None]) -> T | None:
    """Open the repository for one question (GitPython keeps cat-file processes until it is closed)."""
    try:
        from git import Repo
    except ImportError:  # GitPython refuses to be imported where there is no git
        return None
    from git.exc import GitError

    try:
        repo = Repo(root, search_parent_directories=True)
    except GitError:
        return None
    repo.git.update_environment(GIT_OPTIONAL_LOCKS="0", GIT_TERMINAL_PROMPT="0")
    try:
        return question(repo)
    except (GitError, ValueError):
        return None  # git does not trust the owner, or HEAD or the index is broken: nothing can be told
    finally:
        repo.close()
