"""What every test starts from: empty home, no EXPTRACK_* of the caller, an identity for git, failures that repeat."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from exptrack.config import Project, find_project
from exptrack.store.place import Store, open_store

# No deadline: a loaded machine is slow, not wrong. No database: a failure prints how to repeat it. The same examples
# each time, so that a red CI means this commit; EXPTRACK_EXPLORE=500 draws that many new ones a test instead.
explore = int(os.environ.get("EXPTRACK_EXPLORE", "0"))
settings.register_profile(
    "exptrack",
    deadline=None,
    database=None,
    print_blob=True,
    derandomize=not explore,
    max_examples=explore or 100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("exptrack")

# `make test &` and nohup ignore these, every process of the tests would inherit it, and the tests send them.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

# What would make `run` take itself for a rank of a launcher, or for a run inside a run.
RANKS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
IDENTITY = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.invalid",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.invalid",
    "GIT_CONFIG_NOSYSTEM": "1",
}


@pytest.fixture(autouse=True)
def world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean environment; returns the empty folder that is HOME."""
    home = tmp_path_factory.mktemp("home")
    for name in [n for n in os.environ if n.startswith("EXPTRACK_") and n != "EXPTRACK_UPDATE_GOLDEN"] + [*RANKS]:
        monkeypatch.delenv(name, raising=False)
    # Not /dev/null: git as root replaces what it writes by a rename, and that would be the device itself.
    mine = {"HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / "gitconfig")}
    for name, value in {**mine, **IDENTITY}.items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with .exptrack/ at tmp_path/project."""
    folder = tmp_path / "project" / ".exptrack"
    for part in ("live", "cache"):
        (folder / part).mkdir(parents=True)
    found = find_project(str(tmp_path / "project"))
    assert found is not None
    return found


@pytest.fixture
def store(project: Project) -> Store:
    return open_store(project.store, create=True)
