"""Recorded packages as pip and uv take them, and what to try where one cannot be had.

Names, versions and sources come from a manifest, which somebody else may have written: one that is no name, version or
address of the usual kind never reaches an installer. Names are normalised as PEP 503 says, sources are as in PEP 610.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from exptrack.actions.reproducing.compare_environment import BYSTANDERS
from exptrack.actions.reproducing.relocate import Relocation, is_below
from exptrack.model import Environment
from exptrack.typed import NamedTuple

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_VERSION = re.compile(r"[A-Za-z0-9!+._-]+\Z")
_SOURCE = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?(?:https?|ssh|file|git)://[^\s;'\"]+\Z")
_FILE = "file://"


class Requirement(NamedTuple):
    """`spec`: a line of a requirements file, "" when there is none to write. `note`: what it cannot promise."""

    name: str
    version: str
    spec: str
    note: str = ""

    def substitutes(self) -> list[str]:
        """What to try when `spec` cannot be had, nearest first: without a local version (`2.1.0+cu118`), then any.
        Only for what came from an index: a private package's name may be a stranger's there."""
        if self.spec != f"{self.name}=={self.version}":
            return []
        public, plus, _ = self.version.partition("+")
        return [f"{self.name}=={public}"] * bool(plus) + [self.name]


def requirements(environment: Environment, moved: Relocation, root: str) -> list[Requirement]:
    """One a recorded package, less those that only install. `root`: the folder of the code then."""
    return [
        _requirement(name, version, environment.sources.get(name, ""), moved, root)
        for name, version in sorted(environment.packages.items())
        if name not in BYSTANDERS
    ]


def _requirement(name: str, version: str, source: str, moved: Relocation, root: str) -> Requirement:
    if not _NAME.match(name) or (version and not _VERSION.match(version)):
        return Requirement(name, version, "", "is no name and version of a package")
    if not source:
        return Requirement(name, version, f"{name}=={version}" if version else name)
    editable = "-e " if source.startswith("-e ") else ""
    address = source.removeprefix("-e ")
    if not _SOURCE.match(address):
        return Requirement(name, version, "", f"came from {source!r:.80}, which is no address to install from")
    if not address.startswith(_FILE):
        return Requirement(name, version, f"{name} @ {address}")
    folder = moved.path(address.removeprefix(_FILE))
    inside = is_below(address.removeprefix(_FILE), root)
    note = "" if inside else f"comes from {address.removeprefix(_FILE)} as it is now: no copy of it was kept"
    return Requirement(name, version, f"-e {folder}" if editable else f"{name} @ {_FILE}{folder}", note)


def local_folders(sources: Mapping[str, str]) -> dict[str, str]:
    """Package -> the folder on this machine that it was installed from."""
    texts = {name: source.removeprefix("-e ") for name, source in sources.items()}
    return {name: text.removeprefix(_FILE) for name, text in texts.items() if text.startswith(_FILE)}
