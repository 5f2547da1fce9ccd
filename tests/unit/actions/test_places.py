"""Where a reading command finds its runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from exptrack.actions.places import here
from exptrack.errors import ExptrackError
from tool import Tool


@pytest.fixture
def team(tmp_path: Path) -> Tool:
    """One clone with a run in a store outside of it."""
    folder = tmp_path / "one"
    folder.mkdir()
    tool = Tool(folder)
    tool.write("exptrack.toml", 'store = "../team"\n')
    tool.committed()
    tool("run", "-q", "-n", "first", "--", "true")
    return tool


def test_a_fresh_clone_reads_the_store_its_policy_names(
    team: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "two"
    shutil.copytree(team.folder, clone, ignore=shutil.ignore_patterns(".exptrack"))
    (clone / "below").mkdir()
    monkeypatch.chdir(clone / "below")
    place = here()
    assert place.project.root == str(clone)
    assert len(place.store.records.run_ids()) == 1
    assert (clone / ".exptrack" / ".gitignore").read_text() == "*\n"


def test_a_policy_without_a_store_of_its_own_names_no_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "exptrack.toml").write_text('project = "x"\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExptrackError, match="no runs here") as caught:
        here()
    assert caught.value.exit_code == 3
    assert not (tmp_path / ".exptrack").exists()


def test_a_store_that_is_not_there_is_not_made_by_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "exptrack.toml").write_text('store = "gone"\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExptrackError, match="no runs here"):
        here()
    assert not (tmp_path / ".exptrack").exists()
    assert not (tmp_path / "gone").exists()
