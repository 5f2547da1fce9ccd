"""The git command: asked, never told. Nothing here changes a repository, its index or its configuration.

Light (os and fcntl only): `git status` is started before anything else of a run and works beside our own imports.
Formats: git-status(1) "Porcelain Format Version 2" and git-ls-files(1), both with -z; paths are str with undecodable
bytes as surrogates (PEP 383).
"""

from __future__ import annotations

import fcntl
import os

# Submodules are asked one by one (each with its own untracked files), so the parent need not start a git in each.
STATUS = (
    "status",
    "--porcelain=v2",
    "-z",
    "--branch",
    "--no-ahead-behind",
    "--no-renames",
    "--untracked-files=all",
    "--ignore-submodules=dirty",
)
LISTING = ("ls-files", "-s", "-v", "-z")
GITLINK = "160000"
CONVERTING = ("filter", "ident", "working-tree-encoding")
# What makes bytes on disk differ from the blob everywhere, or hides a change of mode; and where the code came from.
SETTINGS = r"^(remote\..*\.url|core\.(autocrlf|attributesfile|filemode))$"
# Set inside hooks and by wrappers: they would point git at another repository or at half an index.
_MISLEADING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_IMPLICIT_WORK_TREE",
)


class GitTrouble(Exception):  # noqa: N818 - not an error of the run: the caller goes on without git's help
    """git is not there, or would not answer; the text says why."""


class Job:
    """A git process at work. Its output goes to memory files: no pipe that could fill up while we are elsewhere."""

    __slots__ = ("err", "out", "pid")

    def __init__(self, pid: int, out: int, err: int) -> None:
        self.pid, self.out, self.err = pid, out, err


def start(folder: str, arguments: tuple[str, ...], given: bytes = b"") -> Job:
    """Start git in a repository's top folder; GitTrouble when there is no git to start."""
    environment = {k: v for k, v in os.environ.items() if k not in _MISLEADING}
    environment["GIT_OPTIONAL_LOCKS"] = "0"  # or `status` would rewrite the user's index
    environment["GIT_TERMINAL_PROMPT"] = "0"
    # A `.git` that git rejects must be an error, not a reason to answer for a repository further up.
    environment["GIT_CEILING_DIRECTORIES"] = os.path.dirname(folder)
    source, out, err = _memory_file(given), _memory_file(), _memory_file()
    actions = [(os.POSIX_SPAWN_DUP2, source, 0), (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)]
    try:
        pid = os.posix_spawnp("git", ["git", "-C", folder, *arguments], environment, file_actions=actions)
    except OSError as e:
        os.close(out)
        os.close(err)
        reason = "git is not installed" if isinstance(e, FileNotFoundError) else f"git cannot be started: {e.strerror}"
        raise GitTrouble(reason) from e
    finally:
        os.close(source)
    return Job(pid, out, err)


def finish(job: Job) -> bytes:
    """Wait for a git; its output. GitTrouble with git's own first line when it failed."""
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(job.pid, 0)[1])
    except ChildProcessError:
        code = None  # SIGCHLD is ignored here (a parent's choice, inherited): it has ended, nobody knows how
    out, err = _drain(job.out), os.fsdecode(_drain(job.err)).strip()
    if code or (code is None and not out):
        raise GitTrouble(err.splitlines()[0] if err else f"git ended with {code}")
    return out


def ask(folder: str, *arguments: str, given: bytes = b"") -> bytes:
    """Start git and wait for its output."""
    return finish(start(folder, arguments, given))


def _memory_file(content: bytes = b"") -> int:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("exptrack-git")
    else:
        import tempfile

        with tempfile.TemporaryFile() as f:
            fd = os.dup(f.fileno())
    if fd <= 2:  # started with a closed stdin or stdout: dup2 onto itself would leave close-on-exec set
        low, fd = fd, fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
        os.close(low)
    if content:
        from exptrack.files import write_all

        write_all(fd, content)
        os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _drain(fd: int) -> bytes:
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        with open(fd, "rb", closefd=False) as f:
            return f.read()
    finally:
        os.close(fd)


def find_root(folder: str) -> str | None:
    """The top folder of the work tree `folder` (absolute, no symlinks) lies in; None outside every repository."""
    place = folder
    while True:
        if is_repository(place):
            return place
        parent = os.path.dirname(place)
        if parent == place:
            return None
        place = parent


def is_repository(folder: str) -> bool:
    """Is this the top of a work tree? `.git` is a file in worktrees and submodules."""
    marker = os.path.join(folder, ".git")
    return os.path.isfile(marker) or os.path.lexists(os.path.join(marker, "HEAD"))


def git_folder(root: str) -> str:
    """Where this work tree keeps its HEAD and index (gitrepository-layout(5): `.git` may say `gitdir: PATH`)."""
    marker = os.path.join(root, ".git")
    if not os.path.isfile(marker):
        return marker
    with open(marker, "rb") as f:
        text = os.fsdecode(f.read(8192)).strip()
    return os.path.normpath(os.path.join(root, text.removeprefix("gitdir:").strip()))


def common_folder(root: str) -> str:
    """What all work trees of a repository share: its config, objects and info/."""
    own = git_folder(root)
    try:
        with open(os.path.join(own, "commondir"), "rb") as f:
            return os.path.normpath(os.path.join(own, os.fsdecode(f.read()).strip()))
    except FileNotFoundError:
        return own


def index_key(root: str) -> str:
    """Changes whenever the index does: its inode, times, size and the checksum at its end; and with attributes that
    are set outside the work tree. "" when there is no index.

    The checksum alone is not enough: with index.skipHash it is zero; git then still replaces the file by rename."""
    try:
        fd = os.open(os.path.join(git_folder(root), "index"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        st = os.fstat(fd)
        tail = os.pread(fd, 20, max(0, st.st_size - 20))
    finally:
        os.close(fd)
    times = [_mtime(path) for path in attribute_files(root)]
    return f"{st.st_ino}-{st.st_mtime_ns}-{st.st_ctime_ns}-{st.st_size}-{tail.hex()}-{times}"


def attribute_files(root: str) -> list[str]:
    """Where gitattributes(5) are set besides the work tree, there or not."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    own = os.path.join(common_folder(root), "info", "attributes")
    return [own, os.path.join(home, "git", "attributes"), "/etc/gitattributes"]


def _mtime(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def filtered(folder: str, paths: list[str]) -> list[str]:
    """Those paths whose bytes on disk are not those of the blob: one of CONVERTING is set for them."""
    given = os.fsencode("".join(p + "\0" for p in paths))
    said = os.fsdecode(ask(folder, "check-attr", "-z", "--stdin", *CONVERTING, given=given)).split("\0")
    values = zip(said[0::3], said[2::3], strict=False)
    return sorted({path for path, value in values if value not in ("unspecified", "unset")})


class Status:
    """What `git status` said. Paths are relative to the repository; `changed` holds every tracked path that differs
    from HEAD, staged or not; an untracked path that ends with `/` is another repository."""

    __slots__ = ("branch", "changed", "commit", "untracked", "upstream")

    def __init__(self) -> None:
        self.commit: str | None = None
        self.branch: str | None = None
        self.upstream: str | None = None
        self.changed: list[str] = []
        self.untracked: list[str] = []


_FIELDS_BEFORE_PATH = {"1": 8, "2": 9, "u": 10}


def parse_status(data: bytes) -> Status:
    """Output of STATUS."""
    status = Status()
    entries = iter(os.fsdecode(data).split("\0"))
    for entry in entries:
        kind = entry[:1]
        if kind == "#":
            _, word, value = entry.split(" ", 2)
            if word == "branch.oid" and value != "(initial)":
                status.commit = value
            elif word == "branch.head" and value != "(detached)":
                status.branch = value
            elif word == "branch.upstream":
                status.upstream = value
        elif kind == "?":
            status.untracked.append(entry[2:])
        elif kind in _FIELDS_BEFORE_PATH:
            count = _FIELDS_BEFORE_PATH[kind]
            status.changed.append(entry.split(" ", count)[count])
            if kind == "2":
                status.changed.append(next(entries))  # the name before the rename
    return status


def parse_listing(data: bytes) -> dict[str, str]:
    """Output of LISTING: path -> `TAG MODE OID STAGE`. A conflicted path has several stages; one of them is kept."""
    listing = {}
    for entry in os.fsdecode(data).split("\0"):
        head, tab, path = entry.partition("\t")
        if tab:
            listing[path] = head
    return listing


def settings(folder: str) -> dict[str, str]:
    """The settings that matter here (SETTINGS) with their values; the last one wins, as in git."""
    try:
        text = os.fsdecode(ask(folder, "config", "-z", "--get-regexp", SETTINGS))
    except GitTrouble:
        return {}  # exit 1: none of them is set
    return dict(pair.partition("\n")[::2] for pair in text.split("\0") if pair)


def remote_url(found: dict[str, str], upstream: str | None) -> str | None:
    """The URL this branch is pulled from, else origin's, else the first; as configured, credentials and all."""
    urls = {k.removeprefix("remote.").removesuffix(".url"): v for k, v in found.items() if k.startswith("remote.")}
    names = [n for n in urls if upstream and upstream.startswith(n + "/")] + ["origin", *urls]
    return next((urls[n] for n in names if n in urls), None)


def check_out(folder: str, paths: list[str], target: str) -> None:
    """Write tracked files as the index has them below `target` (an absolute folder), line ends and filters applied.
    Paths the index does not have are missing there afterwards. (cat-file --batch --filters tells wrong sizes.)"""
    given = os.fsencode("".join(p + "\0" for p in paths))
    try:
        ask(folder, "checkout-index", "-q", "-z", "--stdin", f"--prefix={target}/", given=given)
    except GitTrouble as e:
        if not os.listdir(target):
            raise GitTrouble(f"git does not have them: {e}") from e
