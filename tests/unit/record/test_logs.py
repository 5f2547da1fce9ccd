"""Logs and their replay: every byte once, in its order, whatever the disk or a stranger did to them."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from exptrack.record.logs import LogFile, Logs, replay

STREAMS = st.sampled_from(["stdout", "stderr"])


def write(folder: Path, blocks: list[tuple[str, bytes]]) -> list[str]:
    logs = Logs(str(folder))
    for name in dict.fromkeys(name for name, _ in blocks):
        logs.open(name)
    for name, block in blocks:
        logs.write(name, block)
    return logs.close()


def paths(folder: Path) -> dict[str, str]:
    return {p.name.removesuffix(".log"): str(p) for p in folder.iterdir()}


def merged(blocks: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Neighbours of one stream joined, empty blocks dropped: how they are cut says nothing."""
    out: list[tuple[str, bytes]] = []
    for name, block in blocks:
        if out and out[-1][0] == name:
            out[-1] = (name, out[-1][1] + block)
        elif block:
            out.append((name, block))
    return out


@given(blocks=st.lists(st.tuples(STREAMS, st.binary(max_size=50))))
def test_replay_gives_the_blocks_in_the_order_they_came(blocks: list[tuple[str, bytes]], tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("logs")
    assert write(folder, blocks) == []
    assert merged(list(replay(paths(folder)))) == merged(blocks)


@given(blocks=st.lists(st.tuples(STREAMS, st.binary(min_size=1, max_size=50)), min_size=1), cut=st.integers(0, 200))
def test_a_torn_chunks_file_costs_only_order(blocks: list[tuple[str, bytes]], cut: int, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("logs")
    write(folder, blocks)
    os.truncate(folder / "chunks", min(cut, (folder / "chunks").stat().st_size))
    played = list(replay(paths(folder)))
    for stream in ("stdout", "stderr"):
        assert b"".join(b for n, b in played if n == stream) == b"".join(b for n, b in blocks if n == stream)


LINES = [b"o 3\n", b"e 99999999999999999999\n", b"o -1\n", b"x 1\n", b"t 5\n", b"o", b"o 1 2\n", b"e 0\n"]


@given(chunks=st.binary(max_size=200) | st.lists(st.sampled_from(LINES)).map(b"".join))
def test_a_hostile_chunks_file_repeats_and_hides_nothing(chunks: bytes, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("logs")
    (folder / "stdout.log").write_bytes(b"0123456789")
    (folder / "stderr.log").write_bytes(b"abcdefghij")
    (folder / "chunks").write_bytes(chunks)
    played = list(replay(paths(folder)))
    assert b"".join(b for n, b in played if n == "stdout") == b"0123456789"
    assert b"".join(b for n, b in played if n == "stderr") == b"abcdefghij"


def test_a_running_run_is_replayed_in_order_too(tmp_path: Path) -> None:
    logs = Logs(str(tmp_path))
    logs.open("stdout")
    logs.open("stderr")
    for name, block in (("stdout", b"1"), ("stderr", b"2"), ("stdout", b"3"), ("stdout", b"4")):
        logs.write(name, block)
    assert b"".join(block for _, block in replay(paths(tmp_path))) == b"1234"
    logs.close()


def test_large_logs_come_in_pieces(tmp_path: Path) -> None:
    write(tmp_path, [("terminal", b"x" * 5_000_000)])
    sizes = [len(block) for _, block in replay(paths(tmp_path))]
    assert sum(sizes) == 5_000_000
    assert max(sizes) <= 1 << 20


def test_nothing_recorded_replays_to_nothing() -> None:
    assert list(replay({})) == []


def test_logs_are_for_the_owner_alone(tmp_path: Path) -> None:
    write(tmp_path, [("stdout", b"secret")])
    assert {p.stat().st_mode & 0o777 for p in tmp_path.iterdir()} == {0o600}


def test_writing_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    path = tmp_path / "stdout.log"
    log = LogFile(str(path))
    assert log.append(b"before") == 6
    # A full disk: the same open file, on a device that never has room.
    room = os.dup(log._fd)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, log._fd)
    assert log.append(b"lost") == 0
    os.dup2(room, log._fd)
    assert log.append(b"after") == 5
    for fd in (room, full):
        os.close(fd)
    log.close()
    assert path.read_bytes() == b"beforeafter"
    assert (log.missing, log.first_gap, log.reason) == (4, 6, "No space left on device")


def test_a_gap_is_told_with_its_size_and_place(tmp_path: Path) -> None:
    (tmp_path / "stderr.log").symlink_to("/dev/full")
    warnings = write(tmp_path, [("stdout", b"fine"), ("stderr", b"12345"), ("stdout", b"fine")])
    assert len(warnings) == 1
    assert "stderr.log is incomplete: 5 bytes" in warnings[0]
    assert (tmp_path / "stdout.log").read_bytes() == b"finefine"


def test_lost_order_is_told(tmp_path: Path) -> None:
    (tmp_path / "chunks").symlink_to("/dev/full")
    assert write(tmp_path, [("stdout", b"1"), ("stderr", b"2")]) == [
        "the order of stdout and stderr was not fully recorded (No space left on device)"
    ]
