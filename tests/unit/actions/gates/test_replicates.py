"""What counts as the same configuration: seeds may differ, and nothing else that tells on the result."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exptrack.actions.gates.replicates import replicates_of, seed_rule, seeds_in
from exptrack.model import CodeState, Input
from exptrack.store.place import Store
from made import file_artifact
from made_runs import tree_of
from sealed_runs import add_run, make_project, run_id

IS_SEED = seed_rule(())
CODE = {"train.py": b"train", "data.py": b"data"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_project(tmp_path)[1]


def add(store: Store, number: int, seed: object = None, *, acc: float = 0.9, **changes):
    """Run `number` of `python train.py --lr 0.1 --seed SEED`."""
    seed = number if seed is None else seed
    fields = {
        "project": "p",
        "params": {"lr": 0.1, "seed": seed},
        "command": ("python", "train.py", "--lr", "0.1", "--seed", str(seed)),
        "code": CodeState(root="/work", tree=tree_of(store, CODE), commit="c" * 40, dirty=True),
        "inputs": (Input(name="test", path="t.csv", digest="1" * 64, size=1, files=1),),
        "metrics": {"acc": acc},
        **changes,
    }
    return add_run(store, number, **fields)


def found(store: Store, number: int = 1, names: tuple[str, ...] = ()):
    (group,) = replicates_of(store, [store.records.manifest(run_id(number))], seed_rule(names))
    return group


def numbers(group) -> list[int]:
    return [int(run.id.removeprefix("01run")) for run in group.runs]


def test_runs_that_differ_in_their_seeds_only_newest_first_behind_the_one_asked_for(store):
    for n in (1, 2, 3):
        add(store, n)
    assert numbers(found(store, 2)) == [2, 3, 1]
    assert found(store, 2).near == {}


OTHERS = {
    "project": {"project": "q"},
    "status": {"status": "failed"},
    "two parameters": {"params": {"lr": 0.2, "wd": 0, "seed": 2}},
}
NEAR = {
    "the parameter lr": {"params": {"lr": 0.2, "seed": 2}},
    "the parameter wd": {"params": {"lr": 0.1, "wd": None, "seed": 2}},
    "the command": {"command": ("python", "other.py", "--lr", "0.1", "--seed", "2")},
    "inputs": {"inputs": ()},
    "code": {"code": CodeState(root="/work", tree=None, commit="d" * 40, dirty=False)},
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_configuration_is_none(store, what):
    add(store, 1)
    add(store, 2, **OTHERS[what])
    group = found(store)
    assert (numbers(group), group.near) == ([1], {})


@pytest.mark.parametrize("what", NEAR)
def test_what_lacks_one_thing_only_is_told(store, what):
    add(store, 1)
    add(store, 2, **NEAR[what])
    group = found(store)
    assert (numbers(group), group.near) == ([1], {what: 1})


@pytest.mark.parametrize(
    "digest", [None, "2" * 64, "1" * 64], ids=["not there", "another", "the same under another path"]
)
def test_inputs_are_compared_by_digest(store, digest):
    add(store, 1)
    add(store, 2, inputs=(Input(name="test", path="elsewhere.csv", digest=digest, size=1, files=1),))
    assert numbers(found(store)) == ([1, 2] if digest == "1" * 64 else [1])


def test_the_order_of_flags_and_the_way_a_seed_is_written_are_no_difference(store):
    add(store, 1)
    add(store, 2, command=("python", "train.py", "--seed=2", "--lr", "0.1"))
    add(store, 3, command=("python", "train.py", "seed=3", "--lr", "0.1"))
    add(store, 4, command=("python", "train.py", "--lr=0.1", "--seed", "4"))
    assert numbers(found(store)) == [1, 3, 2]


def test_the_same_commit_with_nothing_uncommitted_is_the_same_code(store):
    clean = CodeState(root="/work", commit="c" * 40, dirty=False)
    for n, tree in ((1, "a" * 64), (2, "b" * 64), (3, None)):
        code = CodeState(root="/work", commit=clean.commit, dirty=False, tree=tree)
        add(store, n, code=code)
    add(store, 4, code=CodeState(root="/work", commit=clean.commit, dirty=True, tree="d" * 64))
    assert numbers(found(store)) == [1, 3, 2]


def test_code_that_nobody_recorded_is_not_the_same(store):
    for n in (1, 2):
        add(store, n, code=CodeState())
    assert numbers(found(store)) == [1]


def test_outputs_left_in_the_snapshot_are_no_other_code(store):
    """A folder that git does not ignore: the second run's snapshot has the first one's weights."""

    def code(**more: bytes) -> CodeState:
        files = {**CODE, **{k.replace("_", "/"): v for k, v in more.items()}}
        return CodeState(root="/work", tree=tree_of(store, files), commit="c" * 40, dirty=True)

    kept = (file_artifact(store, "model", "out", b"w", is_tree=True),)
    add(store, 1, artifacts=kept, code=code())
    add(store, 2, artifacts=kept, code=code(out_m=b"one"))
    add(store, 3, artifacts=kept, code=code(outer=b"not in out"))
    add(store, 4, code=code(sub_out_m=b"of another folder"))
    assert numbers(found(store)) == [1, 2]


def test_a_snapshot_whose_bytes_are_gone_is_not_the_same(store):
    add(store, 1)
    add(store, 2, code=CodeState(root="/work", tree=tree_of(store, {"x": b"x"}), commit="c" * 40, dirty=True))
    tree = store.records.manifest(run_id(1)).code.tree
    os.unlink(store.objects.path(tree))
    assert numbers(found(store)) == [1]


def test_what_cannot_be_read_is_no_replicate(store):
    for n in (1, 2, 3):
        add(store, n)
    Path(store.records.runs, run_id(2) + ".json").write_bytes(b"{")
    Path(store.records.runs, run_id(4) + ".json").write_bytes(b'{"status":"finished","params":[],"command":5}')
    assert numbers(found(store)) == [1, 3]


# --- seeds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["seed", "random_seed", "trainer.seed", "data-seed", "random_state", "manualSeed", "a/seed"]
)
def test_called_like_a_seed(name):
    assert seed_rule(())(name)


@pytest.mark.parametrize("name", ["lr", "seeds", "n_seeds", "seed.size", "seedling", "state"])
def test_not_called_like_a_seed(name):
    assert not seed_rule(())(name)


def test_the_policy_may_name_them(store):
    rule = seed_rule(["trainer.s0", "out*"])
    assert [n for n in ("trainer.s0", "out_dir", "out-dir", "seed", "s0") if rule(n)] == [
        "trainer.s0",
        "out_dir",
        "out-dir",
    ]
    for n in (1, 2, 3):
        words = ("python", "t.py", "--seed", str(min(n, 2)), "--out", f"out/{n}")
        add(store, n, params={"seed": min(n, 2), "out": f"out/{n}"}, command=words)
    group = found(store, 1, ("seed", "out"))
    assert numbers(group) == [1, 3, 2]
    # Another folder is no other draw.
    assert len(group.distinct("acc", seed_rule(["seed", "out"]))) == 2


def test_one_run_a_seed_and_the_one_asked_for_stands_for_its_own(store):
    add(store, 1, seed=7)
    add(store, 2, seed=7)
    add(store, 3, seed=8)
    add(store, 4, seed=8)
    add(store, 5, seed=9, metrics={})
    group = found(store, 1)
    assert [run.id for run in group.distinct("acc", IS_SEED)] == [run_id(1), run_id(4)]


def test_without_a_seed_equal_numbers_are_one_draw(store):
    words = ("python", "train.py")
    for n, acc in ((1, 0.9), (2, 0.9), (3, 0.91)):
        add(store, n, acc=acc, params={}, command=words)
    assert len(found(store).distinct("acc", IS_SEED)) == 2


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("t --seed 1 --lr 2", "t --seed SEED --lr 2"),
        ("t --seed=1 x", "t --seed=SEED x"),
        ("t +seed=1", "t +seed=SEED"),
        ("t --seed -1", "t --seed SEED"),
        ("t --seed --lr 1", "t --seed --lr 1"),
        ("t seed 1", "t seed 1"),
        ("t --seed", "t --seed"),
    ],
)
def test_seeds_on_a_command_line(command, shown):
    assert " ".join(word for word, _ in seeds_in(command.split(), IS_SEED)) == shown
