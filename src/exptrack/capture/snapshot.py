"""The code as it is when a run starts, in two steps: what git could not give back before the child, the rest beside it.

`begin` starts `git status` and returns; `keep_dirty` stores changed and untracked files, or refuses when the whole is
too large, before it reads a byte; `complete` (it may run in a fork) adds the clean files and writes the tree.
Only `git` is imported at the top: the rest loads while git is at work.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence

from exptrack.capture import git
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.capture.masked_copy import Keeper
    from exptrack.capture.seen import Row
    from exptrack.capture.tree import Tree
    from exptrack.model import CodeState, StoredFile

# A file's time may be one tick of the kernel's clock behind the time of day.
TICK = 10_000_000


class Snapshot:
    """One snapshot being taken. Survives a fork between `keep_dirty` and `complete`: it holds plain data only."""

    def __init__(self, start: str, root: str, max_bytes: int) -> None:
        self.start, self.root, self.max_bytes = start, root, max_bytes
        self.began = self.ready = time.time_ns()
        self.before: dict[str, Row] = {}

    @staticmethod
    def begin(
        root: str,
        *,
        exclude: Sequence[str],
        max_bytes: int,
        folder: str,
        cache_folder: str,
        store: str = "",
        cwd: str = "",
        secrets: str = "mask",
        secret_names: Sequence[str] = (),
        secret_places: Sequence[str] = (),
        data: Sequence[str] = (),
    ) -> Snapshot:
        """Start looking at the repository that `root` lies in, else at that of `cwd`, else at `root` as a plain folder.

        `exclude`: globs of `[snapshot] exclude`; `max_bytes`: refuse above; `folder`, `store`: exptrack's own folders,
        never part of the code; `cache_folder`: where the next snapshot finds what this one saw; `cwd`: the child's;
        `secrets`: what is done about those in the code (mask, refuse, keep), but not for these names and in these
        places (globs); `data`: declared data and weights, as seen from `cwd`, no code where git does not track it."""
        start, root = os.path.realpath(cwd or root), os.path.realpath(root)
        top = git.find_root(root) or git.find_root(start)
        snapshot = Snapshot(start, top or root, max_bytes)
        job, trouble = None, None
        if top is not None:
            try:
                job = git.start(top, git.STATUS)
            except git.GitTrouble as e:
                trouble = str(e)
        ours = [os.path.realpath(f) for f in (folder, store) if f]
        places = [os.path.normpath(os.path.join(start, os.path.expanduser(d))) for d in data]
        # A folder that the command is run in is not data alone.
        places = [p for p in places if not (start + "/").startswith(p + "/")]
        snapshot._prepare(exclude, ours, places, cache_folder, (secrets, secret_names, secret_places))
        if job is not None:
            snapshot.survey.begin(job)
        else:
            snapshot.survey.skip_git(trouble)
        return snapshot

    def _prepare(
        self,
        exclude: Sequence[str],
        ours: Sequence[str],
        data: Sequence[str],
        cache_folder: str,
        secrets: tuple[str, Sequence[str], Sequence[str]],
    ) -> None:
        from exptrack.capture.keep import Collection
        from exptrack.capture.masked_copy import Masking
        from exptrack.capture.scope import Scope
        from exptrack.capture.seen import CACHE_FILE, load
        from exptrack.capture.survey import Survey

        self.cache_folder = cache_folder
        masking = Masking(*secrets)
        # What the last snapshot stored under another rule is not what this one would store.
        self.settings = repr((self.root, sorted(exclude), sorted(ours), masking.key))
        seen = load(os.path.join(cache_folder, CACHE_FILE), self.settings)
        self.survey = Survey(self.root, Scope(self.root, exclude, ours, data), seen, self.max_bytes)
        self.collection = Collection(self.root, seen, masking, cache_folder)

    def keep_dirty(self, keeper: Keeper) -> None:
        """Store what git could not give back. Raises NotStarted (exit 125) before reading anything when all files
        together are over the limit, or when there are secrets in them that are to be refused; OSError when the store
        will not take them."""
        from exptrack.capture.weight import weigh

        self.survey.finish()
        for path, row in weigh(self.survey, self.collection.seen, self.before, self.max_bytes).items():
            self.collection.keep(keeper, path, row)
        self.collection.refuse_secrets()
        self.ready = max(self.began, time.time_ns() - TICK)

    def complete(
        self, keeper: Keeper, encode_tree: Callable[[Iterable[StoredFile]], bytes]
    ) -> tuple[CodeState, list[str]]:
        """Add the clean files, write the tree -> the state of the code and what went wrong on the way. A full disk is
        a warning and a state without a tree: the child is running, and a run without its snapshot is still a run."""
        from exptrack.capture.tree import Tree

        warnings: list[str] = []
        tree = Tree(self.survey, self.collection, self.before, ready=self.ready, folder=self.cache_folder)
        digest = None
        try:
            digest = tree.write(keeper, encode_tree, self.settings)
        except (OSError, git.GitTrouble) as e:
            warnings.append(f"the code snapshot could not be completed: {e}")
        if digest and self.survey.is_git and self.start != self.root:
            inside = os.path.relpath(self.start, self.root) + "/"
            if self._had_files() and not any(p.startswith(inside) for p in tree.paths):
                warnings.append(f"git ignores {inside}: none of its files are in the code snapshot")
        warnings += self._late_secrets(tree)
        return self._state(tree, digest), [*self.survey.warnings, *self.collection.warnings, *warnings]

    def _had_files(self) -> bool:
        """Did the child's folder hold anything when it started? What it has written since is no code."""
        from exptrack.capture.seen import ABSENT, look_at

        try:
            rows = [look_at(os.path.join(self.start, name)) for name in os.listdir(self.start)]
        except OSError:
            return False  # the child took its folder away
        return any(row[3] < self.began for row in rows if row != ABSENT)

    def _late_secrets(self, tree: Tree) -> list[str]:
        """Secrets in committed files, where they were to be refused: found when the child was running already."""
        from exptrack.capture.masked_copy import REFUSE

        if self.collection.masking.rule != REFUSE or not tree.masked:
            return []
        files = ", ".join(sorted(tree.masked))
        return [f"there are secrets in committed code, masked in the snapshot: {files}"]

    def _state(self, tree: Tree, digest: str | None) -> CodeState:
        from exptrack.capture.keep import places_of
        from exptrack.capture.redact import clean_url
        from exptrack.model import CodeState

        survey, left_out = self.survey, {*self.survey.left_out, *self.collection.left_out}
        url = git.remote_url(tree.settings.get("", {}), survey.status.upstream)
        is_git = survey.is_git
        return CodeState(
            root=self.root,
            commit=survey.status.commit,
            branch=survey.status.branch,
            remote=clean_url(url) if url else None,
            dirty=bool(survey.changed or survey.untracked) if is_git else None,
            tree=digest,
            files=tree.count if digest else 0,
            changed=tuple(survey.changed) if is_git else (),
            untracked=tuple(survey.untracked) if is_git else (),
            left_out=tuple(sorted(left_out)),
            masked=tuple(place for path in sorted(tree.masked) for place in places_of(path, tree.masked[path])),
        )
