"""What a model card is about: a run, a model, one promotion of it; and what is known beside the run's own record."""

from __future__ import annotations

import pytest

from exptrack.actions.cards.card import model_facts, subject
from exptrack.errors import NoSuchRun
from exptrack.model import CodeState, Input
from made import digest_of, file_artifact
from made_runs import tree_of
from sealed_runs import add_run, make_project, promote, run_id


@pytest.fixture
def place(tmp_path):
    """Run 1 made the weights that run 2 started from; prod went 1, 2, 1; `old` was demoted."""
    project, store = make_project(tmp_path)
    add_run(store, 1, name="base", artifacts=(file_artifact(store, "model", "base.pt", b"base"),))
    used = Input(name="init", path="w/copy.pt", digest=digest_of(b"base"), size=4, files=1)
    code = CodeState(tree=tree_of(store, {"train.py": b"x"}))
    add_run(store, 2, name="tuned", inputs=(used,), code=code)
    add_run(store, 3, name="prod")
    for sequence, number in enumerate((1, 2, 1), 1):
        promote(store, "prod", sequence, number)
    promote(store, "old", 1, 2)
    promote(store, "old", 2, None)
    return project, store


def asked(place, text):
    found = subject(*place, text)
    return found.run.id, found.model, found.promotion and found.promotion.sequence


def test_runs_models_and_promotions(place):
    assert asked(place, "prod@") == asked(place, "prod") == (run_id(1), "prod", 3)
    assert asked(place, "prod@2") == (run_id(2), "prod", 2)
    assert asked(place, "base") == asked(place, run_id(1)) == (run_id(1), None, None)
    assert asked(place, "@") == (run_id(3), None, None)


def test_a_name_that_is_a_models_means_the_model_and_not_the_run_so_called(place):
    assert asked(place, "prod")[0] == run_id(1)


def test_a_run_that_is_called_like_a_promotion_is_itself(place):
    add_run(place[1], 4, name="prod@2")
    assert asked(place, "prod@2") == (run_id(4), None, None)


@pytest.mark.parametrize("text", ["old", "old@", "old@2", "prod@9", "nothing", "", "a\0b", "\udcff", "@~9"], ids=ascii)
def test_nothing_to_describe_is_exit_3(place, text):
    with pytest.raises(NoSuchRun):
        subject(*place, text)


def test_histories_sources_and_code(place):
    known = model_facts(*place, "tuned")
    assert [h.model for h in known.histories] == ["old", "prod"]
    assert known.sources[digest_of(b"base")].run == run_id(1)
    assert known.has_code
    known = model_facts(*place, "prod")
    assert [h.model for h in known.histories] == ["prod"]
    assert (known.sources, known.has_code) == ({}, False)
