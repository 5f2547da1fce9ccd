"""A data set: found by name or digest, with everybody who used it."""

from __future__ import annotations

import pytest

from exptrack.actions.cards.dataset import dataset_facts
from exptrack.errors import NoSuchRun
from exptrack.model import Input
from made import digest_of, file_artifact
from sealed_runs import add_run, make_project, promote, run_id

ONE, TWO = digest_of(b"one"), digest_of(b"two")


def used(name, digest, path="data/train.csv"):
    return Input(name=name, path=path, digest=digest, size=3, files=1)


@pytest.fixture
def place(tmp_path):
    """1 made it; 2 and 4 trained on it, 3 on an older version; 5 found nothing there; 2 was promoted."""
    project, store = make_project(tmp_path)
    add_run(store, 1, name="prepare", artifacts=(file_artifact(store, "data", "out/train.csv", b"one"),))
    add_run(store, 2, inputs=(used("train", ONE),))
    add_run(store, 3, inputs=(used("train", TWO),))
    add_run(store, 4, inputs=(used("held out", ONE, "copy.csv"), used("train", ONE)))
    add_run(store, 5, inputs=(used("train", None), used("gone", None)))
    promote(store, "prod", 1, 2)
    return project, store


def test_by_name_the_newest_that_was_there(place):
    known = dataset_facts(*place, "train")
    assert (known.name, known.digest, known.size, known.files) == ("train", ONE, 3, 1)
    uses = [(u.run.id, u.used.name, u.promoted) for u in known.uses]
    assert sorted(uses[:2]) == [(run_id(4), "held out", ()), (run_id(4), "train", ())]
    assert uses[2:] == [(run_id(2), "train", ("prod@1",))]
    assert [(m.run.id, m.kind, m.path) for m in known.makers] == [(run_id(1), "data", "out/train.csv")]
    (other,) = known.others
    assert (other.digest, other.runs, other.last_at) == (TWO, 1, "2026-11-01T12:03:00.000Z")


def test_by_path_by_digest_and_of_one_run(place):
    assert dataset_facts(*place, "copy.csv").name == "held out"
    assert dataset_facts(*place, TWO[:6]).digest == TWO
    assert dataset_facts(*place, "train", run_id(3)).digest == TWO
    assert dataset_facts(*place, ONE[:4], run_id(2)).digest == ONE
    assert dataset_facts(*place, "train", "prod@").digest == ONE


@pytest.mark.parametrize(
    ("asked", "run", "said"),
    [
        ("nothing", None, "no run has an input nothing"),
        (ONE[:3], None, "no run has an input"),
        ("", None, "no run has an input"),
        ("gone", None, "was not there"),
        ("train", run_id(5), "was not there"),
        ("train", run_id(1), "has no input train"),
        ("train", "nobody", "no run nobody"),
        ("%", None, "no run has an input"),
        ("\udcff", None, "no run has an input"),
    ],
)
def test_what_there_is_not_is_exit_3(place, asked, run, said):
    with pytest.raises(NoSuchRun, match=said) as e:
        dataset_facts(*place, asked, run)
    assert e.value.exit_code == 3


def test_a_prefix_of_several_digests_lists_them(place):
    for number, last in ((6, "a"), (7, "b")):
        add_run(place[1], number, inputs=(used(f"set{last}", "beef" * 15 + f"000{last}"),))
    with pytest.raises(NoSuchRun, match="2 digests") as e:
        dataset_facts(*place, "beef")
    assert "seta" in e.value.hint
    assert "setb" in e.value.hint


def test_a_store_without_inputs(tmp_path):
    with pytest.raises(NoSuchRun) as e:
        dataset_facts(*make_project(tmp_path), "train")
    assert "declares one" in e.value.hint
