"""Could it be reproduced now? What is missing, and what of that is needed."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exptrack.actions.find import load_run
from exptrack.actions.reproducing.reproducible import Check, Readiness, readiness, score_line
from exptrack.model import Artifact, CodeState, Environment, Gpu, Input, Machine, StoredFile
from exptrack.store.trees import encode_tree
from made import attempts
from sealed_runs import add_run, make_project, run_id

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def place(tmp_path: Path):
    return make_project(tmp_path / "project")


def ask(place: Any, number: int, *, is_thorough: bool = True, **facts: Any) -> dict[str, Check]:
    """The checks of a run that lacks nothing but for `facts`."""
    _, store = place
    files = [StoredFile(path="train.py", digest=store.objects.add_bytes(b"code"), size=4)]
    tree = store.objects.add_bytes(encode_tree(files))
    whole: dict[str, Any] = {
        "code": CodeState(root="/work", tree=tree, files=1),
        "metrics": {"acc": 0.5},
        "machine": Machine(os=f"{platform.system()} {platform.machine()}"),
    }
    add_run(store, number, **{**whole, **facts})
    found = readiness(*place, load_run(*place, run_id(number)), is_thorough=is_thorough)
    return {c.name: c for c in found.checks}


@pytest.mark.parametrize("is_thorough", [True, False])
def test_nothing_is_missing(place: Any, is_thorough: bool) -> None:
    found = ask(place, 1, is_thorough=is_thorough)
    assert found["results"].text == "0 outputs and 1 metric to compare with"
    assert [c.name for c in found.values() if c.is_met] == [
        *("code", "command", "environment", "inputs", "machine", "results")
    ]


def test_code(place: Any) -> None:
    assert ask(place, 1, code=CodeState())["code"].text == "no snapshot was taken"
    lost = ask(place, 2, code=CodeState(root="/work", tree="0" * 64), is_thorough=False)["code"]
    assert (lost.is_met, lost.is_needed, lost.text) == (False, True, "the snapshot is not in the store")
    _, store = place
    files = [StoredFile(path="gone.py", digest="1" * 64, size=4)]
    tree = store.objects.add_bytes(encode_tree(files))
    assert "gone.py missing or altered" in ask(place, 3, code=CodeState(root="/w", tree=tree))["code"].text
    assert (
        ".env, never kept"
        in ask(place, 4, code=CodeState(root="/w", tree=tree, left_out=(".env",)), is_thorough=False)["code"].text
    )


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"command": ("python", "--token=[redacted]")}, "a secret"),
        ({"status": "lost", "exit_code": None}, "nobody saw its end"),
        ({"status": "killed", "exit_code": None, "signal": "SIGTERM"}, "killed by SIGTERM"),
    ],
)
def test_command(place: Any, facts: dict[str, Any], text: str) -> None:
    found = ask(place, 1, **facts)["command"]
    assert not found.is_met
    assert found.is_needed
    assert text in found.text


@pytest.mark.parametrize("is_thorough", [True, False])
def test_a_run_that_was_continued_does_not_go_on_from_its_checkpoint(place: Any, is_thorough: bool) -> None:
    _, store = place
    add_run(store, 1, metrics={"acc": 0.5})
    earlier = store.records.manifest(run_id(1))
    store.records.add_manifest(replace(earlier, attempts=attempts("ann", "ann")))
    found = readiness(*place, load_run(*place, run_id(1)), is_thorough=is_thorough).checks[1]
    assert (found.name, found.is_met, found.is_needed) == ("command", False, False)
    assert "continued from a checkpoint (2 attempts)" in found.text
    assert "starts from the beginning" in found.text


def test_a_crash_is_an_end_of_its_own(place: Any) -> None:
    assert ask(place, 1, status="killed", exit_code=None, signal="SIGSEGV")["command"].is_met


def test_an_output_outside_that_would_be_overwritten(place: Any) -> None:
    out = Artifact(kind="model", path="/else/where/m.pt", digest="1" * 64, size=1)
    assert "would be overwritten" in ask(place, 1, artifacts=(out,))["command"].text
    assert ask(place, 2, artifacts=(out,), command=("train", "--out=/else/where"))["command"].is_met
    assert not ask(place, 3, artifacts=(out,), command=("train", "--out=/else/whereas"))["command"].is_met


@pytest.mark.parametrize("is_thorough", [True, False])
def test_environment(place: Any, is_thorough: bool, tmp_path: Path) -> None:
    gone = Environment(python=f"{MINOR}.0", executable=str(tmp_path / "gone"), implementation="cpython")
    found = ask(place, 1, environment=gone, is_thorough=is_thorough)["environment"]
    assert (found.is_met, found.is_needed) == (False, False)
    assert "gone is not there" in found.text
    never = replace(gone, python="2.4.6")
    found = ask(place, 2, environment=never, is_thorough=is_thorough)["environment"]
    assert (found.is_met, found.is_needed, found.text) == (False, True, "there is no Python 2.4 here")


def test_a_package_that_changed_is_named_at_a_glance_too(place: Any, tmp_path: Path) -> None:
    site = tmp_path / "env" / "lib" / f"python{MINOR}" / "site-packages"
    (site / "tiny-2.0.dist-info").mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text("include-system-site-packages = false\n")
    then = Environment(
        python=f"{MINOR}.0", executable=sys.executable, virtualenv=str(tmp_path / "env"), packages={"tiny": "1.0"}
    )
    found = ask(place, 1, environment=then, is_thorough=False)["environment"]
    assert (found.is_met, found.text) == (False, "it has changed: tiny 1.0 → 2.0")
    (site / "tiny-2.0.dist-info").rename(site / "tiny-1.0.dist-info")
    assert ask(place, 2, environment=then, is_thorough=False)["environment"].is_met
    more = replace(then, packages={"tiny": "1.0", "other": "1"})
    assert "other 1 is missing" in ask(place, 3, environment=more, is_thorough=False)["environment"].text
    # With the system's packages in sight, what is not here may be there.
    (tmp_path / "env" / "pyvenv.cfg").write_text("include-system-site-packages = true\n")
    assert ask(place, 4, environment=more, is_thorough=False)["environment"].is_met


def test_inputs(place: Any) -> None:
    lost = tuple(Input(name=f"i{n}", path=f"/gone/{n}", digest=f"{n}" * 64, size=1, files=1) for n in range(5))
    found = ask(place, 1, inputs=lost)["inputs"]
    assert (found.is_met, found.is_needed) == (False, True)
    assert found.text.startswith("input i0: /gone/0 is not there; ")
    assert found.text.endswith("; and 2 more")


def test_machine(place: Any) -> None:
    other = ask(place, 1, machine=Machine(os="Plan 9 vax"))["machine"]
    assert (other.is_met, other.is_needed) == (False, False)
    with_gpu = Machine(os=f"{platform.system()} {platform.machine()}", gpus=(Gpu(index=0, name="Voodoo 2", uuid="x"),))
    assert "it ran on Voodoo 2" in ask(place, 2, machine=with_gpu)["machine"].text


def test_results(place: Any) -> None:
    assert not ask(place, 1, metrics={})["results"].is_met


def test_the_score_in_a_line() -> None:
    yes, no = Check("code", True, True, "x"), Check("inputs", False, True, "train is gone")
    rather = Check("machine", False, False, "another")
    assert score_line(Readiness((yes,), ())) == "yes, 1 of 1"
    assert score_line(Readiness((yes, rather), ())) == "yes, 1 of 2; machine: another"
    assert score_line(Readiness((rather, yes, no), ())) == "no, 1 of 3; inputs: train is gone; machine: another"
