"""The directory of a live run: it is whole or not there, and lives as long as something of its run does."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dying import die_at_every_step
from exptrack.errors import Damaged, ExptrackError
from exptrack.record import rundir
from exptrack.record.rundir import LOCK, PROCESS, START, RunDir

ID = "01abcdefghjkmnpq"


def start_of(run_id=ID, **fields):
    known = {"id": run_id, "command": ["true"], "cwd": "/", "started_at": "2026-01-01T00:00:00.000Z"}
    return {**known, "host": "h", "author": "a", **fields}


@pytest.fixture
def live(tmp_path):
    (tmp_path / "live").mkdir()
    return str(tmp_path / "live")


@pytest.fixture
def run(live):
    made = rundir.claim(live, ID)
    made.begin(start_of())
    yield made
    made.lock.release()


@contextlib.contextmanager
def child(*command):
    process = subprocess.Popen(command or ["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


# --- names and times -------------------------------------------------------------------------------------------------


def test_ids_sort_by_time_and_never_repeat():
    times = [0.0, 1.0, 1_700_000_000.0, 1_700_000_000.001, 1_763_848_443.5, 4e9, 3e10]
    ids = [rundir.new_id(t) for t in times]
    assert ids == sorted(ids)
    assert all(re.fullmatch(r"[0-9a-z]{16}", i) for i in ids)
    assert len({rundir.new_id(1.0) for _ in range(10_000)}) == 10_000
    before = rundir.new_id(time.time() - 60)
    assert before < rundir.new_id() < rundir.new_id(time.time() + 60)


@given(now=st.floats(0, 4e9))
def test_times_are_utc_to_the_millisecond(now):
    read = datetime.datetime.strptime(rundir.utc(now), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.UTC)
    assert -0.001 < read.timestamp() - now < 0.000_001


# --- making and removing ---------------------------------------------------------------------------------------------


def test_a_run_exists_from_begin_on_and_lives_while_its_lock_is_held(live):
    run = rundir.claim(live, ID)
    assert rundir.live_runs(live) == []
    run.begin(start_of(note="x", reading={"files": []}))
    (found,) = rundir.live_runs(live)
    assert found.is_alive
    assert (found.start().note, found.start().extra["reading"]) == ("x", {"files": []})
    assert found.end() is None
    run.lock.release()
    assert not found.is_alive
    assert [r.id for r in rundir.live_runs(live)] == [ID], "dead, and still there to be sealed"


def test_an_id_is_given_once(live, run):
    with pytest.raises(FileExistsError):
        rundir.claim(live, ID)
    assert run.is_alive


def test_nobody_else_may_look_inside(run):
    assert os.stat(run.path).st_mode & 0o077 == 0
    for name in os.listdir(run.path):
        assert os.stat(run.file(name)).st_mode & 0o077 == 0


def test_removed_is_gone(live, run):
    run.write(PROCESS, {"pid": 1})
    run.remove()
    assert os.listdir(live) == []


def test_a_file_that_appears_or_goes_while_it_is_removed_is_no_obstacle(live, run, monkeypatch):
    """Somebody who asks for the lock of a vanishing run makes the file again."""
    real, times = os.rmdir, []

    def rmdir(path):
        if not times:
            with open(os.path.join(path, LOCK), "w"):
                pass
        times.append(path)
        real(path)

    monkeypatch.setattr(os, "rmdir", rmdir)
    run.remove()
    assert len(times) == 2
    assert os.listdir(live) == []


def test_what_cannot_be_removed_is_no_run_any_more(live, run, monkeypatch):
    """NFS keeps a file that is still open, under another name."""
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda p: [n for n in real(p) if not n.startswith(".nfs")])
    with open(run.file(".nfs0001"), "w"):
        pass
    run.remove()
    assert real(live) == [ID]
    assert rundir.live_runs(live) == []


BEGIN = """
from exptrack.record import rundir
run = rundir.claim(folder, "01abcdefghjkmnpq")
run.begin({"id": "01abcdefghjkmnpq", "command": ["true"], "cwd": "/", "started_at": "", "host": "h", "author": "a"})
"""


def test_a_crash_at_any_step_leaves_a_whole_run_or_none(tmp_path):
    folders = die_at_every_step(BEGIN, tmp_path / "steps", prelude="from exptrack.record import rundir")
    assert len(folders) > 10
    counts = set()
    for folder in folders:
        found = rundir.live_runs(str(folder))
        counts.add(len(found))
        for run in found:
            assert run.start().command == ("true",)
            assert not run.is_alive
    assert counts == {0, 1}


def test_what_never_became_a_run_is_found(live):
    """At once when its maker said who it is and is gone; else when it is too old to become one."""
    run = rundir.claim(live, ID)
    assert run.is_alive
    run.lock.release()
    assert [(r.id, r.is_alive) for r in rundir.stillborn(live)] == [(ID, False)]
    run.remove()
    os.mkdir(run.path)
    assert rundir.stillborn(live) == []
    os.utime(run.path, (0, 0))
    assert [r.id for r in rundir.stillborn(live)] == [ID]
    run.begin(start_of())
    os.utime(run.path, (0, 0))
    assert rundir.stillborn(live) == []


def test_what_is_not_called_like_a_run_is_none(live, run):
    for name in (ID + ".bak", ID[:-1], ID.upper(), ".tmp", "01abcdefghjkmnp\u00e9", "x" * 17):
        shutil.copytree(run.path, os.path.join(live, name))
        os.unlink(os.path.join(live, name, START))
        os.utime(os.path.join(live, name), (0, 0))
    assert [r.id for r in rundir.live_runs(live)] == [ID]
    assert rundir.stillborn(live) == []


def test_a_folder_that_is_not_there_has_no_runs(tmp_path):
    assert rundir.live_runs(str(tmp_path / "no")) == rundir.stillborn(str(tmp_path / "no")) == []


def test_a_copy_is_not_taken_for_its_original(live, run):
    shutil.copytree(run.path, os.path.join(live, "0" * 16))
    with pytest.raises(Damaged, match="copy of run '01abc"):
        RunDir(os.path.join(live, "0" * 16)).start()


# --- what somebody else wrote, or power loss cut ---------------------------------------------------------------------

DAMAGE = [b"", b"{", b"[]", b"5", b"\xff", b"[" * 10_000, b"{}", b'{"id": 5}', json.dumps(start_of(tags=5)).encode()]


@pytest.mark.parametrize("data", DAMAGE)
def test_a_damaged_start_is_said(run, data):
    with open(run.file(START), "wb") as f:
        f.write(data)
    with pytest.raises(Damaged):
        run.start()


def test_a_start_of_a_newer_version_is_refused(run):
    run.write(START, {"format": 2, **start_of()})
    with pytest.raises(ExptrackError, match="format 2") as e:
        run.start()
    assert e.value.exit_code == 2


@pytest.mark.parametrize("data", DAMAGE[:6])
def test_a_damaged_process_file_names_no_living_process(run, data):
    """It is not fsynced: after a power loss it may be empty, and `ls` must still answer."""
    run.lock.release()
    with open(run.file(PROCESS), "wb") as f:
        f.write(data)
    assert run.read(PROCESS) is None
    assert not run.is_alive


# --- who is alive ----------------------------------------------------------------------------------------------------


def known(process):
    return rundir.identify(process.pid)._asdict()


def test_a_child_lives_until_it_ends():
    with child() as process:
        data = known(process)
        assert data["pid"] == process.pid
        assert rundir.is_child_alive(data)
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not rundir.is_child_alive(data), "a zombie has ended"
    assert not rundir.is_child_alive(data)


def test_a_stopped_child_lives():
    with child() as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        assert rundir.is_child_alive(known(process))


def test_a_run_lives_while_its_child_does_and_our_processes_are_gone(run):
    with child() as process:
        run.write(PROCESS, known(process))
        run.lock.release()
        assert run.is_alive
    assert not run.is_alive


CHANGED = {
    "a reused pid": {"started": "1"},
    "a child nobody saw start": {"started": ""},
    "another boot": {"boot": "00000000-0000-0000-0000-000000000000"},
    "another host": {"host": "elsewhere"},
    "no boot": {"boot": None},
    "no pid": {"pid": None},
    "a pid that is a text": {"pid": "1"},
    "everybody": {"pid": -1},
    "our group": {"pid": 0},
    "a pid beyond every system": {"pid": 10**30},
    "a pid of 2^40": {"pid": 1 << 40},
    "a start that is a number": {"started": 5},
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_a_living_process_that_is_not_the_child_is_not_taken_for_it(change):
    with child() as process:
        assert rundir.is_child_alive(known(process))
        assert not rundir.is_child_alive({**known(process), **change})


def test_nothing_known_is_nothing_alive():
    assert not rundir.is_child_alive(None)
    assert not rundir.is_child_alive({})


def test_a_name_with_parentheses_and_spaces_does_not_shift_the_start_tick(tmp_path):
    """/proc/PID/stat puts the program's name between parentheses, whatever it is."""
    odd = tmp_path / "a) b (c 1 2"
    shutil.copy(shutil.which("cat"), odd)
    with child() as before, child(str(odd)) as process:
        assert rundir.is_child_alive(known(process))
        assert int(known(process)["started"]) >= int(known(before)["started"]) > 1000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("is_same", "expected"), [(True, True), (False, False)])
def test_a_process_of_another_user_is_told_by_its_start_too(is_same, expected):
    """kill(2) says EPERM for it; a pid that another user's process has by now is not the child."""
    # Imported by root, asked by nobody: the sources may lie where nobody can read them.
    code = (
        "import os, sys, json\nfrom exptrack.record.rundir import is_child_alive\nos.setuid(65534)\n"
        "print(is_child_alive(json.loads(sys.argv[1])))"
    )
    with child() as process:
        data = known(process) if is_same else {**known(process), "started": "1"}
        ask = [sys.executable, "-c", code, json.dumps(data)]
        said = subprocess.run(ask, capture_output=True, text=True, check=False)
    assert said.stdout.strip() == str(expected), said.stderr
