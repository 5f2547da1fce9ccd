"""Recorded packages as requirements; nothing a stranger's manifest says reaches an installer as anything else."""

from __future__ import annotations

import pytest

from exptrack.actions.reproducing.compare_environment import Unlike, differences
from exptrack.actions.reproducing.relocate import Relocation
from exptrack.actions.reproducing.requirements import local_folders, requirements
from exptrack.model import Environment

MOVED = Relocation({"/work": "/new"})


def specs(packages: dict[str, str], **sources: str) -> list[tuple[str, str]]:
    found = requirements(Environment(packages=packages, sources=sources), MOVED, "/work")
    return [(r.spec, r.note) for r in found]


def test_a_version_is_pinned_and_what_only_installs_is_left_out() -> None:
    packages = {"torch": "2.1.0+cu118", "numpy": "2.4.6", "pip": "26", "uv": "0.9", "exptrack-run": "0.1.0"}
    assert specs(packages) == [("numpy==2.4.6", ""), ("torch==2.1.0+cu118", "")]


@pytest.mark.parametrize(
    ("source", "spec"),
    [
        ("git+https://example.org/x.git@abc", "x @ git+https://example.org/x.git@abc"),
        ("https://example.org/x-1-py3-none-any.whl", "x @ https://example.org/x-1-py3-none-any.whl"),
        ("-e file:///work/libs/x", "-e /new/libs/x"),
        ("file:///work/libs/x", "x @ file:///new/libs/x"),
        ("-e file:///else/x", "-e /else/x"),
    ],
)
def test_what_came_from_no_index(source: str, spec: str) -> None:
    assert specs({"x": "1"}, x=source)[0][0] == spec


def test_a_folder_outside_the_snapshot_is_as_it_is_now() -> None:
    assert "as it is now" in specs({"x": "1"}, x="-e file:///else/x")[0][1]
    assert specs({"x": "1"}, x="-e file:///work/x")[0][1] == ""
    assert local_folders({"x": "-e file:///else/x", "y": "git+https://h/y@1"}) == {"x": "/else/x"}


@pytest.mark.parametrize(
    ("name", "version", "source"),
    [
        ("--index-url=https://evil", "1", ""),
        ("x", "1 --hash=1", ""),
        ("x\n-r /etc/passwd", "1", ""),
        ("x", "1\n", ""),
        ("x", "1", "git+ext::sh -c id"),
        ("x", "1", "file:///a b"),
        ("x", "1", "-e ../x"),
        ("x", "1", "https://h/x\n--pre"),
    ],
)
def test_what_is_no_requirement_is_not_asked_for(name: str, version: str, source: str) -> None:
    found = requirements(Environment(packages={name: version}, sources={name: source}), MOVED, "/work")
    assert [r.spec for r in found] == [""]
    assert found[0].substitutes() == []


def test_what_to_try_instead_is_only_for_what_came_from_an_index() -> None:
    (torch,) = requirements(Environment(packages={"torch": "2.1+cu118"}), MOVED, "/work")
    assert torch.substitutes() == ["torch==2.1", "torch"]
    (mine,) = requirements(Environment(packages={"x": "1"}, sources={"x": "-e file:///work/x"}), MOVED, "/work")
    assert mine.substitutes() == []


def test_two_environments() -> None:
    then = Environment(python="3.11.7", implementation="cpython", packages={"a": "1", "b": "1", "pip": "1"})
    now = Environment(python="3.11.9", implementation="cpython", packages={"a": "2", "c": "1", "pip": "2"})
    found = differences(then, now)
    assert found == (
        Unlike("python", "3.11.7", "3.11.9"),
        Unlike("a", "1", "2"),
        Unlike("b", "1", None),
        Unlike("c", None, "1"),
    )
    assert [str(u) for u in found[1:]] == ["a 1 → 2", "b 1 is missing", "c 1 was not there then"]
    assert differences(Environment(), now) == ()
    assert differences(then, then) == ()
