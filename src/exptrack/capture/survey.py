"""One look at a work tree before the child starts: which files there are and which of them git could not give back.

Every repository is asked by itself: the top one, populated submodules at any depth, and repositories that lie
untracked inside another. Their gits run side by side; a listing that the last snapshot already had is not asked again.
"""

from __future__ import annotations

import os

from exptrack.capture import git
from exptrack.capture.scope import Scope
from exptrack.capture.seen import Seen
from exptrack.typed import Any

AT_ONCE = 8
ATTRIBUTES = ".gitattributes"
CONVERTING = tuple(word.encode() for word in git.CONVERTING)


class Repository:
    """One repository of the work tree. `prefix` is "" or "libs/x/"; every path is relative to the top one's root.

    `paths`: tracked files that belong to the snapshot; `doubtful`: those of which git's word is not enough, because it
    was told not to look (assume-unchanged, skip-worktree) or compares what a filter made of them; `is_known`: the index
    is the one of the last snapshot, so any other clean file is the file it was then."""

    __slots__ = ("attributes", "doubtful", "folder", "gitlinks", "is_known", "key", "left_out", "paths", "prefix")

    def __init__(self, prefix: str, folder: str, key: str) -> None:
        self.prefix, self.folder, self.key = prefix, folder, key
        self.paths: list[str] = []
        self.gitlinks: list[str] = []
        self.doubtful: list[str] = []
        self.attributes: list[str] = []
        self.left_out: list[str] = []
        self.is_known = False

    def head(self) -> dict[str, Any]:
        """What the next snapshot needs to know it again; `recall` reads it."""
        return {
            "prefix": self.prefix,
            "key": self.key,
            "count": len(self.paths),
            "gitlinks": self.gitlinks,
            "doubtful": self.doubtful,
            "attributes": self.attributes,
            "left_out": self.left_out,
        }

    def recall(self, seen: Seen) -> None:
        """Take the listing from the last snapshot."""
        start, count = seen.segment(self.prefix)
        old = seen.repositories[self.prefix]
        self.paths = seen.paths[start : start + count]
        self.gitlinks, self.left_out = old["gitlinks"], old["left_out"]
        self.doubtful, self.attributes = old["doubtful"], old["attributes"]
        self.is_known = True

    def take_listing(self, data: bytes, scope: Scope, seen: Seen) -> None:
        """Take the listing from git's answer; what the last snapshot had is not judged again."""
        files = []
        for path, head in git.parse_listing(data).items():
            full = self.prefix + path
            if head[2:8] == git.GITLINK:
                self.gitlinks.append(full)
                continue
            files.append(full)
            if head[0] != "H":
                self.doubtful.append(full)
        fresh = [p for p in files if p not in seen.places]
        wanted = set(scope.sift(fresh, self.left_out)) if fresh else set()
        self.paths = [p for p in files if p in seen.places or p in wanted]
        self.attributes = [p for p in files if p.endswith(ATTRIBUTES)]

    def doubt_filtered(self, root: str, loose: list[str]) -> None:
        """Add the files that filters stand before; `loose`: untracked files that may set attributes. git is asked only
        when some attribute file speaks of such things: most speak of line ends, which show in a file's size."""
        sources = [os.path.join(root, p) for p in (*self.attributes, *loose)] + git.attribute_files(self.folder)
        if any(word in _content(path) for path in sources for word in CONVERTING):
            cut = len(self.prefix)
            found = git.filtered(self.folder, [p[cut:] for p in self.paths])
            self.doubtful = sorted({*self.doubtful, *(self.prefix + p for p in found)})


class Survey:
    """The look itself. `begin` starts the gits, `finish` collects; then everything below is filled in."""

    def __init__(self, root: str, scope: Scope, seen: Seen, limit: int) -> None:
        self.root, self.scope, self.seen, self.limit = root, scope, seen, limit
        self.repositories: list[Repository] = []
        self.status = git.Status()
        self.changed: list[str] = []
        self.dirty: list[str] = []
        self.untracked: list[str] = []
        self.left_out: list[str] = []
        self.warnings: list[str] = []
        self.is_git = True
        self._statuses: dict[str, git.Job] = {}
        self._listings: dict[str, git.Job] = {}
        self._keys: dict[str, str] = {}

    def begin(self, top: git.Job) -> None:
        """`top`: the status of the root, already at work. Starts what the last snapshot says will be needed."""
        self._statuses[""] = top
        for prefix in ("", *self.seen.repositories):
            if git.is_repository(os.path.join(self.root, prefix)) and len(self._statuses) <= AT_ONCE:
                self._start(prefix)

    def skip_git(self, reason: str | None) -> None:
        """Instead of `begin`: a folder in no repository, or (`reason`) one without a git to ask."""
        self.is_git = False
        if reason is not None:
            self.warnings.append(_explain(self.root, reason))

    def _start(self, prefix: str) -> None:
        """Start the gits of one repository, unless they are at work."""
        if prefix in self._keys:
            return
        folder = os.path.join(self.root, prefix)
        self._keys[prefix] = git.index_key(folder)
        if prefix not in self._statuses:
            self._statuses[prefix] = git.start(folder, git.STATUS)
        if self.seen.repositories.get(prefix, {}).get("key") != self._keys[prefix]:
            self._listings[prefix] = git.start(folder, git.LISTING)

    def finish(self) -> None:
        """Wait for the gits and go where they point."""
        queue = [""] if self.is_git else []
        if not self.is_git:
            self.untracked += [p for p, _ in self.scope.walk("", self.limit)]
        while queue:
            prefix = queue.pop(0)
            try:
                inner = self._collect(prefix)
            except git.GitTrouble as e:
                self._without_git(prefix, str(e))
                continue
            for path in inner:
                self._enter(path, queue)
        self._sift()

    def _collect(self, prefix: str) -> list[str]:
        """One repository's answers; returns the folders in it that are repositories of their own, or could be."""
        folder = os.path.join(self.root, prefix)
        self._start(prefix)
        status = git.parse_status(git.finish(self._statuses.pop(prefix)))
        key = git.index_key(folder)
        repository = Repository(prefix, folder.rstrip("/"), key)
        job = self._listings.pop(prefix, None)
        if job is not None:
            repository.take_listing(git.finish(job), self.scope, self.seen)
        elif key == self._keys[prefix]:
            repository.recall(self.seen)
        else:  # somebody changed the index while we looked
            repository.take_listing(git.ask(folder, *git.LISTING), self.scope, self.seen)
        loose = [prefix + p for p in (*status.changed, *status.untracked) if p.endswith(ATTRIBUTES)]
        if loose or not repository.is_known:
            repository.doubt_filtered(self.root, loose)
        self.repositories.append(repository)
        if not prefix:
            self.status = status
        self.changed += [prefix + p for p in status.changed]
        self.untracked += [prefix + p for p in status.untracked if not p.endswith("/")]
        return repository.gitlinks + [prefix + p for p in status.untracked if p.endswith("/")]

    def _enter(self, path: str, queue: list[str]) -> None:
        folder = os.path.join(self.root, path.rstrip("/"))
        prefix = path.rstrip("/") + "/"
        if os.path.islink(folder) or not os.path.isdir(folder) or not self.scope.is_wanted(prefix[:-1]):
            return  # not checked out, or a link: then the parent's status has it as a changed file
        if git.is_repository(folder):
            queue.append(prefix)
            if len(self._statuses) <= AT_ONCE:
                self._start(prefix)
        else:  # a submodule's place, filled by hand: git looks away, but the child may import it
            self.untracked += [p for p, _ in self.scope.walk(prefix, self.limit)]

    def _without_git(self, prefix: str, reason: str) -> None:
        """Take a repository that git would not read as a plain folder."""
        for jobs in (self._statuses, self._listings):
            job = jobs.pop(prefix, None)
            if job is not None:
                _let_go(job)
        if not prefix:
            self.is_git = False
        self.warnings.append(_explain(os.path.join(self.root, prefix), reason))
        self.untracked += [p for p, _ in self.scope.walk(prefix, self.limit)]

    def _sift(self) -> None:
        self.left_out += [p for r in self.repositories for p in r.left_out]
        self.untracked = self.scope.sift_untracked(sorted(set(self.untracked)), self.left_out)
        self.changed = sorted(set(self.changed))
        self.dirty = self.scope.sift(self.changed, [])  # the secrets among them are in `left_out` by the listing


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as f:
            return f.read(1 << 20)
    except OSError:
        return b""  # gone, or not to be read: then git does not read it either


def _let_go(job: git.Job) -> None:
    try:
        git.finish(job)
    except git.GitTrouble:
        return  # the repository's first failure is already being told


def _explain(folder: str, reason: str) -> str:
    taken = "all its files were taken as in a plain folder, without .gitignore and without git's facts"
    if "safe.directory" in reason or "dubious ownership" in reason:
        return (
            f"git does not trust {folder} because somebody else owns it: {taken}; "
            f"`git config --global --add safe.directory {folder}` changes that"
        )
    return f"git did not answer for {folder} ({reason}): {taken}"
