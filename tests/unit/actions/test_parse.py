"""What would be recorded, line by line, and why."""

import io

import pytest

from exptrack.actions.parse import explain, parse, parse_file
from exptrack.errors import ExptrackError
from exptrack.record.naming import Naming

TEXT = b"  epoch    train_loss\n-------  ------------\n      1        2.5\n\nseed: 42\nstep 7 loss=0.5 lr=0.1\n"


def test_every_line_is_explained():
    lines = explain(TEXT).lines
    assert [(line.number, line.family, [p.name for p in line.points]) for line in lines] == [
        (1, "tables", []),
        (2, "tables", []),
        (3, "tables", ["train_loss"]),
        (4, "", []),
        (5, "", []),
        (6, "pairs", ["loss", "lr"]),
    ]


def test_explaining_records_what_parsing_records():
    assert list(explain(io.BytesIO(TEXT)).points) == list(parse(io.BytesIO(TEXT)))


def test_names_are_those_that_the_policy_uses():
    named = Naming(known=["val/acc"], aliases={"score": ["holdout score"]}, ignore=["lr"])
    told = explain(b"epoch 1 val_acc=0.5 lr=0.1\nepoch 2 holdout score: 0.7\n", naming=named)
    assert [(p.name, p.value) for p in told.points] == [("val/acc", 0.5), ("score", 0.7)]
    again = Naming(known=["val/acc"])
    assert [p.name for p in parse(b"epoch 1 val_acc=0.5\n", naming=again)] == ["val/acc"]


def test_units_go_with_the_name():
    told = explain(b"epoch 1 val_acc: 93%\n", naming=Naming(known=["val/acc"]))
    assert told.units == {p.name: "%" for p in told.points} == {"val/acc": "%"}


def test_what_waits_comes_with_the_end():
    told = explain(b"\rEpoch 1:  50%|##| 1/2 [00:00<00:00, 2.0it/s, loss=0.5]\n\n")
    assert [p.name for p in told.points] == ["loss"]
    assert [p for line in told.lines for p in line.points] == list(told.points)


def test_own_patterns_and_their_errors():
    assert [p.value for p in explain(b"foo -> 3\n", patterns={"foo": r"foo -> (\d+)"}).points] == [3.0]
    with pytest.raises(ExptrackError):
        explain(b"", patterns={"foo": "("})


def test_a_file_of_a_program(tmp_path):
    path = tmp_path / "training.csv"
    path.write_text("epoch,loss\n0,0.5\n")
    assert [(p.name, p.value, p.step) for p in parse_file(str(path))] == [("loss", 0.5, 0)]
    assert parse_file(str(tmp_path / "out.txt")) is None
