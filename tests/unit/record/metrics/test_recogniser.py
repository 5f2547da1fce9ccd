"""The recogniser as a whole: common shapes in, points out, however the bytes are cut."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.errors import ExptrackError
from exptrack.record.metrics import Recogniser


def points(text, cut=None, **options):
    data = text if isinstance(text, bytes) else text.encode()
    recogniser = Recogniser(**options)
    pieces = [data] if cut is None else [data[i : i + cut] for i in range(0, len(data), cut)]
    found = [p for piece in pieces for p in recogniser.feed(piece)] + recogniser.close()
    return [(p.name, p.value, p.step) for p in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("step 123 loss=0.008065 acc=0.992000\n", [("loss", 0.008065, 123), ("acc", 0.992, 123)]),
        ("step 250: train loss 2.1, val loss 2.3\n", [("train loss", 2.1, 250), ("val loss", 2.3, 250)]),
        ("{'loss': '3.1', 'epoch': '0.5'}\n", [("loss", 3.1, 0.5)]),
        ('{"step": 7, "loss": 0.25, "note": "x"}\n', [("loss", 0.25, 7)]),
        ("[0]\ttrain-logloss:0.51\teval-logloss:0.62\n", [("train-logloss", 0.51, 0), ("eval-logloss", 0.62, 0)]),
        ("Epoch: 001, Loss: 1.5983\n", [("Loss", 1.5983, 1)]),
        ("\x1b[32mloss: 0.5\x1b[0m\n", [("loss", 0.5, 0)]),
        ("acc: 98.3%\n", [("acc", 98.3, 0)]),
        ("step 3 loss: 1,234.5\n", [("loss", 1234.5, 3)]),
        ("seed: 42\nport: 8080\nTook: 3.2\nversion 1.2.3\n", []),
    ],
)
def test_common_shapes(text, expected):
    assert points(text) == expected


def test_bytes_may_be_cut_anywhere():
    text = "Epoch 1/2\nétape\nstep 1 loss=0.5 acc=50.0%\r\nstep 2 loss=nan\n"
    whole = points(text)
    for cut in range(1, 12):
        assert repr(points(text, cut)) == repr(whole)
    assert [p[0] for p in whole] == ["loss", "acc", "loss"]
    assert math.isnan(whole[2][1])


@pytest.mark.parametrize(
    ("line", "beside"), [("loss=0.\x0f5", "\x07"), ("loss=0.5", "\x1b]0;no end"), ("lo\x0ess=0.5", "\r")]
)
def test_a_control_character_of_one_line_changes_no_other(line, beside):
    alone = points(f"{line}\n")
    assert alone
    assert points(f"{beside}\n{line}\n\x07") == alone


def test_a_line_without_a_metric_teaches_nothing_of_one_with_other_words():
    """The two differ in blanks alone, and shapes are known by what is left without them."""
    assert points("s=a cc:\ns=5 acc:.9\n") == [("acc", 0.9, 0)]


PIECES = [
    *"0.5 \n\r\x08\x0b\x0c\x1b\x7f\0\x01\x07\x0e\x0f\x1c\x85\u2028",
    *("\r\n", "\x1b[A", "\x1b[2K", "\x1b[31m", "\x1b]0;t", "\x1b\\"),
    *("loss=0.5", "acc: 0.9 ", "step 1 ", "{'loss': 1e-3, 'epoch': 2}", "epoch,loss\n", "1,0.5\n", "| a | b |"),
    " 50%|####  | 1/2 [00:01<00:01, loss=0.3]",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25), st.lists(st.integers(0, 200), max_size=4))
def test_whatever_controls_there_are_bytes_may_be_cut_anywhere(pieces, cuts):
    data, places = "".join(pieces).encode(), sorted(cuts)
    whole, parts = Recogniser(), Recogniser()
    once = [*whole.feed(data), *whole.close()]
    told = [p for a, b in zip([0, *places], [*places, len(data)], strict=True) for p in parts.feed(data[a:b])]
    assert repr([*told, *parts.close()]) == repr(once)


def test_the_unfinished_last_line_counts():
    assert points("step 1 loss=0.5") == [("loss", 0.5, 1)]


def test_ranks_are_kept_apart():
    text = "[rank0]: step 1 loss=0.5\n[rank1]: step 1 loss=0.7\n"
    assert points(text) == [("loss", 0.5, 1), ("rank1/loss", 0.7, 1)]


def test_own_pattern_ignore_and_rename():
    text = "quux at 7 -> 0.25\nstep 1 loss=0.5 acc=0.1\n"
    found = points(
        text, patterns={"quux": r"quux at (?P<step>\d+) -> (\S+)"}, ignore=["acc"], rename={"loss": "train/loss"}
    )
    assert found == [("quux", 0.25, 7), ("train/loss", 0.5, 1)]


@pytest.mark.parametrize("pattern", ["loss=([", "loss"])
def test_bad_pattern_is_refused(pattern):
    with pytest.raises(ExptrackError):
        Recogniser(patterns={"loss": pattern})


def test_backtracking_pattern_is_dropped_with_a_warning():
    recogniser = Recogniser(patterns={"bad": r"(a+)+$", "good": r"good=(\d+)"})
    recogniser.feed(b"a" * 60 + b"!\n")
    assert [p.name for p in recogniser.feed(b"x good=3\n")] == ["good"]
    assert len(recogniser.warnings) == 1
    assert "'bad'" in recogniser.warnings[0]


def test_a_table_may_be_fed_line_by_line():
    text = "epoch  train_loss\n-----  ----------\n    1        0.50\n    2        0.40\n    3        0.30\n"
    for cut in (1, 18, 36):
        assert points(text, cut) == [("train_loss", 0.5, 1), ("train_loss", 0.4, 2), ("train_loss", 0.3, 3)]


def test_values_printed_twice_are_one_point():
    text = "[1] val's auc: 0.5\n[2] val's auc: 0.6\n[3] val's auc: 0.4\nBest iteration is:\n[2] val's auc: 0.6\n"
    assert [p[2] for p in points(text)] == [1, 2, 3]


def test_without_any_position_points_are_counted():
    assert points("val loss: 0.5\nval loss: 0.4\n") == [("val loss", 0.5, 0), ("val loss", 0.4, 1)]


def test_hostile_bytes_give_nothing_and_raise_nothing():
    data = bytes(range(256)) * 64 + b"\n\xff\xfe loss: \xe2\x82\n" + b"[" * 9000 + b"\n" + b"{'a': " * 3000 + b"\n"
    assert points(data, 100) == []


def test_names_are_capped_with_a_warning():
    recogniser = Recogniser()
    recogniser.feed("".join(f"step 1 loss_{'abcdefghij'[i % 10]}{i}=0.5\n" for i in range(3000)).encode())
    assert any("names" in warning for warning in recogniser.warnings)
    assert len(recogniser.warnings) == 1


def test_a_name_of_ten_thousand_characters_is_none():
    assert points("step 1 " + "loss" * 2500 + "=0.5\n") == []


def test_per_cents_are_noted():
    recogniser = Recogniser()
    recogniser.feed(b"Epoch 1 acc: 98.3%\n")
    assert recogniser.units == {"acc": "%"}


def test_pattern_groups():
    patterns = {"a": r"a is (?P<a>[\d.]+) at (?P<step>\d+)", "b": r"(?P<step>\d+)>(?P<value>\S+)"}
    assert points("a is 2.5 at 3\n4>0.5\n", patterns=patterns) == [("a", 2.5, 3), ("b", 0.5, 4)]
