"""What would be recorded, line by line, and why."""

import io

import pytest

from exptrack.actions.parse import explain, parse, parse_file
from exptrack.errors import ExptrackError

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
