from __future__ import annotations

import math

import pytest

from exptrack.actions.columns import Key, parse_keys
from exptrack.cli.table import lay_out, print_groups, print_runs
from made_runs import NOW, full_run, made_run, metric, piped, terminal, text_of

THREE = [
    made_run(
        n,
        name=f"try-{n}",
        params={"lr": n / 10, "same": 1},
        tags={"owner": "ann"},
        metrics={"val/acc": metric(0.9 + n / 100, "max"), "loss": metric(math.nan if n == 2 else n / 7, "min")},
        seconds=60.0 * n,
    )
    for n in (3, 2, 1)
]


def head(screen):
    return text_of(screen).splitlines()[0].split()


def test_by_default_only_what_differs_is_shown():
    screen = piped()
    print_runs(screen, THREE)
    assert head(screen) == ["id", "status", "name", "started", "duration", "val/acc", "↑", "loss", "↓", "lr"]


def test_without_names_there_is_no_column_of_names():
    screen = piped()
    print_runs(screen, [made_run(1), made_run(2)])
    assert head(screen) == ["id", "status", "started", "duration"]


def test_current_and_pinned_runs_are_marked():
    screen = piped()
    print_runs(screen, [made_run(1, models=("prod", "canary"), pinned=True), made_run(2)])
    assert "prod@ canary@ pinned" in text_of(screen)
    assert text_of(screen).splitlines()[2].split()[-1] == "-"


def test_a_narrow_terminal_gets_the_most_telling_columns_and_says_how_many_it_has_not():
    screen = terminal(width=70)
    print_runs(screen, THREE)
    lines = text_of(screen).splitlines()
    assert all(len(line.rstrip()) <= 70 for line in lines)
    assert head(screen) == ["id", "status", "name", "started", "duration", "val/acc", "↑"]
    assert lines[-1].startswith("+ 2 more")


def test_a_pipe_gets_every_column_that_differs_whatever_its_width():
    runs = [made_run(n, params={f"param{i}": n * i + n for i in range(50)}) for n in (1, 2)]
    screen = piped(width=40)
    print_runs(screen, runs)
    assert len(head(screen)) == 4 + 50
    assert "more" not in text_of(screen)


def test_columns_that_were_asked_for_are_all_there_in_that_order():
    for screen in (piped(40), terminal(200)):
        print_runs(screen, THREE, parse_keys(["same,id,val/acc.best"], THREE))
        assert head(screen) == ["same", "id", "val/acc.best", "↑"]


def test_the_best_of_a_column_is_highlighted_and_nan_is_not_it():
    columns, rows = lay_out(THREE, [Key("metric", "val/acc"), Key("metric", "loss")], NOW)
    assert [c.title for c in columns] == ["val/acc ↑", "loss ↓"]
    assert [r[0].style for r in rows] == ["bold green", "", ""]
    assert [(r[1].text, r[1].style) for r in rows] == [("0.428571", ""), ("nan", "red"), ("0.142857", "bold green")]


def test_where_all_are_alike_none_is_best():
    runs = [made_run(n, metrics={"m": metric(1.0, "max")}) for n in (1, 2)]
    _, rows = lay_out(runs, [Key("metric", "m")], NOW)
    assert {r[0].style for r in rows} == {""}


def test_a_name_that_stands_for_two_columns_is_written_in_full():
    runs = [made_run(n, params={"lr": n}, metrics={"lr": metric(n)}, tags={"owner": str(n)}) for n in (1, 2)]
    columns, _ = lay_out(runs, parse_keys(["params.lr,metrics.lr,owner"], runs), NOW)
    assert [c.title for c in columns] == ["params.lr", "metrics.lr", "owner"]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("started", "5 min ago"),
        ("seconds", "1 min 40 s"),
        ("usage.max_rss", "3.0 GiB"),
        ("usage.cpu_seconds", "3 min 10 s"),
        ("machine.gpus", "NVIDIA H100"),
        ("command", "python train.py"),
        ("code.dirty", "true"),
        ("pinned", "true"),
        ("parent", "-"),
        ("machine.cores", "96"),
        ("note", "smaller rate\nas Bob proposed"),
    ],
)
def test_fields_are_said_as_people_say_them(key, text):
    run = full_run()
    _, rows = lay_out([run], parse_keys([key], [run]), NOW)
    assert rows[0][0].text == text


def test_numbers_stand_on_the_right():
    columns, _ = lay_out(THREE, parse_keys(["lr,name,loss"], THREE), NOW)
    assert [c.is_right for c in columns] == [True, False, True]


def test_no_runs():
    screen = piped()
    print_runs(screen, [])
    print_runs(screen, [], empty="no runs yet")
    assert text_of(screen) == "no runs yet\n"


def test_groups():
    screen = piped()
    print_groups(screen, [{"params.lr": 0.1, "runs": 3, "val/acc.mean": 0.9}, {"params.lr": None, "runs": 12}])
    assert text_of(screen).splitlines() == [
        "params.lr  runs  val/acc.mean",
        "      0.1     3           0.9",
        "        -    12             -",
    ]


def test_what_the_policy_names_leads_though_it_does_not_differ():
    runs = [made_run(n, params={"lr": n}, metrics={"f": metric(0.5), "loss": metric(n, "min")}) for n in (1, 2)]
    screen = piped()
    print_runs(screen, runs, named=["f", "none"])
    assert head(screen) == ["id", "status", "started", "duration", "f", "loss", "↓", "lr"]


def test_in_a_narrow_window_what_the_policy_names_has_room():
    runs = [made_run(n, name=f"try-{n}", metrics={"validation/accuracy": metric(n / 9, "max")}) for n in (1, 2)]
    screen = terminal(width=60)
    print_runs(screen, runs, named=["validation/accuracy"])
    assert head(screen) == ["id", "status", "name", "validation/accuracy", "↑"]
    assert all(len(line.rstrip()) <= 60 for line in text_of(screen).splitlines())
