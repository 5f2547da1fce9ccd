"""Logs are followed behind the child: every byte once, a stream that says nothing costs nothing."""

from __future__ import annotations

from exptrack.record.tail import BLOCK, Tails


def tails(folder):
    return Tails(str(folder), patterns={}, ignore=(), rename={})


def test_every_line_is_read_once_however_it_arrives(tmp_path):
    follow, got = tails(tmp_path), []
    with open(tmp_path / "stdout.log", "wb") as log:
        for piece in (b"step 1 loss=0.5\nstep 2 lo", b"ss=0.4\n", b"step 3 loss=0.3"):
            log.write(piece)
            log.flush()
            got += follow.read()[0]
    got += follow.close()
    assert [(stream, p.step, p.value) for stream, points in got for p in points] == [
        ("stdout", 1, 0.5),
        ("stdout", 2, 0.4),
        ("stdout", 3, 0.3),
    ]


def test_more_than_a_block_is_taken_in_steps(tmp_path):
    line = b"step 1 loss=0.5\n"
    (tmp_path / "stderr.log").write_bytes(line * (2 * BLOCK // len(line)))
    follow = tails(tmp_path)
    assert [follow.read()[1] for _ in range(4)] == [True, True, False, False]


def test_a_silent_program_needs_no_recogniser(tmp_path):
    (tmp_path / "stdout.log").touch()
    follow = tails(tmp_path)
    assert follow.read() == ([], False)
    assert follow.close() == []
    assert [tail.recogniser for tail in follow.tails.values()] == [None, None, None]
    assert follow.warnings == []


def test_binary_and_endless_lines_are_survived(tmp_path):
    (tmp_path / "stdout.log").write_bytes(bytes(range(256)) * 4096 + b"x" * (3 * BLOCK) + b"\nstep 1 loss=0.5\n")
    follow, values = tails(tmp_path), []
    more = True
    while more:
        found, more = follow.read()
        values += [p.value for _, points in found for p in points if p.name == "loss"]
    assert values == [0.5]
