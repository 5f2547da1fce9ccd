from __future__ import annotations

import math

import pytest

from exptrack.actions.curves import along, curves_csv, curves_json, parse_smooth, smooth
from exptrack.actions.series import Curve
from exptrack.errors import ExptrackError

NAN = math.nan


def curve(values=(1.0, 2.0), **facts):
    count = len(values)
    known = {
        "run": "01a",
        "run_name": None,
        "status": "finished",
        "started": 1000.0,
        "name": "loss",
        "source": "stdout",
        "values": list(values),
        "steps": list(range(count)),
        "epochs": [None] * count,
        "at": [1000.0 + n for n in range(count)],
    }
    return Curve(**{**known, **facts})


def test_the_three_axes():
    one = curve((5.0, 4.0, 3.0), steps=[10, 20, 30], epochs=[None, 0.5, 1])
    assert along(one, "step") == ([10.0, 20.0, 30.0], [5.0, 4.0, 3.0])
    assert along(one, "time") == ([0.0, 1.0, 2.0], [5.0, 4.0, 3.0])
    assert along(one, "epoch") == ([0.5, 1.0], [4.0, 3.0])


def test_steps_that_go_back_are_put_in_order_and_impossible_ones_left_out():
    assert along(curve((5.0, 4.0, 3.0), steps=[2, 1, 10**400]), "step") == ([1.0, 2.0], [4.0, 5.0])


@pytest.mark.parametrize(
    ("values", "amount", "wanted"),
    [
        ((1.0, 3.0), 0.0, [1.0, 3.0]),
        ((2.0, 2.0, 2.0), 0.9, [2.0, 2.0, 2.0]),  # without the correction it would begin at 0.2
        ((1.0, 3.0), 0.5, [1.0, 7 / 3]),
        ((1.0, NAN, 3.0), 0.5, [1.0, NAN, 7 / 3]),
        ((1.0, 3.0, 5.0, 100.0), 2, [1.0, 2.0, 4.0, 52.5]),
        ((1.0, math.inf, 3.0), 2, [1.0, math.inf, 2.0]),
        ((1e30, 1.0, 2.0, 3.0, 4.0), 2, [1e30, 5e29, 1.5, 2.5, 3.5]),
    ],
)
def test_smoothing(values, amount, wanted):
    assert list(smooth(values, amount)) == pytest.approx(wanted, nan_ok=True)


@pytest.mark.parametrize("text", ["1", "-1", "2.5", "x", "nan", "inf"])
def test_smoothing_by_nonsense_is_refused(text):
    with pytest.raises(ExptrackError):
        parse_smooth(text)


def test_smoothing_is_a_weight_or_a_count():
    assert [parse_smooth(t) for t in (None, "0", "0.9", "20")] == [0.0, 0.0, 0.9, 20.0]


def test_json_says_what_null_stands_for():
    (one,) = curves_json([curve((1.0, NAN, -math.inf))], 0.0)
    assert one["values"] == [1.0, None, None]
    assert (one["nan"], one["not_finite"]) == (True, {"1": "nan", "2": "-inf"})
    assert one["at"] == ["1970-01-01T00:16:40.000Z", "1970-01-01T00:16:41.000Z", "1970-01-01T00:16:42.000Z"]
    assert "smoothed" not in one
    (one,) = curves_json([curve()], 0.5)
    assert "nan" not in one
    assert one["smoothed"] == pytest.approx([1.0, 5 / 3])


def test_csv_has_a_row_a_point_in_full_precision():
    rows = list(curves_csv([curve((0.1 + 0.2, NAN), epochs=[None, 1.5], at=[0.0, 1e300])], 0.0))
    assert rows[0] == ["run", "name", "metric", "source", "step", "epoch", "at", "value"]
    assert rows[1] == ["01a", "", "loss", "stdout", "0", "", "", "0.30000000000000004"]
    assert rows[2] == ["01a", "", "loss", "stdout", "1", "1.5", "", "nan"]
    assert [r[-1] for r in curves_csv([curve((2.0, 4.0))], 2)] == ["smoothed", "2.0", "3.0"]
