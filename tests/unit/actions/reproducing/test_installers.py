"""Finding those that cannot be had among many, with an installer that has a shelf instead of an index."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from exptrack.actions.reproducing.installers import MOST_FAILURES, Installer, Pip, Uv, check_choice, choose, install_all
from exptrack.actions.reproducing.requirements import Requirement
from exptrack.errors import ExptrackError


class Shelf(Installer):
    """Has these specs and no others; all or nothing, as uv and pip."""

    name = "shelf"

    def __init__(self, has: Sequence[str]) -> None:
        super().__init__([], "", "", "")
        self.has, self.installed, self.calls = set(has), list[str](), 0

    def make(self) -> None:
        """The shelf is all there is."""

    def install(self, specs: Sequence[str], *, wheels_only: bool = False) -> bool:
        self.calls += 1
        if lacking := [s for s in specs if s not in self.has]:
            self.trouble = f"no {lacking[0]}"
            return False
        self.installed += specs
        return True


def wanted(count: int) -> list[Requirement]:
    return [Requirement(f"p{i:03d}", "1", f"p{i:03d}==1") for i in range(count)]


def test_all_at_once_when_all_can_be_had() -> None:
    all_of_them = wanted(100)
    shelf = Shelf([r.spec for r in all_of_them])
    assert install_all(shelf, all_of_them, lambda _: None) == []
    assert (shelf.calls, len(shelf.installed)) == (1, 100)


def test_those_that_cannot_are_found_without_asking_for_each() -> None:
    all_of_them = wanted(100)
    gone = {"p007==1", "p042==1"}
    shelf = Shelf([*(r.spec for r in all_of_them if r.spec not in gone), "p042"])
    said: list[str] = []
    lacking = install_all(shelf, all_of_them, said.append)
    assert [(x.requirement.name, x.instead, x.why) for x in lacking] == [
        ("p007", None, "no p007==1"),
        ("p042", "p042", "no p042==1"),
    ]
    assert sorted(shelf.installed) == sorted([*(r.spec for r in all_of_them if r.spec not in gone), "p042"])
    assert shelf.calls < 40
    assert said == ["p007 1 cannot be had", "p042 1 cannot be had"]


def test_what_is_no_requirement_is_lacking_from_the_start() -> None:
    bad = Requirement("x", "1", "", "is no name")
    assert [(x.requirement, x.why) for x in install_all(Shelf([]), [bad], lambda _: None)] == [(bad, "is no name")]


def test_without_an_index_it_ends_soon() -> None:
    shelf = Shelf([])
    with pytest.raises(ExptrackError, match=f"{MOST_FAILURES + 1} packages cannot be had") as caught:
        install_all(shelf, wanted(500), lambda _: None)
    assert "--same-environment" in caught.value.hint


def test_which_of_the_two(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert isinstance(choose(None, "python", "t", "f"), Uv)
    assert isinstance(choose("pip", "python", "t", "f"), Pip)
    check_choice("uv")
    with pytest.raises(ExptrackError, match="conda is no installer"):
        check_choice("conda")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr("sys.executable", str(tmp_path / "empty" / "python"))
    assert isinstance(choose(None, "python", "t", "f"), Pip)
    with pytest.raises(ExptrackError, match="uv is not on PATH"):
        check_choice("uv")


def test_settings_that_would_put_packages_elsewhere_do_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("PIP_TARGET", str(tmp_path))
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/simple")
    pip = Pip([], "python", "t", str(tmp_path))
    assert not pip._run(["sh", "-c", 'echo "error: $PIP_TARGET $PIP_INDEX_URL" >&2; exit 1'])
    assert pip.trouble == "error:  https://example.org/simple"
