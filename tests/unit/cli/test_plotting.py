"""The picture as text: what is where, what fits, and that nothing that was recorded can break it."""

from __future__ import annotations

import io
import math
import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exptrack.actions.series import Curve
from exptrack.cli.canvas import MARKS, Canvas, Scale, columns
from exptrack.cli.humane import cells
from exptrack.cli.plotting import MOST_CURVES, Style, picture, style_of
from exptrack.cli.screen import Screen
from exptrack.cli.ticks import labels, linear_ticks, log_ticks, time_unit

NAN, INF = math.nan, math.inf


def curve(values, n=1, **facts):
    count = len(values)
    known = {
        "run": f"01kmade{n:09d}",
        "run_name": f"try-{n}",
        "status": "finished",
        "started": 0.0,
        "name": "loss",
        "source": "stdout",
        "values": list(values),
        "steps": list(range(count)),
        "epochs": [None] * count,
        "at": [float(v) for v in range(count)],
    }
    return Curve(**{**known, **facts})


def style(width=60, height=16, **more):
    return Style(width=width, height=height, **more)


def drawn(curves, how=None, **more):
    file = io.StringIO()
    screen = Screen(file, is_terminal=False)
    for line in picture(curves, how or style(**more)):
        screen.line(*line)
    return file.getvalue().splitlines()


def marks(lines, mark):
    """Rows (from the top) and columns of a mark inside the axes."""
    return [(n, m) for n, line in enumerate(lines) for m, c in enumerate(line) if c == mark and "|" in line[: m + 1]]


def test_a_falling_line_falls():
    lines = drawn([curve([9.0, 5.0, 1.0])], is_unicode=False, width=30, height=14)
    assert lines[0] == "loss"
    assert lines[-2:] == ["* 1 at step 2", "  try-1 01kmade000000001"]
    places = marks(lines, "*")
    assert places == sorted(places)
    assert places[-1][1] - places[0][1] > 15


def test_a_hole_is_left_where_nothing_can_be_drawn_and_named():
    whole = drawn([curve([1.0] * 60)], is_unicode=False)
    lines = drawn([curve([1.0] * 20 + [NAN] * 20 + [INF] + [1.0] * 19)], is_unicode=False)
    row = next(line for line in lines if "***" in line)
    assert re.search(r"\*+ {15,}\*+", row)
    assert not any(re.search(r"\* +\*", line) for line in whole)
    assert "20 NaN, 1 inf left out" in " ".join(lines)


def test_no_peak_is_lost_among_a_hundred_thousand_points():
    values = [0.0] * 100_000
    values[54_321] = 1.0
    lines = drawn([curve(values)], is_unicode=False)
    assert {line.count("*") for line in lines[1:10]} == {1}


def test_on_a_logarithmic_scale_decades_are_equally_far_and_zero_is_a_gap():
    lines = drawn([curve([1e-3, 1e-1, 0.0, -1.0, 10.0])], is_log=True, is_unicode=False, height=20)
    assert lines[0] == "loss, log scale"
    assert "2 not above 0 left out" in " ".join(lines)
    at = [n for n, line in enumerate(lines) if re.match(r" *[\d.]+ \+", line)]
    assert [lines[n].split()[0] for n in at] == ["10", "1", "0.1", "0.01", "0.001"]
    assert {b - a for a, b in pairwise(at)} <= {3, 4}


def test_several_curves_without_colours_have_marks_and_with_colours_braille():
    two = [curve([1.0, 2.0]), curve([2.0, 1.0], 2)]
    plain = "\n".join(drawn(two))
    assert MARKS[0] in plain
    assert MARKS[1] in plain
    assert not re.search("[\u2801-\u28ff]", plain)
    coloured = picture(two, style(has_colour=True))
    assert re.search("[\u2801-\u28ff]", "".join(str(p) for line in coloured for p in line))
    assert len({p.style for line in coloured for p in line if "━" in getattr(p, "text", "")}) == 2


def test_one_curve_is_braille_in_a_pipe_too():
    assert re.search("[\u2801-\u28ff]", "\n".join(drawn([curve([1.0, 2.0])])))


def test_the_legend_tells_runs_metrics_and_last_values():
    text = " ".join(drawn([curve([1.0, 0.5]), curve([0.25], 2, name="acc", status="running")], width=100))
    for word in ("2 metrics", "loss", "acc", "0.5 at step 1", "0.25 at step 0", "try-1 01kmade000000001", "running"):
        assert word in text


def test_more_curves_than_can_be_told_apart_are_counted():
    lines = drawn([curve([1.0, 2.0], n) for n in range(MOST_CURVES + 3)])
    assert lines[-1].startswith("and 3 more")


def test_epochs_and_times():
    one = curve([1.0, 2.0, 3.0], epochs=[None, 1.0, 2.0], at=[0.0, 3600.0, 7200.0])
    assert "1 without epoch left out" in " ".join(drawn([one], axis="epoch"))
    assert any(line.endswith("epoch") for line in drawn([one], axis="epoch"))
    assert any(line.endswith("time (min)") for line in drawn([one], axis="time"))


def test_smoothing_is_in_the_title_and_the_last_value_stays_as_recorded():
    text = " ".join(drawn([curve([0.0, 1.0])], smooth=0.5))
    assert "loss, smoothed 0.5" in text
    assert "1 at step 1" in text
    assert "smoothed 0.666667" in text


NUMBERS = st.floats() | st.sampled_from([0.0, 1e308, -1e308, 5e-324, NAN, INF, 1.0])
POINTS = st.lists(st.tuples(NUMBERS, st.integers(-(10**20), 10**20) | st.floats(allow_nan=False)), max_size=30)


@given(
    sets=st.lists(POINTS, min_size=1, max_size=4),
    how=st.builds(
        style,
        width=st.integers(20, 200),
        height=st.integers(8, 50),
        is_log=st.booleans(),
        smooth=st.sampled_from([0.0, 0.9, 3.0]),
        axis=st.sampled_from(["step", "time", "epoch"]),
        is_unicode=st.booleans(),
        has_colour=st.booleans(),
    ),
    name=st.text(max_size=80),
)
@example(sets=[[(1e308, 0), (-1e308, 10**20)]], how=style(), name="a")
@example(sets=[[(5e-324, 0), (0.0, 1)]], how=style(), name="\x1b[31mred")
@example(sets=[[(1.0, 10**400)]], how=style(), name="宽" * 50)
@example(sets=[[(1.797691337170979e308, 0), (0.0, 0)]], how=style(is_log=True, smooth=0.9), name="")
def test_whatever_was_recorded_the_picture_fits(sets, how, name):
    curves = [
        curve([v for v, _ in points], n, steps=[s for _, s in points], name=name) for n, points in enumerate(sets)
    ]
    for line in drawn(curves, how):
        assert cells(line) <= how.width, line
        assert "\x1b" not in line
        assert how.is_unicode or line.isascii()


@given(low=st.floats(-1e300, 1e300), high=st.floats(-1e300, 1e300), count=st.integers(2, 12))
def test_ticks_are_few_within_and_told_apart(low, high, count):
    low, high = min(low, high), max(low, high)
    ticks = linear_ticks(low, high, count)
    assert 1 <= len(ticks) <= 2 * count + 2
    slack = 1e-6 * (high - low) + 1e-300
    assert all(low - slack <= t <= high + slack for t in ticks)
    assert len(labels(ticks)) == len(ticks)


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.03, 2.2, ["0.5", "1.0", "1.5", "2.0"]),
        (0, 1_000_000, ["0", "0.2M", "0.4M", "0.6M", "0.8M", "1.0M"]),
        (0, 4e-5, ["0", "1e-05", "2e-05", "3e-05", "4e-05"]),
        (3, 3, ["3"]),
    ],
)
def test_labels(low, high, wanted):
    assert labels(linear_ticks(low, high, 5)) == wanted


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (1e-3, 10, ["0.001", "0.01", "0.1", "1", "10"]),
        (1e-12, 1e12, ["1e-10", "1e-05", "1", "100000", "1e+10"]),
        (0.3, 2.1, ["0.5", "1", "2"]),
        (0.05, 1, ["0.1", "1"]),
        (0.91, 0.95, ["0.91", "0.92", "0.93", "0.94", "0.95"]),
    ],
)
def test_labels_of_a_logarithmic_scale(low, high, wanted):
    assert labels(log_ticks(low, high, 5), is_log=True) == wanted


def test_a_time_axis_counts_in_a_unit_that_fits():
    assert [time_unit(s) for s in (0.5, 179, 180, 10_800, 86400 * 3)] == [
        (1.0, "s"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86400.0, "d"),
    ]  # fmt: skip


def test_a_column_keeps_first_lowest_highest_and_last():
    scale = Scale(0.0, 100.0, 2)
    (left, right) = columns([0.0, 1.0, 2.0, 3.0, 100.0], [5.0, 1.0, 9.0, 4.0, 7.0], scale, False)
    assert (left.first, left.low, left.high, left.last) == (5.0, 1.0, 9.0, 4.0)
    assert (right.x, right.is_joined) == (1, True)


def test_a_single_point_can_be_seen():
    canvas = Canvas(10, 4, is_braille=True)
    canvas.draw(0, columns([5.0], [1.0], Scale(5.0, 5.0, 20), False), Scale(1.0, 1.0, 16))
    (cell,) = [c for row in canvas.rows() for text, owner in row if owner == 0 for c in text]
    assert (ord(cell) - 0x2800).bit_count() == 2


@pytest.mark.parametrize(
    ("environment", "encoding", "wanted"),
    [
        ({"LANG": "C.UTF-8"}, "utf-8", True),
        ({}, "utf-8", True),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, "utf-8", False),
        ({"LANG": "en_US.UTF-8"}, "iso-8859-1", False),
    ],
)
def test_ascii_where_the_locale_is_not_utf_8(environment, encoding, wanted):
    screen = Screen(io.TextIOWrapper(io.BytesIO(), encoding=encoding), width=80)
    how = style_of(screen, width=None, height=None, axis="step", is_log=False, smooth=0.0, environment=environment)
    assert (how.is_unicode, how.width, how.height) == (wanted, 80, 24)
