"""A name means whole bytes, whatever dies and when; a torn tail is not a line; a lock dies with its holders."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dying import die_at_every_step, kill_after, race
from exptrack import files

NEW = b"n" * 5_000
WRITE = """
import os
from exptrack.files import write_atomic
"""
CREATE = "write_atomic(folder + '/a', b'n' * 5000, create_only=True)"


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def whole_names(folder):
    return [n for n in names(folder) if not n.endswith(".tmp")]


def test_bytes_get_their_name_and_nothing_else_stays(tmp_path):
    path = tmp_path / "a"
    files.write_atomic(str(path), NEW)
    assert path.read_bytes() == NEW
    assert names(tmp_path) == ["a"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_that_is_there_is_replaced(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    files.write_atomic(str(path), NEW)
    assert path.read_bytes() == NEW


def test_create_only_leaves_what_is_there(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        files.write_atomic(str(path), NEW, create_only=True)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_symlink_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"precious")
    (tmp_path / "a").symlink_to("elsewhere")
    files.write_atomic(str(tmp_path / "a"), NEW)
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"
    assert not (tmp_path / "a").is_symlink()


@pytest.mark.parametrize("durable", [True, False])
def test_a_crash_at_any_step_leaves_the_old_bytes_or_the_new_ones(tmp_path, durable):
    code = f"open(folder + '/a', 'wb').write(b'old'); write_atomic(folder + '/a', b'n' * 5000, durable={durable})"
    folders = die_at_every_step(code, tmp_path / "steps", prelude=WRITE)
    assert len(folders) >= 8
    seen = {(f / "a").read_bytes() for f in folders}
    assert seen == {b"old", NEW}


def test_a_crash_at_any_step_creates_the_whole_file_or_none(tmp_path):
    folders = die_at_every_step(CREATE, tmp_path / "steps", prelude=WRITE)
    assert {tuple(whole_names(f)) for f in folders} == {(), ("a",)}
    for folder in folders:
        if (folder / "a").exists():
            assert (folder / "a").read_bytes() == NEW


@pytest.mark.parametrize("create_only", [True, False])
def test_the_bytes_are_on_disk_before_the_name_and_the_name_before_we_say_so(tmp_path, monkeypatch, create_only):
    """What power loss keeps is what was fsynced, in this order."""
    said = []
    for name in ("fsync", "link", "replace"):
        real = getattr(os, name)

        def call(first, *rest, name=name, real=real):
            what = "folder" if isinstance(first, int) and stat.S_ISDIR(os.fstat(first).st_mode) else "file"
            said.append(f"{name} {what}")
            return real(first, *rest)

        monkeypatch.setattr(os, name, call)
    files.write_atomic(str(tmp_path / "a"), NEW, create_only=create_only)
    assert said == ["fsync file", "link file" if create_only else "replace file", "fsync folder"]


def test_what_a_dead_process_left_is_not_in_the_way_of_one_with_the_same_pid(tmp_path):
    """Pid 7 in a container is pid 7 in the next container too."""
    same_pid = WRITE + "os.getpid = lambda: 7\n"
    for folder in die_at_every_step(CREATE, tmp_path / "steps", prelude=same_pid):
        was_there = (folder / "a").exists()
        again = f"folder = {str(folder)!r}\n{same_pid}\n{CREATE}"
        done = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True, check=False)
        assert (done.returncode != 0) == was_there, done.stderr
        assert (folder / "a").read_bytes() == NEW


def test_sigkill_at_any_moment_leaves_no_half_written_name(tmp_path):
    writer = (
        "import sys, itertools\nfrom exptrack.files import write_atomic\n"
        "for i in itertools.count():\n"
        "    write_atomic(f'{sys.argv[1]}/{i}', b'%d' % (i % 10) * 20000)\n"
        "    print(i, flush=True)\n"
    )
    for lines in (1, 3, 10, 17, 40):
        folder = tmp_path / str(lines)
        folder.mkdir()
        said = kill_after(writer, lines, str(folder))
        there = whole_names(folder)
        assert {*there} >= {*said}, "what was acknowledged is there"
        for name in there:
            assert (folder / name).read_bytes() == b"%d" % (int(name) % 10) * 20_000


def test_a_full_disk_leaves_the_old_bytes_and_no_rest(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    code = (
        "import resource, sys\nfrom exptrack.files import write_atomic\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_atomic(sys.argv[1], b'n' * 5000)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a")], capture_output=True, text=True, check=False
    )
    assert "OSError" in done.stderr
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


CREATORS = """
won = []
for i in range(40):
    try:
        write_atomic(f"{sys.argv[4]}/{i}", sys.argv[3].encode() * 1000, create_only=True)
        won.append(i)
    except FileExistsError:
        pass
print(won)
"""
NO_LINKS = """
import errno
def link(*_): raise OSError(errno.EPERM, "Operation not permitted")
os.link = link
"""


@pytest.mark.parametrize("file_system", ["", NO_LINKS], ids=["with links", "without links"])
def test_of_eight_that_create_one_name_exactly_one_wins(tmp_path, file_system):
    came = race(WRITE + file_system, CREATORS, 8, str(tmp_path))
    assert [code for code, _ in came] == [0] * 8
    winners = [(i, number) for number, (_, said) in enumerate(came) for i in json.loads(said)]
    assert sorted(i for i, _ in winners) == list(range(40))
    for i, number in winners:
        assert (tmp_path / str(i)).read_bytes() == str(number).encode() * 1000
    assert not [n for n in names(tmp_path) if n.endswith(".tmp")]


def test_without_links_a_crash_leaves_the_whole_file_or_none_too(tmp_path):
    for folder in die_at_every_step(CREATE, tmp_path / "steps", prelude=WRITE + NO_LINKS):
        assert not (folder / "a").exists() or (folder / "a").read_bytes() == NEW


def test_a_link_that_nfs_made_but_did_not_confirm_is_ours(tmp_path, monkeypatch):
    real = os.link

    def link(source, target):
        real(source, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr(os, "link", link)
    files.write_atomic(str(tmp_path / "a"), NEW, create_only=True)
    assert (tmp_path / "a").read_bytes() == NEW
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "模" * 85, "🎯" * 63, "a\udcff" * 100], ids=ascii)
def test_the_longest_name_a_file_may_have_is_no_obstacle(tmp_path, name):
    while len(os.fsencode(name)) > 255:
        name = name[:-1]
    files.write_atomic(str(tmp_path / name), NEW)
    assert names(tmp_path) == [name]


def test_temporary_names_of_forks_and_threads_differ(tmp_path):
    made = {files.temporary_name("/f", "x") for _ in range(1000)}
    assert len(made) == 1000


# --- reading ---------------------------------------------------------------------------------------------------------


@given(
    data=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\0", b"\xff" * 30]), max_size=40),
    limit=st.integers(1, 40),
)
def test_lines_come_whole_in_order_and_once_however_they_are_written(tmp_path_factory, data, limit):
    path = tmp_path_factory.mktemp("lines") / "f"
    path.touch()
    offset, read = 0, []
    for piece in [*data, b""]:
        with path.open("ab") as f:
            f.write(piece)
        while True:
            lines, after = files.read_whole_lines(str(path), offset, limit)
            assert after >= offset
            if after == offset:
                break
            read, offset = read + lines, after
    whole = b"".join(data)
    expected = whole.split(b"\n")[:-1]
    assert offset <= len(whole)
    assert [line for line in expected if len(line) < limit] == [line for line in read if len(line) < limit]
    assert {*read} <= {*expected}


def test_a_torn_last_line_waits_for_its_newline(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"one\ntw")
    assert files.read_whole_lines(str(path)) == ([b"one"], 4)
    assert files.read_whole_lines(str(path), 4) == ([], 4)
    with path.open("ab") as f:
        f.write(b"o\n")
    assert files.read_whole_lines(str(path), 4) == ([b"two"], 8)


def test_a_line_without_end_is_passed_over_once_it_has_one(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 1000)
    assert files.read_whole_lines(str(path), 0, limit=100) == ([], 0)
    with path.open("ab") as f:
        f.write(b"\nnext\n")
    lines, offset = files.read_whole_lines(str(path), 0, limit=100)
    assert (lines, offset) == ([], 1001)
    assert files.read_whole_lines(str(path), offset, limit=100) == ([b"next"], 1006)


def test_reading_with_a_limit_refuses_what_is_larger_without_reading_it(tmp_path):
    path = tmp_path / "f"
    path.touch()
    os.truncate(path, 10 << 30)
    with pytest.raises(OSError, match="bytes long"):
        files.read_bytes(str(path), 1 << 20)
    os.truncate(path, 1 << 20)
    assert len(files.read_bytes(str(path), 1 << 20)) == 1 << 20


def test_reading_with_a_limit_does_not_wait_at_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "f")
    with pytest.raises(OSError, match="not a regular file"):
        files.read_bytes(str(tmp_path / "f"), 100)
    with pytest.raises(OSError, match="not a regular file"):
        files.read_bytes("/dev/zero", 100)


def test_write_all_goes_on_after_short_writes():
    """A pipe takes what fits; the rest has to follow."""
    code = "from exptrack.files import write_all\nwrite_all(1, bytes(range(256)) * 2000)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == bytes(range(256)) * 2000


def test_a_short_write_is_not_the_end(monkeypatch, tmp_path):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:3])))
    files.write_atomic(str(tmp_path / "a"), NEW)
    assert (tmp_path / "a").read_bytes() == NEW


# --- locks -----------------------------------------------------------------------------------------------------------

HOLDER = """
import sys, os
from exptrack.files import Lock
lock = Lock(sys.argv[1])
assert lock.acquire(wait=False)
"""


def hold(path, then="print('held', flush=True); sys.stdin.read()"):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER + then, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip()


def end(process):
    process.kill()
    process.communicate()


def test_nobody_holds_a_lock_that_nobody_took(tmp_path):
    assert not files.is_locked(str(tmp_path / "none"))
    (tmp_path / "free").touch()
    assert not files.is_locked(str(tmp_path / "free"))


def test_a_held_lock_is_seen_and_not_given_twice(tmp_path):
    path = str(tmp_path / "lock")
    process, _ = hold(path)
    try:
        assert files.is_locked(path)
        assert not files.Lock(path).acquire(wait=False)
    finally:
        end(process)


def test_a_lock_dies_with_its_killed_holder(tmp_path):
    path = str(tmp_path / "lock")
    process, _ = hold(path)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not files.is_locked(path)
    lock = files.Lock(path)
    assert lock.acquire(wait=False)
    lock.release()
    assert not files.is_locked(path)
    end(process)


FORKING = """
pid = os.fork()
if pid:
    print(pid, flush=True)
    os.kill(os.getpid(), 9)
sys.stdin.read()
"""


def test_a_fork_inherits_the_lock_and_holds_it_alone(tmp_path):
    path = str(tmp_path / "lock")
    process, _ = hold(path, FORKING)
    assert process.wait() == -signal.SIGKILL
    assert files.is_locked(path), "the fork still lives"
    process.stdin.close()
    assert process.stdout.read() == ""  # it has ended: its end of the pipe is closed
    process.stdout.close()
    assert not files.is_locked(path)


def test_a_program_that_was_started_does_not_hold_the_lock(tmp_path):
    """A daemon the training leaves behind must not keep the run alive."""
    path = str(tmp_path / "lock")
    start = "import subprocess; subprocess.Popen(['cat'], close_fds=False)\n"
    start += "print('started', flush=True); os.kill(os.getpid(), 9)"
    process, said = hold(path, start)
    assert said == "started"
    process.wait()
    assert not files.is_locked(path)
    end(process)


def test_asking_does_not_look_like_holding(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    with path.open("rb") as asker:
        fcntl.flock(asker, fcntl.LOCK_SH)
        assert not files.is_locked(str(path))


def test_with_wait_the_next_one_gets_it(tmp_path):
    path = str(tmp_path / "lock")
    process, _ = hold(path, "print('held', flush=True); sys.stdin.readline(); print('letting go', flush=True)")
    process.stdin.write("\n")
    process.stdin.flush()
    with files.locked(path):
        assert process.stdout.readline().strip() == "letting go"
    assert not files.is_locked(path)
    end(process)


def test_a_turn_is_had_by_one_at_a_time(tmp_path):
    path = tmp_path / "line.json"
    path.write_text("{}")
    path.chmod(0o400)
    with files.turn(str(path)) as first, files.turn(str(path)) as second:
        assert (first, second) == (True, False)
    with files.turn(str(path)) as third:
        assert third
    with pytest.raises(FileNotFoundError), files.turn(str(tmp_path / "gone")):
        pass
