"""Cutting bytes into lines: bounded, and as a terminal would show them."""

from exptrack.record.metrics.lines import LONGEST_LINE, Cutter, frames


def test_a_line_without_end_is_thrown_away_as_it_comes():
    cutter = Cutter()
    for _ in range(64):
        assert cutter.take(b"x" * LONGEST_LINE) == b""
    assert cutter.dropped == 1
    assert cutter.take(b"end of it\nnext\n") == b"next\n"


def test_the_end_of_a_block_may_split_a_line_feed_pair():
    cutter = Cutter()
    assert cutter.take(b"one\r") == b""
    assert cutter.take(b"\ntwo\r\n") == b"one\r\ntwo\r\n"
    assert cutter.rest() == b""


def test_frames_are_cut_at_returns_backspaces_and_movements():
    block = b"\r 10%\r 20%\x1b[A\n\x1b[2K done\b\b\bagain \x1b[1mbold\x1b[0m\r\nlast\n"
    assert frames(block) == [
        (b" 10%", True),
        (b" 20%", True),
        (b" done", True),
        (b"again bold", False),
        (b"last", False),
    ]


def test_blank_lines_stay_and_the_end_is_no_line():
    assert frames(b"a\n\nb\n") == [(b"a", False), (b"", False), (b"b", False)]
