"""uv and pip, as far as an environment is rebuilt with them: make one, and put exactly these packages in.

They run with the user's own settings (UV_*, PIP_*, index, proxies, offline or not); only what they would guess wrongly
here is said. Which Python: of the machine's own, never one fetched from elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from exptrack.actions.reproducing.requirements import Requirement
from exptrack.errors import ExptrackError
from exptrack.typed import NamedTuple

# So many packages that cannot be had one by one, and it is the index that is not there.
MOST_FAILURES = 12
# Settings that would put the packages somewhere else than into the environment.
_ELSEWHERE = frozenset(
    (
        *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER"),
        *("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_TARGET", "UV_PREFIX"),
    )
)


class Installer(ABC):
    """One of the two. `folder`: where to run (no project of the user's is taken for ours)."""

    name = ""

    def __init__(self, program: Sequence[str], python: str, target: str, folder: str) -> None:
        self.program, self.python, self.target, self.folder = list(program), python, target, folder
        self.trouble = ""

    @property
    def its_python(self) -> str:
        return os.path.join(self.target, "bin", "python")

    @abstractmethod
    def make(self) -> None:
        """An empty environment at `target`. ExptrackError when that fails."""

    @abstractmethod
    def install(self, specs: Sequence[str], *, wheels_only: bool = False) -> bool:
        """Install these and nothing else; `trouble` says why it did not work."""

    def _run(self, command: Sequence[str]) -> bool:
        environment = {k: v for k, v in os.environ.items() if k not in _ELSEWHERE}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            errors = [line for line in lines if line.lower().startswith("error")]
            self.trouble = (errors or lines or ["it said nothing"])[-1][:300]
        return not done.returncode

    def _list(self, specs: Sequence[str]) -> str:
        # A file and not words: a hundred packages with their addresses are longer than some systems let a line be.
        path = os.path.join(self.folder, "requirements.txt")
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
            f.write("\n".join(specs) + "\n")
        return path


class Uv(Installer):
    name = "uv"

    def make(self) -> None:
        words = ["venv", "--quiet", "--no-project", "--no-python-downloads", "--python", self.python, self.target]
        if not self._run([*self.program, *words]):
            raise ExptrackError(f"uv cannot make an environment: {self.trouble}", "--installer pip uses venv and pip")

    def install(self, specs: Sequence[str], *, wheels_only: bool = False) -> bool:
        words = ["pip", "install", "--quiet", "--no-deps", "--python", self.its_python, "-r", self._list(specs)]
        return self._run([*self.program, *words, *(["--only-binary", ":all:"] if wheels_only else [])])


class Pip(Installer):
    name = "pip"

    def make(self) -> None:
        if not self._run([self.python, "-m", "venv", self.target]):
            raise ExptrackError(
                f"venv cannot make an environment: {self.trouble}", "Debian has it in the package python3-venv"
            )

    def install(self, specs: Sequence[str], *, wheels_only: bool = False) -> bool:
        words = ["-m", "pip", "install", "--quiet", "--no-input", "--no-deps", "--disable-pip-version-check"]
        only = ["--only-binary", ":all:"] if wheels_only else []
        return self._run([self.its_python, *words, *only, "-r", self._list(specs)])

    def remove(self, names: Sequence[str]) -> None:
        """Take out what venv itself brought (setuptools before Python 3.12)."""
        self._run([self.its_python, "-m", "pip", "uninstall", "--quiet", "--yes", *names])


def check_choice(name: str | None) -> None:
    """ExptrackError for an installer that is none, or that is not here."""
    if name not in (None, "uv", "pip"):
        raise ExptrackError(f"{name} is no installer", "--installer uv or --installer pip")
    if name == "uv" and find_uv() is None:
        raise ExptrackError("uv is not on PATH", "install it, or let --installer pip do it")


def find_uv() -> str | None:
    """On PATH, or beside the Python that runs us."""
    beside = os.path.join(os.path.dirname(sys.executable), "uv")
    return shutil.which("uv") or (beside if os.access(beside, os.X_OK) else None)


def choose(name: str | None, python: str, target: str, folder: str) -> Installer:
    """The one asked for (see check_choice); without a wish uv where it is there, else pip."""
    uv = find_uv()
    return Uv([uv], python, target, folder) if uv and name != "pip" else Pip([], python, target, folder)


class Lacking(NamedTuple):
    """A package that could not be had as recorded; `instead`: the spec that was installed in its place, if any."""

    requirement: Requirement
    instead: str | None
    why: str


def install_all(installer: Installer, wanted: Sequence[Requirement], say: Callable[[str], None]) -> list[Lacking]:
    """Everything at once; where that fails, halves of halves until those that cannot be had stand alone. For each of
    them the nearest that can. ExptrackError when so many fail that there is no index to ask."""
    lacking: list[Lacking] = [Lacking(r, None, r.note) for r in wanted if not r.spec]
    queue = [[r for r in wanted if r.spec]]
    failures = 0
    while queue:
        some = queue.pop()
        if not some or installer.install([r.spec for r in some]):
            continue
        if len(some) > 1:
            half = len(some) // 2
            queue += [some[half:], some[:half]]
            continue
        failures += 1
        if failures > MOST_FAILURES:
            names = ", ".join(f"{x.requirement.name} {x.requirement.version}" for x in lacking[:3])
            raise ExptrackError(
                f"{failures} packages cannot be had, {names} and others: {installer.trouble}",
                f"is the index that {installer.name} asks there? --same-environment uses what is installed",
            )
        why = installer.trouble
        say(f"{some[0].name} {some[0].version} cannot be had")
        instead = next((s for s in some[0].substitutes() if installer.install([s], wheels_only=True)), None)
        lacking.append(Lacking(some[0], instead, why))
    return lacking
