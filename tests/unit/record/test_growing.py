"""Logs that grow: what is read by and by is what `replay` reads at the end."""

from __future__ import annotations

import os
from contextlib import ExitStack

from hypothesis import given
from hypothesis import strategies as st

from exptrack.record.growing import GrowingLogs
from exptrack.record.logs import Logs, replay

WRITES = st.lists(st.tuples(st.sampled_from(("stdout", "stderr")), st.binary(min_size=1, max_size=5), st.booleans()))


@given(writes=WRITES)
def test_every_byte_comes_once_and_in_its_order(tmp_path_factory, writes):
    folder = str(tmp_path_factory.mktemp("run"))
    logs = Logs(folder)
    with ExitStack() as stack:
        growing = GrowingLogs(folder, stack)
        seen = list(growing.take())
        logs.open("stdout")
        logs.open("stderr")
        for name, block, is_read in writes:
            logs.write(name, block)
            if is_read:
                seen += growing.take()
        logs.close()
        seen += growing.take()
    for stream in ("stdout", "stderr"):
        assert b"".join(b for n, b in seen if n == stream) == b"".join(b for n, b, _ in writes if n == stream)
    if all(is_read for *_, is_read in writes):
        assert joined(seen) == joined((name, block) for name, block, _ in writes)


@given(writes=WRITES)
def test_read_in_one_go_it_is_the_replay(tmp_path_factory, writes):
    folder = str(tmp_path_factory.mktemp("run"))
    logs = Logs(folder)
    logs.open("stdout")
    logs.open("stderr")
    for name, block, _ in writes:
        logs.write(name, block)
    logs.close()
    paths = {name: os.path.join(folder, name + ".log") for name in ("stdout", "stderr")}
    with ExitStack() as stack:
        seen = list(GrowingLogs(folder, stack).take())
    assert joined(seen) == joined(replay({**paths, "chunks": os.path.join(folder, "chunks")}))


def test_half_a_line_of_the_order_waits_for_its_rest(tmp_path):
    (tmp_path / "stdout.log").write_bytes(b"ab")
    (tmp_path / "stderr.log").write_bytes(b"x")
    (tmp_path / "chunks").write_bytes(b"e 1\no")
    with ExitStack() as stack:
        growing = GrowingLogs(str(tmp_path), stack)
        assert list(growing.take()) == [("stderr", b"x"), ("stdout", b"ab")]
        (tmp_path / "stdout.log").write_bytes(b"abcd")
        (tmp_path / "stderr.log").write_bytes(b"xy")
        (tmp_path / "chunks").write_bytes(b"e 1\no 2\ne 1\no 2\n")
        assert list(growing.take()) == [("stderr", b"y"), ("stdout", b"cd")]


def test_files_without_a_name_are_read_to_their_end(tmp_path):
    (tmp_path / "terminal.log").write_bytes(b"begin ")
    with ExitStack() as stack:
        growing = GrowingLogs(str(tmp_path), stack)
        assert list(growing.take()) == [("terminal", b"begin ")]
        with open(tmp_path / "terminal.log", "ab") as log:
            os.unlink(log.name)
            log.write(b"end")
        assert list(growing.take()) == [("terminal", b"end")]
        assert growing.opened == {"terminal"}


def joined(blocks):
    """Neighbouring blocks of one stream as one."""
    out = []
    for name, block in blocks:
        if out and out[-1][0] == name:
            out[-1] = (name, out[-1][1] + block)
        else:
            out.append((name, block))
    return out
