"""The environment of a recorded run: the one it had, or a fresh one with the recorded versions.

What cannot be had is said package by package and never silently replaced. Non-Python libraries (conda's, the system's)
were not recorded and are those of this machine.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

from exptrack import __version__
from exptrack.actions.reproducing.compare_environment import BYSTANDERS, OURS, Unlike, differences
from exptrack.actions.reproducing.installers import Installer, Pip, choose, find_uv, install_all
from exptrack.actions.reproducing.relocate import Relocation
from exptrack.actions.reproducing.requirements import requirements
from exptrack.capture.probe import Facts, ProbeError, ask
from exptrack.errors import ExptrackError
from exptrack.model import Environment
from exptrack.typed import NamedTuple

Say = Callable[[str], None]


class Built(NamedTuple):
    """`how`: uv, pip, recorded, none. `python`: the interpreter to run with, None for a command without one; `prefix`:
    its environment, if it is one. `unlike`: what differs from the recorded one; `notes`: what else to know of it."""

    how: str
    python: str | None = None
    prefix: str | None = None
    unlike: tuple[Unlike, ...] = ()
    notes: tuple[str, ...] = ()


def recorded_environment(recorded: Environment, cwd: str, cache: str) -> Built:
    """The interpreter the run had, as it is now. ExptrackError when it is gone or does not answer."""
    if recorded.python is None:
        return Built("none")
    found = look(recorded.executable or "", cwd, cache)
    if found is None:
        raise ExptrackError(
            f"{recorded.executable or 'its Python'} is not there any more", "rebuild: leave out --same-environment"
        )
    prefix = found.prefix if found.prefix != found.base_prefix else None
    return Built("recorded", found.executable or recorded.executable, prefix, differences(recorded, _of(found)))


def look(executable: str, cwd: str, cache: str) -> Facts | None:
    """What an interpreter says of itself; None when it is not there or does not answer."""
    if not os.path.isabs(executable) or not os.access(executable, os.X_OK):
        return None
    try:
        return ask((executable,), _plain_variables(), cwd, cache)
    except ProbeError:
        return None


def _of(facts: Facts) -> Environment:
    return Environment(
        python=facts.version, implementation=facts.implementation, packages=facts.packages, sources=facts.sources
    )


def _plain_variables() -> dict[str, str]:
    """Without what would make one interpreter see another's packages."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}


def find_python(recorded: Environment, cwd: str, cache: str) -> tuple[str, str] | None:
    """(path, version) of an installed Python of the recorded minor version, the very same patch if there is one."""
    assert recorded.python is not None
    minor = ".".join(recorded.python.split(".")[:2])
    known = dict[str, str]()
    for path in _pythons(recorded, minor):
        facts = look(path, cwd, cache)
        if facts is None or facts.implementation != (recorded.implementation or facts.implementation):
            continue
        if facts.version == recorded.python:
            return path, facts.version
        if facts.version.startswith(minor + "."):
            known.setdefault(path, facts.version)
    return next(iter(known.items()), None)


def _pythons(recorded: Environment, minor: str) -> Iterator[str]:
    if recorded.executable:
        yield recorded.executable
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        yield from (os.path.join(os.path.abspath(folder), name) for name in (f"python{minor}", "python3"))
    yield sys.executable
    if uv := find_uv():  # it knows Pythons that are on no PATH
        words = [uv, "python", "find", "--no-python-downloads", "--no-project", recorded.python or minor]
        done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if not done.returncode:
            yield done.stdout.strip()


def rebuild(
    recorded: Environment, target: str, folder: str, *, moved: Relocation, root: str, cache: str,
    installer: str | None, say: Say,
) -> Built:  # fmt: skip
    """A fresh environment at `target`; `folder`: an empty one to work in. ExptrackError when there is no such Python,
    or no index to get packages from."""
    if recorded.python is None:
        return Built("none")
    python = find_python(recorded, folder, cache)
    if python is None:
        minor = ".".join(recorded.python.split(".")[:2])
        raise ExptrackError(
            f"there is no Python {minor} on this machine (it ran in {recorded.python})",
            "install it, with `uv python install` for example",
        )
    tool = choose(installer, python[0], target, folder)
    wanted = requirements(recorded, moved, root)
    say(f"building the environment with {tool.name}: Python {python[1]}, {len(wanted)} packages")
    tool.make()
    lacking = install_all(tool, wanted, say)
    if OURS in recorded.packages:
        _bring_ourselves(tool)
    if isinstance(tool, Pip):
        _strip(tool, recorded, folder, cache)
    found = look(tool.its_python, folder, cache)
    if found is None:
        raise ExptrackError(f"the environment at {target} does not work", "its Python gives no answer")
    notes = [f"{x.requirement.name} {x.requirement.version} cannot be had: {x.why}" for x in lacking]
    notes += [f"{r.name} {r.note}" for r in wanted if r.note and r.spec]
    if recorded.conda:
        notes.append(f"it ran in the conda environment {recorded.conda}: its libraries outside Python are not recorded")
    return Built(tool.name, tool.its_python, target, differences(recorded, _of(found)), tuple(notes))


def _bring_ourselves(tool: Installer) -> None:
    """The package of this very program, for scripts that import it: the version that records, and no download."""
    source = importlib.util.find_spec("exptrack")
    assert source is not None
    assert source.submodule_search_locations is not None
    words = [tool.its_python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = subprocess.run(words, capture_output=True, text=True, check=True, env=_plain_variables()).stdout.strip()
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source.submodule_search_locations[0], os.path.join(site, "exptrack"), ignore=ignored)
    facts = os.path.join(site, f"exptrack_run-{__version__}.dist-info")
    os.mkdir(facts)
    with open(os.path.join(facts, "METADATA"), "w", encoding="ascii") as f:
        f.write(f"Metadata-Version: 2.1\nName: {OURS}\nVersion: {__version__}\n")


def _strip(tool: Pip, recorded: Environment, folder: str, cache: str) -> None:
    found = look(tool.its_python, folder, cache)
    extra = sorted(set(found.packages) - set(recorded.packages) - BYSTANDERS) if found else []
    if extra:
        tool.remove(extra)
