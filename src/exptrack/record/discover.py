"""Which files under the working folder appeared or changed since the run began: watched, not walked.

One bounded look at the start says what was there before; later looks ask each known folder for its mtime and list it
again only when that moved, new folders first. A look costs at most ENTRIES directory entries, and the next one comes
after SHARE times its duration, so that a tree of any size takes less than half a per cent of one core.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Iterable, Iterator

from exptrack.sha256 import sha256
from exptrack.typed import NamedTuple

# At most so many entries and folders a look; the first one, beside a child that may live for milliseconds, less.
ENTRIES, FIRST_ENTRIES = 20_000, 2_000
FOLDERS = 1_000
PER_FOLDER = 5_000
# Files watched: of names that loggers use, in folders that the run changed, and others: a data set may have any number.
KNOWN_FILES, LIKELY_FILES, OTHER_FILES = 2_000, 1_000, 500
MARKS = 32
DEPTH = 8
# Seconds between two looks: at least LEAST, at most MOST, else SHARE times what the last one took.
LEAST, MOST, SHARE = 2.0, 60.0, 300
# A folder's mtime moves with the kernel's clock tick: one listed within this time of its change is listed again.
TICK_NS = 20_000_000
NEVER = 2**63 - 1

SKIPPED = frozenset(["node_modules", "__pycache__", "site-packages", "lost+found", "proc", "sys", "dev"])
SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv")
# Names that are metrics of a training wherever they lie; asked for one by one in a folder that is too large to list.
KNOWN = frozenset(
    [
        *("metrics.jsonl", "metrics.json", "metrics.csv", "metrics.ndjson", "results.csv", "progress.csv", "log.csv"),
        *("history.csv", "training.csv", "training.log", "train_log.csv", "training_log.csv", "logs.csv", "loss.tsv"),
        *("log.jsonl", "logs.jsonl", "history.jsonl", "train_log.jsonl", "training_log.jsonl", "train_metrics.jsonl"),
        *("trainer_state.json", "all_results.json", "train_results.json", "eval_results.json", "test_results.json"),
        *("results.json", "scores.json", "log.txt", "progress.json", "result.json", "wandb-history.jsonl"),
    ]
)


class Before(NamedTuple):
    """A file as it was when the run began; `mark` is a digest of its first and its last bytes."""

    inode: int
    size: int
    mtime_ns: int
    mark: str


class Candidate(NamedTuple):
    """A file that was written during the run and may hold metrics. `before`: None for one that is new."""

    path: str
    before: Before | None


def may_be_metrics(name: str) -> bool:
    """Cheap test on a name alone."""
    return name in KNOWN or name.endswith(SUFFIXES) or ".tfevents." in name


def fingerprint(path: str, size: int) -> str:
    """Digest of the first and the last bytes of the first `size` bytes; empty when it cannot be read."""
    try:
        with open(path, "rb") as file:
            head = file.read(min(size, 1024))
            file.seek(max(0, size - 512))
            return sha256(head + b"\0" + file.read(min(size, 512))).hexdigest()
    except OSError:
        return ""


def remember(path: str, since_ns: int, *, is_marked: bool = True) -> Before | None:
    """The file as it is, with its mark if wanted; None when it is not there or was written since `since_ns`."""
    try:
        told = os.stat(path)
    except OSError:
        return None
    if told.st_mtime_ns >= since_ns:
        return None
    return Before(told.st_ino, told.st_size, told.st_mtime_ns, fingerprint(path, told.st_size) if is_marked else "")


class _Folder:
    """One known folder: its mtime when it was last listed, its folders, and its files that may be metrics.

    `is_known`: its files were all seen when the run began. `is_new`: the run made it, or something in it."""

    __slots__ = ("depth", "files", "is_known", "is_large", "is_new", "listed_ns", "mtime_ns", "path", "subs")

    def __init__(self, path: str, depth: int, *, is_new: bool) -> None:
        self.path, self.depth, self.is_new = path, depth, is_new
        self.mtime_ns = self.listed_ns = 0
        self.is_known = self.is_large = False
        self.subs: set[str] = set()
        self.files: dict[str, Before | None] = {}


class Watch:
    """The files below `roots` that were written since `since_ns`; each is told once (and again after `forget`).

    `since_ns` None: the run has not begun yet, `begin` will say when. `has_begun`: nobody looked when it began, so
    nothing is known about what was there before."""

    def __init__(self, roots: Iterable[str], since_ns: int | None, skip: str = "", *, has_begun: bool = False) -> None:
        self._since = NEVER if since_ns is None else since_ns
        self._skip = os.path.realpath(skip) if skip else ""
        self._folders: dict[str, _Folder] = {}
        self._identities: set[tuple[int, int]] = set()
        self._queue: deque[_Folder] = deque()
        self._told: set[str] = set()
        self._made = self._likely = self._others = self._marked = 0
        self._is_first = not has_begun
        self._next = time.monotonic() + LEAST
        self._begin(roots)

    def begin(self, since_ns: int, roots: Iterable[str]) -> None:
        """The run has begun: files written from now on are told, those below further `roots` too."""
        self._since = since_ns
        new = list(roots)
        if new:
            self._is_first = True
            self._begin(new)

    def _begin(self, roots: Iterable[str]) -> None:
        for root in dict.fromkeys(os.path.realpath(r) for r in roots):
            self._enter(root, 0, is_new=False)
        if self._is_first and self._queue:
            self._list(FIRST_ENTRIES)
        self._is_first = False

    def before(self, path: str) -> Before | None:
        """What is known of a file as it was when the run began."""
        folder = self._folders.get(os.path.dirname(path))
        return folder.files.get(os.path.basename(path)) if folder else None

    def is_due(self, now: float) -> bool:
        """`now` by time.monotonic()."""
        return now >= self._next

    def forget(self, path: str) -> None:
        """Tell this one again: what it holds could not be judged yet."""
        self._told.discard(path)

    def look(self) -> list[Candidate]:
        """Files that were written since the run began and were not told yet."""
        began = time.monotonic()
        # Where something has changed first, then what no look has reached so far.
        self._queue.extendleft([folder for folder in self._folders.values() if self._has_moved(folder)])
        self._list(ENTRIES)
        found = [candidate for folder in self._folders.values() for candidate in self._written(folder)]
        ended = time.monotonic()
        self._next = ended + min(MOST, max(LEAST, SHARE * (ended - began)))
        return found

    def _has_moved(self, folder: _Folder) -> bool:
        if not folder.listed_ns:
            return False  # still in the queue
        try:
            mtime = os.stat(folder.path).st_mtime_ns
        except OSError:
            return False
        return mtime != folder.mtime_ns or mtime + TICK_NS > folder.listed_ns

    def _list(self, entries: int) -> None:
        """Work off the queue; what does not fit waits for the next look."""
        while self._queue and entries > 0:
            folder = self._queue.popleft()
            try:
                entries -= self._list_one(folder, min(entries, PER_FOLDER)) + 1
            except OSError:
                folder.listed_ns = time.time_ns()  # not ours to read, or gone

    def _list_one(self, folder: _Folder, limit: int) -> int:
        was_listed, seen, listed = folder.listed_ns > 0, 0, time.time_ns()
        folder.mtime_ns = os.stat(folder.path).st_mtime_ns
        if folder.is_large:
            folder.listed_ns = listed
            return self._probe(folder)
        with os.scandir(folder.path) as found:
            for entry in found:
                seen += 1
                if seen > limit:
                    break
                self._entry(folder, entry, was_listed=was_listed)
        if seen <= limit:
            folder.listed_ns, folder.is_known = listed, folder.is_known or self._is_first
            return seen
        self._probe(folder)
        if limit == PER_FOLDER:
            folder.is_large, folder.listed_ns = True, listed
        else:
            folder.listed_ns = 0
            self._queue.append(folder)  # the budget ended here, not the folder
        return seen

    def _probe(self, folder: _Folder) -> int:
        """Too much to list: ask for the known names."""
        for name in KNOWN:
            if os.path.exists(os.path.join(folder.path, name)):
                self._note(folder, name)
        return len(KNOWN)

    def _entry(self, folder: _Folder, entry: os.DirEntry[str], *, was_listed: bool) -> None:
        name = entry.name
        if may_be_metrics(name):
            self._note(folder, name, was_listed=was_listed)
        elif name == "pyvenv.cfg":
            folder.is_large = True  # a virtual environment: nothing in it is a training's
        elif name not in folder.subs and not name.startswith(".") and name not in SKIPPED and _is_folder(entry):
            folder.subs.add(name)
            # There now and not when its parent was listed: the run made it, and it goes first.
            self._enter(entry.path, folder.depth + 1, is_new=was_listed)

    def _note(self, folder: _Folder, name: str, *, was_listed: bool = False) -> None:
        if name in folder.files:
            return
        is_likely = name in KNOWN or folder.is_new or was_listed
        most = KNOWN_FILES if name in KNOWN else LIKELY_FILES if is_likely else OTHER_FILES
        if (self._likely if is_likely else self._others) >= most:
            return
        self._likely += is_likely
        self._others += not is_likely
        folder.files[name] = None
        if self._is_first:
            # Marks cost an opened file each: known names first of all, a data set of CSV files not at all.
            is_marked = name in KNOWN or self._marked < MARKS
            self._marked += is_marked
            folder.files[name] = remember(os.path.join(folder.path, name), self._since, is_marked=is_marked)

    def _enter(self, path: str, depth: int, *, is_new: bool) -> None:
        if depth > DEPTH or path in self._folders:
            return
        try:
            told = os.stat(path)
        except OSError:
            return
        # Also when the run was quicker than the first look.
        is_new = is_new or told.st_mtime_ns >= self._since
        if (self._made if is_new else len(self._folders) - self._made) >= FOLDERS:
            return
        # Links to folders are followed, each folder once: outputs often lie on another disk.
        identity = (told.st_dev, told.st_ino)
        if identity in self._identities or (self._skip and os.path.realpath(path) == self._skip):
            return
        self._identities.add(identity)
        folder = self._folders[path] = _Folder(path, depth, is_new=is_new)
        if is_new:
            self._made += 1
            self._queue.appendleft(folder)
        else:
            self._queue.append(folder)

    def _written(self, folder: _Folder) -> Iterator[Candidate]:
        for name, before in folder.files.items():
            path = os.path.join(folder.path, name)
            if path in self._told:
                continue
            try:
                told = os.stat(path)
            except OSError:
                continue
            if told.st_mtime_ns < self._since or not told.st_size or not stat.S_ISREG(told.st_mode):
                continue
            if before is None and not folder.is_known and folder.mtime_ns < self._since:
                continue  # nothing was made in this folder: an older file that grew, and nobody knows what is new in it
            self._told.add(path)
            yield Candidate(path, before)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
