"""Real frameworks with no option at all: their recorded output and files, played back under the real `exptrack run`.

The expectation is what each framework's own history object said, not what exptrack once read.
"""

from __future__ import annotations

import pytest

from framework_cases import CASES, RECORDED, Case, differences, history, in_file, in_print, recorded
from screen import Screen
from tool import EXPTRACK

# Writes the framework's files where it wrote them (now: a copy would keep the old times), then what it printed.
PLAY = """
import pathlib, sys
home, streams = pathlib.Path(sys.argv[1]), sys.argv[2:]
for file in sorted(p for p in home.glob("files/**/*") if p.is_file()):
    to = pathlib.Path(file.relative_to(home / "files"))
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(file.read_bytes())
for name, stream in zip(streams, (sys.stdout, sys.stderr)):
    stream.buffer.write((home / name).read_bytes())
    stream.flush()
"""
NAMES = list(CASES)
WITH_A_FILE = [name for name in NAMES if CASES[name].own_file]


@pytest.fixture
def played(tool):
    """`played(NAME)` through pipes, `played(NAME, on="terminal")`: the run's series, source by source."""

    def play(name, on="pipe"):
        home = RECORDED / name
        tool.write("train.py", PLAY)
        if on == "pipe":
            tool("run", "--", "python", "train.py", str(home), "pipe.stdout", "pipe.stderr")
        else:
            words = [EXPTRACK, "run", "--", "python", "train.py", str(home), "terminal"]
            with Screen(
                ["sh", "-c", 'cd "$0" && exec "$@"', str(tool.folder), *words], env=tool.env, rows=40, columns=120
            ) as screen:
                shown = screen.rest()
                assert screen.code == 0, shown
        return recorded(tool.folder)

    return play


@pytest.mark.parametrize("name", NAMES)
def test_what_a_framework_prints_into_pipes_is_its_history(played, name):
    found = played(name)
    assert differences(in_print(name, is_pipe=True), found["stdout"], is_rounded=True) == []
    assert differences(in_file(name), found.get("file", {}), is_rounded=False) == []
    assert found.keys() <= {"stdout", "file"}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_framework_prints_on_a_terminal_is_its_history(played, name):
    found = played(name, on="terminal")
    assert differences(in_print(name, is_pipe=False), found["terminal"], is_rounded=True) == []


@pytest.mark.parametrize("name", WITH_A_FILE)
def test_show_tells_the_series_of_the_frameworks_own_file(tool, played, name):
    """Printed and written are one metric, and the written one has all the digits."""
    played(name)
    shown = tool.json("show", "@")["metrics"]
    for metric, points in in_file(name).items():
        summary = shown[metric]
        if len(points) > 1:
            assert (metric, summary["source"].partition(":")[0]) == (metric, "file")
        step, value = points[-1]
        assert (summary["last_step"], summary["count"]) == (step, len(points)), metric
        assert summary["last"] == pytest.approx(value, rel=1e-7)
    only_printed = in_print(name, is_pipe=True).keys() - in_file(name).keys()
    assert shown.keys() == in_file(name).keys() | only_printed


@pytest.mark.parametrize("name", NAMES)
def test_plot_has_every_point(tool, played, name):
    played(name)
    wanted = in_print(name, is_pipe=True) | in_file(name)
    curves = {curve["metric"]: curve for curve in tool.json("plot", "*")}
    assert {metric: len(curve["values"]) for metric, curve in curves.items()} == {
        metric: len(points) for metric, points in wanted.items()
    }
    picture = tool("plot", next(iter(wanted))).stdout
    assert len(picture.splitlines()) > 8


def test_the_comparison_sees_what_is_wrong():
    told = history("nanogpt")
    assert differences(told, told, is_rounded=False) == []
    steps, rounded = [s for s, _ in told["loss"]], [round(v, 4) for _, v in told["loss"]]
    near = told | {"loss": list(zip(steps, rounded, strict=True))}
    assert differences(told, near, is_rounded=True) == []
    assert differences(told, near, is_rounded=False) != []
    far = told | {"loss": [(s, v + 2e-4) for s, v in near["loss"]]}
    assert differences(told, far, is_rounded=True) != []
    assert differences(told, told | {"iter": [(0, 1.0)]}, is_rounded=True) == ["iter: no metric"]
    assert differences(told | {"acc": [(0, 1.0)]}, told, is_rounded=True) == ["acc: not recorded"]
    assert differences(told, told | {"loss": told["loss"][1:]}, is_rounded=True) != []


def test_a_case_expects_nothing_of_a_file_unless_one_is_written():
    assert Case().own_file == ""
    assert all(in_file(name) for name in WITH_A_FILE)
    assert all(list((RECORDED / name / "files").rglob("*.*")) for name in WITH_A_FILE)
