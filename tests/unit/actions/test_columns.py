from __future__ import annotations

import math

import pytest

from exptrack.actions.columns import FIELDS, Key, differing, every, goal, parse_keys, same_key, value
from exptrack.errors import ExptrackError
from made_runs import full_run, made_run, metric

RUNS = [
    full_run(1, params={"lr": 0.1, "epochs": 20}, tags={"owner": "vision", "intent": "tune"}),
    full_run(2, params={"lr": 0.2, "epochs": 20}, tags={"owner": "vision"}, metrics={"val/acc": metric(0.8, "max")}),
]


@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        ("id", Key("field", "id"), RUNS[0].id),
        ("started", Key("field", "started_at"), "2026-11-22T21:55:00.000Z"),
        ("duration", Key("field", "seconds"), 100.0),
        ("model", Key("field", "models"), ["digits-prod"]),
        ("code.commit", Key("field", "code.commit"), "c" * 40),
        ("machine.gpu", Key("field", "machine.gpus"), ["NVIDIA H100"]),
        ("tag.owner", Key("tag", "owner"), "vision"),
        ("tags.owner", Key("tag", "owner"), "vision"),
        ("owner", Key("tag", "owner"), "vision"),
        ("params.lr", Key("param", "lr"), 0.1),
        ("lr", Key("param", "lr"), 0.1),
        ("params.none", Key("param", "none"), None),
        ("val/acc", Key("metric", "val/acc"), 0.9),
        ("metrics.val/acc", Key("metric", "val/acc"), 0.9),
        ("metrics.val/acc.best", Key("metric", "val/acc", "best"), 0.95),
        ("val/acc.best_step", Key("metric", "val/acc", "best_step"), 7.0),
        ('metrics."val/acc".max', Key("metric", "val/acc", "max"), 1.0),
        ("metrics.none.max", Key("metric", "none", "max"), None),
    ],
)
def test_keys_name_what_a_run_has(text, key, found):
    assert parse_keys([text], RUNS) == [key]
    assert value(RUNS[0], key) == found


def test_several_keys_in_one_word():
    assert [k.text for k in parse_keys(["id, lr", "tag.owner,val/acc.best"], RUNS)] == [
        "id",
        "params.lr",
        "tag.owner",
        "metrics.val/acc.best",
    ]


def test_a_metric_whose_name_ends_like_a_part_is_itself():
    run = made_run(metrics={"loss.best": metric(0.5)})
    (key,) = parse_keys(["metrics.loss.best"], [run])
    assert (key, value(run, key)) == (Key("metric", "loss.best"), 0.5)
    assert parse_keys([key.text], []) == [key]


def test_every_key_can_be_written_and_read_again():
    for key in [*(Key("field", f) for f in FIELDS), *every(RUNS)]:
        assert parse_keys([key.text], RUNS) == [key]


def test_an_unknown_column_names_the_nearest():
    with pytest.raises(ExptrackError) as e:
        parse_keys(["val/ac"], RUNS)
    assert (e.value.exit_code, e.value.hint) == (2, "did you mean `val/acc`?")
    with pytest.raises(ExptrackError, match="no column") as e:
        parse_keys(["zzzzzz"], RUNS)
    assert "started_at" in e.value.hint


def test_without_runs_any_metric_may_be_asked_for():
    assert parse_keys(["val/acc"], []) == [Key("metric", "val/acc")]


def test_what_differs_comes_in_the_order_of_interest():
    runs = [
        made_run(1, params={"lr": 0.1, "same": 1}, tags={"a": "x"}, metrics={"train/acc": metric(0.5, "max")}),
        made_run(
            2,
            params={"lr": 0.2, "same": 1.0},
            tags={"a": "y"},
            metrics={
                "train/acc": metric(0.6, "max"),
                "val/acc": metric(0.6, "max"),
                "speed": metric(7.0),
                "test/acc": metric(0.5, "max"),
            },
        ),
        made_run(
            3,
            params={"lr": 0.3, "same": 1},
            tags={"a": "y"},
            metrics={
                "train/acc": metric(0.7, "max"),
                "val/acc": metric(0.7, "max"),
                "speed": metric(8.0),
                "test/acc": metric(0.5, "max"),
                "test/once": metric(0.5, "max"),
            },
        ),
    ]
    assert [k.text for k in differing(runs)] == [
        "metrics.test/acc",
        "metrics.val/acc",
        "metrics.train/acc",
        "metrics.test/once",  # only one run has it
        "params.lr",
        "tag.a",
        "metrics.speed",  # no goal: last
    ]


def test_a_missing_value_differs_and_nan_does_not():
    a = made_run(1, params={"x": 1}, metrics={"loss": metric(math.nan, "min")})
    b = made_run(2, metrics={"loss": metric(math.nan, "min")})
    assert [k.text for k in differing([a, b])] == ["params.x"]


def test_one_run_alone_shows_its_metrics_with_a_goal():
    assert [k.text for k in differing([RUNS[0]])] == ["metrics.val/acc", "metrics.loss"]
    assert differing([]) == []


def test_the_goal_of_the_newest_run_counts():
    runs = [made_run(1, metrics={"m": metric(1, "max")}), made_run(2, metrics={"m": metric(1, "min")})]
    assert goal(Key("metric", "m"), runs) == "min"
    assert goal(Key("metric", "m", "count"), runs) is None
    assert goal(Key("param", "m"), runs) is None
    assert goal(Key("metric", "none"), runs) is None


@pytest.mark.parametrize(("a", "b"), [(1, 1.0), (math.nan, float("nan")), ([1], (1.0,)), ("x", "x")])
def test_same(a, b):
    assert same_key(a) == same_key(b)


@pytest.mark.parametrize(("a", "b"), [(1, True), (0, False), (0, None), ("1", 1), ([1], [1, 1]), (math.nan, "nan")])
def test_not_the_same(a, b):
    assert same_key(a) != same_key(b)


def test_inputs_are_no_column_and_the_hint_says_what_they_are():
    with pytest.raises(ExptrackError) as e:
        parse_keys(["inputs"], RUNS)
    assert "input=NAME" in e.value.hint
