"""Better over several seeds: one lucky seed promotes nothing, and what is missing is said with the command for it."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from scipy import stats

from exptrack.actions.gates.case import Case
from exptrack.actions.gates.metrics import better_gate
from exptrack.config import Config, Gates, Project
from exptrack.model import CodeState, Gate, Input, Run
from exptrack.store.fold import apply_events
from sealed_runs import add_run, make_project, run_id

TABLE = Gates("m", better_than_current="acc", replicates=3)


@pytest.fixture
def place(tmp_path: Path) -> tuple[Project, object]:
    return make_project(tmp_path / "it's here")


def add(place, first: int, values, *, lr: float, **changes) -> Run:
    """Replicates with these values, from run number `first` on; the first of them."""
    project, store = place
    for n, value in enumerate(values, first):
        fields = {
            "params": {"lr": lr, "seed": n},
            "command": ("python", "t.py", "--lr", str(lr), "--seed", str(n)),
            "cwd": project.root,
            "code": CodeState(root=project.root, tree="a" * 64),
            "metrics": {"acc": value},
        }
        add_run(store, n, **{**fields, **changes})
    return apply_events(store.records.manifest(run_id(first)), ())


def gate(place, run: Run, current: Run | None, table: Gates = TABLE, goal: str = "max", **config) -> Gate:
    project, store = place
    policy = Config(gates=(table,), goals={"acc": goal}, **config)
    project = Project(project.root, project.folder, store.root, policy)
    found = better_gate(Case(project, store, run, "m", current, 0.0), table)
    assert found.passed or found.hint
    return found


OLD, NEW = [0.90, 0.91, 0.905, 0.9], [0.95, 0.94, 0.955]


@pytest.mark.parametrize("goal", ["max", "min"])
def test_more_than_chance(place, goal):
    current, run = add(place, 1, OLD, lr=0.1), add(place, 11, NEW, lr=0.2)
    if goal == "min":
        current, run = run, current
    found = gate(place, run, current, goal=goal)
    assert found.passed
    p = stats.ttest_ind(NEW, OLD, equal_var=False, alternative="greater").pvalue
    assert found.value.endswith(f"p = {p:.3g}")
    assert ("0.948333 (3 seeds)" in found.value, "0.90375 (4 seeds)" in found.value) == (True, True)
    assert found.wanted == f"{'>' if goal == 'max' else '<'} over 3 seeds each, p <= 0.05"


def test_a_lucky_seed_is_not(place):
    current, run = add(place, 1, [0.90, 0.91, 0.90], lr=0.1), add(place, 11, [0.95, 0.88, 0.90], lr=0.2)
    found = gate(place, run, current)
    assert not found.passed
    assert "may be chance" in found.hint
    # The same seed alone would have passed.
    assert gate(place, run, current, TABLE._replace(replicates=0)).passed


def test_worse_on_average_is_said(place):
    current, run = add(place, 1, OLD, lr=0.1), add(place, 11, [0.8, 0.81, 0.82], lr=0.2)
    assert "not better on average" in gate(place, run, current).hint


@pytest.mark.parametrize(("min_delta", "p", "passed"), [(0.03, 0.05, True), (0.044, 0.05, False), (0.03, 1e-9, False)])
def test_the_margin_is_what_must_be_beaten(place, min_delta, p, passed):
    current, run = add(place, 1, OLD, lr=0.1), add(place, 11, NEW, lr=0.2)
    found = gate(place, run, current, TABLE._replace(min_delta=min_delta, p=p))
    assert found.passed is passed
    assert f"by {min_delta}" in found.wanted


def test_a_margin_below_nothing_is_none(place):
    current, run = add(place, 1, OLD, lr=0.1), add(place, 11, [0.89, 0.9, 0.91], lr=0.2)
    assert not gate(place, run, current, TABLE._replace(min_delta=-1.0)).passed


def test_missing_seeds_are_counted_and_the_commands_named(place):
    current, run = add(place, 1, OLD[:2], lr=0.1), add(place, 11, NEW[:1], lr=0.2)
    found = gate(place, run, current)
    assert not found.passed
    assert found.value == "0.95 (1 seed) against 0.905 (2 seeds)"
    own, theirs = found.hint.split("; ")
    assert own == "2 more of this configuration: `exptrack run -- python t.py --lr 0.2 --seed SEED`"
    assert theirs.startswith(
        f"1 more of the current run's configuration: `exptrack restore {current.id} DIR && ln -s '"
    )
    assert theirs.endswith(" DIR/.exptrack && cd DIR`, there `exptrack run -- python t.py --lr 0.1 --seed SEED`")


def test_the_place_of_the_current_run_comes_from_git_where_there_is_one(place):
    project, _ = place
    sub = os.path.join(project.root, "sub")
    code = CodeState(root=project.root, tree="b" * 64, commit="c" * 40, dirty=True)
    inputs = (Input(name="test", path="t.csv", digest="1" * 64, size=1, files=1),)
    current = add(place, 1, OLD[:1], lr=0.1, code=code, cwd=sub, inputs=inputs)
    hint = gate(place, add(place, 11, NEW, lr=0.2), current).hint
    assert f"`git worktree add DIR cccccccccccc && exptrack restore --force {current.id} DIR && ln -s" in hint
    assert "DIR/.exptrack && cd DIR/sub`, there `exptrack run -i test=t.csv -- python" in hint


def test_a_seed_that_no_flag_tells_is_asked_for(place):
    current = add(place, 1, OLD, lr=0.1)
    run = add(place, 11, NEW[:1], lr=0.2, params={"lr": 0.2}, command=("python", "t.py"))
    assert "`exptrack run -- python t.py` with another seed, told by a flag or with -p seed=SEED" in (
        gate(place, run, current).hint
    )


def test_the_command_asks_for_what_the_run_was_asked(place):
    asked = {"outputs": [["model", "out/*.pt"]], "params": {"wd": 0.1, "seed": 11}, "configs": ["c.toml"]}
    current = add(place, 1, OLD, lr=0.1)
    run = add(place, 11, NEW[:1], lr=0.2, asked=asked, tags={"owner": "ann", "x": "y"})
    options = "-t owner=ann -t no=VALUE -p wd=0.1 -c c.toml -o 'model=out/*.pt'"
    assert f"`exptrack run {options} -- python t.py" in gate(place, run, current, required_tags=("owner", "no")).hint
    odd = add(place, 21, NEW[:1], lr=0.3, asked={"outputs": [1, "ab", ["a"]], "params": ["x"], "configs": 5})
    assert "`exptrack run -- python t.py" in gate(place, odd, current).hint


def test_runs_that_were_meant_as_replicates_are_told(place):
    current, run = add(place, 1, OLD, lr=0.1), add(place, 11, NEW[:1], lr=0.2)
    for n in (12, 13):
        words = ("python", "t.py", "--lr", "0.2", "--seed", str(n), "--out", f"o{n}")
        add(place, n, [0.94 + n / 1000], lr=0.2, params={"lr": 0.2, "seed": n, "out": f"o{n}"}, command=words)
    found = gate(place, run, current)
    assert found.hint.endswith(
        "2 runs differ from it only in the parameter out: name it in [params] seeds if it is no setting"
    )
    assert gate(place, run, current, seeds=("seed", "out")).passed


def test_two_of_one_configuration_are_not_better_than_each_other(place):
    current = add(place, 1, OLD, lr=0.1)
    run = apply_events(place[1].records.manifest(run_id(2)), ())
    found = gate(place, run, current)
    assert (found.passed, found.value) == (False, "the configuration of the current run itself")


def test_what_needs_no_test(place):
    current, run = add(place, 1, [math.nan], lr=0.1), add(place, 11, NEW[:1], lr=0.2)
    assert gate(place, run, None).wanted == "better than the current run: there is none"
    assert gate(place, run, run).wanted == "better than the current run: it is this one"
    assert gate(place, run, current).wanted == "better than the current run: it has no value"


def test_a_seed_that_diverged_refuses_the_run_and_is_named(place):
    current = add(place, 1, OLD, lr=0.1)
    for bad in (math.nan, math.inf):
        start = 20 if math.isnan(bad) else 30
        run = add(place, start, [*NEW, bad], lr=start)
        found = gate(place, run, current)
        assert (found.passed, found.value) == (False, "1 of 4 seeds ended at no number")
        assert run_id(start + 3) in found.hint


def test_seeds_of_the_current_run_that_diverged_are_left_out(place):
    current = add(place, 1, [*OLD, math.nan, math.inf], lr=0.1)
    run = add(place, 11, NEW, lr=0.2)
    found = gate(place, run, current)
    assert (found.passed, "0.90375 (4 seeds)" in found.value) == (True, True)


def test_without_any_spread_the_difference_decides(place):
    current, run = add(place, 1, [0.9] * 3, lr=0.1), add(place, 11, [0.95] * 3, lr=0.2)
    found = gate(place, run, current)
    assert found.passed
    assert found.value.endswith("p = 0, no seed changes anything")
    assert not gate(place, current, run).passed
    # 0.95 - 0.9 is a little less than 0.05 in floats.
    assert gate(place, run, current, TABLE._replace(min_delta=0.05)).passed
    assert not gate(place, run, current, TABLE._replace(min_delta=0.06)).passed


def test_numbers_beyond_floats_are_refused_and_not_a_crash(place):
    current, run = add(place, 1, [1e308, 1.1e308, 1.2e308], lr=0.1), add(place, 11, [1.7e308] * 3, lr=0.2)
    found = gate(place, run, current)
    assert (found.passed, "too large to average" in found.value) == (False, True)


@pytest.mark.parametrize(
    ("name", "pattern", "said"),
    [
        ("wide", "^[a-z0-9-]+$", "-n wide-seedSEED -t owner=ann"),
        ("wide-seed12", "^[a-z0-9-]+$", "-n wide-seedSEED -t owner=ann"),
        ("wide", "^[a-z]+$", "-n NAME -t owner=ann"),
        (None, "^[a-z0-9]+$", "-n seedSEED -t owner=ann"),
        ("wide", None, "-t owner=ann"),
    ],
)
def test_the_commands_for_missing_seeds_are_such_as_the_policy_takes(place, name, pattern, said):
    current, run = add(place, 1, OLD, lr=0.1), add(place, 11, [0.95], lr=0.2, name=name, tags={"owner": "ann"})
    hint = gate(place, run, current, required_name=pattern, required_tags=("owner",)).hint
    assert f"`exptrack run {said} -- python t.py --lr 0.2 --seed SEED`" in hint


def test_a_tag_that_is_required_since_then_is_asked_for(place):
    current, run = add(place, 1, OLD, lr=0.1), add(place, 11, [0.95], lr=0.2)
    assert "`exptrack run -t owner=VALUE -- " in gate(place, run, current, required_tags=("owner",)).hint
