"""Which files belong to the code: what git says, less `[snapshot] exclude`, our own folders and secrets.

Files that git does not track are also left out where they are never code (caches, virtual environments): a project
without a .gitignore would otherwise carry its whole .venv along. So is declared data: inputs, whose bytes are not kept,
and the weights that an earlier run left.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from stat import S_ISDIR

from exptrack.capture.seen import Row, row_of

# Names of folders and files that no tool makes for people to edit.
NEVER_CODE = frozenset(
    {".git", ".hg", ".svn", ".exptrack", "__pycache__", ".venv", "node_modules", ".tox", ".nox", ".mypy_cache"}
    | {".pytest_cache", ".ruff_cache", ".hypothesis", ".ipynb_checkpoints", ".eggs", ".cache", ".DS_Store"}
)
# A folder with one of these is an environment, whatever its name.
ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta/history")
MANY = 50_000
# What people write by hand stays code, also where it is declared as data.
WRITTEN_BY_HAND = (".py", ".pyx", ".ipynb", ".sh", ".r", ".jl", ".yaml", ".yml", ".toml", ".cfg", ".ini")


class Scope:
    """Judges paths relative to `root`; `ours` are absolute folders of exptrack itself, `data` absolute paths, folders
    and globs."""

    def __init__(self, root: str, exclude: Sequence[str], ours: Iterable[str], data: Iterable[str] = ()) -> None:
        self.root = root
        inside = [d for d in data if d.startswith(os.path.join(root, "")) and d != root]
        # As where its digest is taken: what is there under a name with wildcards is that file, and no glob.
        globs = ["/" + os.path.relpath(_as_named(d) if os.path.lexists(d) else d, root) for d in inside]
        self._declared: Callable[[str], object] | None = compile_globs(globs) if globs else None
        own = [os.path.relpath(o, root) for o in ours if o and o.startswith(os.path.join(root, ""))]
        self._ours = tuple(o + "/" for o in own)
        self._excluded: Callable[[str], object] | None = compile_globs(exclude) if exclude else None

    def is_wanted(self, path: str) -> bool:
        """Not excluded by the user and not ours; secrets are judged apart, because they are reported."""
        if (path + "/").startswith(self._ours) or ".git" in path.split("/"):
            return False
        return not (self._excluded and self._excluded(path))

    def is_data(self, path: str) -> bool:
        """Declared, and nothing that is written by hand. Asked of files that git does not track."""
        return bool(self._declared and self._declared(path)) and not path.lower().endswith(WRITTEN_BY_HAND)

    def sift(self, paths: Iterable[str], left_out: list[str]) -> list[str]:
        """The wanted ones that hold no secrets; those that do go to `left_out`."""
        from exptrack.capture.redact import is_secret_file

        keep: list[str] = []
        for path in paths:
            if self.is_wanted(path):
                (left_out if is_secret_file(path) else keep).append(path)
        return keep

    def sift_untracked(self, paths: list[str], left_out: list[str]) -> list[str]:
        """As `sift`, without what is never code."""
        marks = tuple("/" + m for m in ENVIRONMENT_MARKS)
        environments = tuple(p[: -len(m)] + "/" for p in paths for m in marks if p.endswith(m))
        mine = (p for p in paths if not (p.startswith(environments) or is_never_code(p) or self.is_data(p)))
        return self.sift(mine, left_out)

    def walk(self, folder: str, limit: int) -> Iterator[tuple[str, Row]]:
        """Every candidate below `folder` ("" or "a/b/", relative to the root) with its lstat; unsifted by secrets.

        Stops early when far more than `limit` bytes in many files were seen: the snapshot is refused anyway, and
        somebody may have started us in a home folder."""
        stack, total, count = [folder], 0, 0
        while stack:
            here = stack.pop()
            try:
                names = os.listdir(os.path.join(self.root, here))
            except OSError:
                names = []  # unreadable or just gone: what cannot be listed cannot be code the child reads
            if any(os.path.lexists(os.path.join(self.root, here, m)) for m in ENVIRONMENT_MARKS) and here != folder:
                continue
            for name in names:
                path = here + name
                if is_never_code(name) or not self.is_wanted(path):
                    continue
                try:
                    st = os.lstat(os.path.join(self.root, path))
                except OSError:
                    continue  # it vanished between listing and looking
                if S_ISDIR(st.st_mode):
                    stack.append(path + "/")
                    continue
                if self.is_data(path):
                    continue
                total, count = total + st.st_size, count + 1
                yield path, row_of(st)
            if total > limit and count > MANY:
                return


def is_never_code(path: str) -> bool:
    """A cache or by-product by its name."""
    return path.endswith((".pyc", ".pyo")) or not NEVER_CODE.isdisjoint(path.split("/"))


def compile_globs(globs: Sequence[str]) -> Callable[[str], object]:
    """Globs as in .gitignore, without negation: `*` and `?` stop at `/`, `**` does not; a pattern without `/` matches
    a name at any depth, one with `/` counts from the root; a matched folder takes everything below along. A bracket
    that opens no set of characters (`[!]`, `[z-a]`) stands for itself."""
    import re

    return re.compile("|".join(_regex(g) for g in globs), re.DOTALL).fullmatch


def _regex(glob: str) -> str:
    import re

    pattern = glob.rstrip("/")
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]/]+\])", pattern.removeprefix("./").removeprefix("/"))
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    text = "".join(words.get(p) or (_class(p) if i % 2 else re.escape(p)) for i, p in enumerate(parts))
    return ("" if "/" in pattern else "(?:.*/)?") + text + "(?:/.*)?"


def _class(text: str) -> str:
    import re

    inner = re.sub(r"([\\[&|~])", r"\\\1", text[1:-1])
    found = "[^/" + inner[1:] + "]" if inner[0] in "!^" else "[" + inner + "]"
    try:
        re.compile(found)
    except re.error:
        found = ""
    return found if found and inner not in ("!", "^") else re.escape(text)


def _as_named(path: str) -> str:
    """A glob that matches this path alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in path)
