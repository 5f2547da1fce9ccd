"""best: the same run as `best:METRIC`, with what it reached."""

from __future__ import annotations

import pytest

from exptrack.actions.find import resolve
from exptrack.actions.rank import best
from exptrack.errors import ExptrackError, NoSuchRun
from sealed_runs import add_run, make_project, run_id, summary


@pytest.fixture
def place(tmp_path):
    project, store = make_project(tmp_path)
    add_run(store, 1, metrics={"val/acc": summary(0.7, max=0.9, best=0.9, best_step=5.0, goal="max")}, group="a")
    add_run(store, 2, metrics={"val/acc": summary(0.8)}, group="a", params={"lr": 0.1})
    add_run(store, 3, metrics={"val/acc": summary(0.95)}, status="failed")
    add_run(store, 4, metrics={"val/acc": summary(0.5, max=float("inf")), "speed": summary(3.0)})
    return project, store


def test_the_best_of_the_whole_series_counts(place):
    ranking = best(*place, "val/acc")
    (first,) = ranking.runs
    assert (ranking.goal, first.run.id, first.value, first.step) == ("max", run_id(1), 0.9, 5.0)
    assert resolve(*place, "best:val/acc").id == first.run.id


def test_several_in_order_and_filters(place):
    assert [r.run.id for r in best(*place, "val/acc", count=9).runs] == [run_id(1), run_id(2)]
    assert [r.run.id for r in best(*place, "val/acc", ["group=a", "params.lr>0.01"]).runs] == [run_id(2)]


def test_none_and_no_goal(place):
    with pytest.raises(NoSuchRun, match="no finished run that matches"):
        best(*place, "val/acc", ["group=b"])
    with pytest.raises(NoSuchRun) as e:
        best(*place, "val/ac_loss")
    assert e.value.exit_code == 3
    with pytest.raises(ExptrackError, match="nothing says whether more or less `speed` is better"):
        best(*place, "speed")


def test_a_metric_no_run_has_is_a_typing_error_and_no_question_of_goals(place):
    for name in ("sped", "eed"):
        with pytest.raises(NoSuchRun, match=f"no run has the metric `{name}`") as e:
            best(*place, name)
        assert e.value.hint == "did you mean `speed`?"
    with pytest.raises(NoSuchRun) as e:
        best(*place, "zzz")
    assert "exptrack show" in e.value.hint
