"""run_child in a process of its own, without a terminal: streams, descriptors, exit codes, what is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from drive import Driven, children, driver, is_alive, wait_for

PY = sys.executable


def drive(folder: Path, *command: str, **options: object) -> Driven:
    driven = Driven(folder, list(command), **options)
    driven.out, driven.err = driven.end()
    return driven


def test_both_streams_stay_apart_and_are_the_bytes_that_were_written(tmp_path: Path) -> None:
    code = """
import os, random
random.seed(1)
for i in range(200):
    os.write(1 + i % 2, random.randbytes(random.randrange(1, 9000)))
"""
    bare = subprocess.run([PY, "-c", code], capture_output=True, check=True)
    run = drive(tmp_path, PY, "-c", code)
    assert (run.out, run.err, run.code) == (bare.stdout, bare.stderr, 0)
    assert (run.log("stdout"), run.log("stderr")) == (bare.stdout, bare.stderr)


def test_one_open_file_for_both_keeps_their_order(tmp_path: Path) -> None:
    code = "import os\nfor i in range(3000): os.write(1 + i % 2, b'%d\\n' % i)"
    run = drive(tmp_path, PY, "-c", code, stderr=subprocess.STDOUT)
    assert run.out.split() == [b"%d" % i for i in range(3000)]
    assert run.log("terminal") == run.out
    assert not (run.folder / "stdout.log").exists()


def test_no_stream_is_a_terminal_here(tmp_path: Path) -> None:
    assert drive(tmp_path, PY, "-c", "import os; print([os.isatty(i) for i in range(3)])").out.split() == [
        b"[False,", b"False,", b"False]",
    ]  # fmt: skip


def test_megabytes_through_a_reader_that_is_slow_to_start(tmp_path: Path) -> None:
    run = Driven(tmp_path, [PY, "-c", "print('x' * 5_000_000)"], stdout=subprocess.PIPE)
    # The relay has to wait with a full pipe on both sides before anybody reads.
    wait_for(lambda: (run.folder / "stdout.log").exists() and len(run.log("stdout")) > 50_000)
    out, _ = run.end()
    assert len(out) == 5_000_001
    assert run.log("stdout") == out


def test_every_line_its_own_write_does_not_wake_us_for_every_line(tmp_path: Path) -> None:
    """Each time we are woken, the command may lose its processor to us."""
    code = """
import os
for i in range(50000):
    os.write(1, b"step %d loss=0.5\\n" % i)
    sum(range(100))
status = open(f"/proc/{os.getppid()}/status").read()
os.write(2, status.partition("\\nvoluntary_ctxt_switches:")[2].split()[0].encode())
"""
    run = drive(tmp_path, PY, "-c", code)
    assert run.out == run.log("stdout")
    assert len(run.out.splitlines()) == 50000
    assert int(run.err) < 2500


def test_stdin_is_the_one_we_have_and_nothing_is_taken_from_it(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"abcdef")
    words = [*driver(tmp_path / "run"), PY, "-c", "import os; print(os.read(0, 3))"]
    script = 'exec < "$0"; "$@"; cat'
    out = subprocess.run(["sh", "-c", script, tmp_path / "data", *words], capture_output=True, check=True).stdout
    assert out == b"b'abc'\ndef"


def test_stdin_from_a_pipe(tmp_path: Path) -> None:
    words = [*driver(tmp_path / "run"), "cat"]
    assert subprocess.run(words, input=b"x\0y" * 100_000, capture_output=True, check=True).stdout == b"x\0y" * 100_000


@pytest.mark.parametrize("code", [0, 1, 7, 125, 255])
def test_the_exit_code_is_the_commands(tmp_path: Path, code: int) -> None:
    run = drive(tmp_path, "sh", "-c", f"exit {code}")
    assert run.code == code
    assert (run.outcome()["exit_code"], run.outcome()["signal"]) == (code, None)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT", "SIGSEGV", "SIGUSR1"])
def test_killed_by_a_signal_is_128_and_its_number(tmp_path: Path, name: str) -> None:
    run = drive(tmp_path, "sh", "-c", f"ulimit -c 0; kill -{name[3:]} $$")
    assert run.code == 128 + getattr(signal, name)
    assert (run.outcome()["exit_code"], run.outcome()["signal"]) == (None, name)


def test_usage_counts_the_descendants_that_were_waited_for(tmp_path: Path) -> None:
    burn = "import time; x = bytearray(60_000_000)\nwhile time.process_time() < 0.3: pass"
    outcome = drive(tmp_path, "sh", "-c", f"{PY} -c '{burn}'; true").outcome()
    assert outcome["cpu_seconds"] >= 0.3
    assert outcome["max_rss"] >= 60_000_000


def test_what_execve_refuses_is_not_started(tmp_path: Path) -> None:
    script = tmp_path / "train"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    run = drive(tmp_path, "./train")
    assert run.code == 126
    assert b"interpreter" in run.err
    assert not (run.folder / "outcome.json").exists()


def test_a_script_without_an_interpreter_line_is_given_to_sh(tmp_path: Path) -> None:
    script = tmp_path / "train"
    script.write_text('echo "$0 $1"\n')
    script.chmod(0o755)
    assert drive(tmp_path, "./train", "a b").out == b"./train a b\n"


def test_argv0_is_what_was_written(tmp_path: Path) -> None:
    assert drive(tmp_path, "sh", "-c", "echo $0").out == b"sh\n"


def test_a_reader_that_goes_away_ends_the_command(tmp_path: Path) -> None:
    words = [*driver(tmp_path / "run"), PY, "-c", "while True: print('y' * 100)"]
    script = '"$@" | head -n 1; echo ${PIPESTATUS[0]}'
    done = subprocess.run(["bash", "-c", script, "-", *words], capture_output=True, timeout=20, check=True)
    assert done.stdout.split() == [b"y" * 100, b"1"]
    assert b"BrokenPipeError" in done.stderr


def test_and_by_signal_a_command_that_does_not_ignore_it(tmp_path: Path) -> None:
    script = '"$@" | head -n 1; echo ${PIPESTATUS[0]}'
    words = ["bash", "-c", script, "-", *driver(tmp_path / "run"), "yes"]
    done = subprocess.run(words, capture_output=True, timeout=20, check=True)
    assert done.stdout.split() == [b"y", b"%d" % (128 + signal.SIGPIPE)]


def test_the_first_write_after_the_reader_went_fails(tmp_path: Path) -> None:
    code = """
import os, sys, time
os.write(1, b"one\\n")
while not os.path.exists("gone"): time.sleep(0.005)
time.sleep(0.2)  # the relay has to hear of it; without us the kernel would know at once
os.write(1, b"two\\n")
"""
    run = Driven(tmp_path, [PY, "-c", code])
    assert run.process.stdout.readline() == b"one\n"
    run.process.stdout.close()
    (tmp_path / "gone").touch()
    assert run.process.wait(20) == 1
    assert b"BrokenPipeError" in run.process.stderr.read()
    run.process.stderr.close()


def test_output_that_cannot_be_written_is_not_lost_in_silence(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        run = drive(tmp_path, PY, "-c", "import time\nwhile True: print('x' * 1000)", stdout=full)
    assert run.code == 1
    assert b"BrokenPipeError" in run.err
    assert any("No space left" in w for w in run.outcome()["warnings"])


def test_a_daemon_that_is_left_behind_is_not_waited_for(tmp_path: Path) -> None:
    code = """
import os, sys, time
if os.fork():
    os.write(1, b"last words\\n" * 1000)
    os._exit(5)
os.setsid()
with open("daemon.tmp", "w") as f: f.write(str(os.getpid()))
os.rename("daemon.tmp", "daemon")
while not os.path.exists("enough"): time.sleep(0.01)
"""
    run = drive(tmp_path, PY, "-c", code)
    assert (run.out, run.code) == (b"last words\n" * 1000, 5)
    wait_for((tmp_path / "daemon").exists)
    pid = int((tmp_path / "daemon").read_text())
    assert is_alive(pid)
    (tmp_path / "enough").touch()
    wait_for(lambda: not is_alive(pid))


def test_closed_streams_are_closed_for_the_command_too(tmp_path: Path) -> None:
    code = "import os\nfor fd in range(3):\n try: os.fstat(fd)\n except OSError: open(f'closed{fd}', 'w')"
    words = [*driver(tmp_path / "run"), PY, "-c", code]
    subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "-", *words], cwd=tmp_path, check=True)
    assert sorted(p.name for p in tmp_path.glob("closed*")) == ["closed0", "closed1", "closed2"]


def test_only_stdout_closed(tmp_path: Path) -> None:
    words = [*driver(tmp_path / "run"), "sh", "-c", "echo out; echo err >&2"]
    done = subprocess.run(["sh", "-c", '"$@" >&-', "-", *words], cwd=tmp_path, capture_output=True, check=True)
    assert done.stderr.endswith(b"err\n")
    assert (tmp_path / "run" / "stderr.log").read_bytes() == done.stderr


def test_other_inherited_descriptors_reach_the_command_and_none_of_ours_does(tmp_path: Path) -> None:
    read, write = os.pipe()
    code = "import os; print([fd for fd in range(256) if os.path.exists(f'/proc/self/fd/{fd}')])"
    code += f"; os.write({write}, b'hi')"
    run = drive(tmp_path, PY, "-c", code, pass_fds=[write])
    os.close(write)
    assert os.read(read, 10) == b"hi"
    os.close(read)
    assert run.out == f"{[0, 1, 2, write]}\n".encode()


def test_nobody_of_ours_keeps_an_inherited_descriptor_open(tmp_path: Path) -> None:
    # A reader of process substitution or a job server has to see the end of file when the command closes its end.
    read, write = os.pipe()
    code = f"import os, time\nos.close({write})\nwhile not os.path.exists('enough'): time.sleep(0.01)"
    run = Driven(tmp_path, [PY, "-c", code], pass_fds=[write])
    os.close(write)
    run.pid()
    link = os.readlink(f"/proc/self/fd/{read}")
    os.close(read)

    def holders() -> list[int]:
        """Among the supervisor's children; it keeps what it inherited itself, as any parent does."""
        return [p for p in children(run.process.pid) for fd in Path(f"/proc/{p}/fd").iterdir() if link_of(fd) == link]

    wait_for(lambda: len(children(run.process.pid)) == 2 and not holders())
    (tmp_path / "enough").touch()
    run.end()
    assert run.code == 0


def link_of(fd: Path) -> str:
    try:
        return os.readlink(fd)
    except FileNotFoundError:
        return ""


def test_a_nonblocking_stdout_of_somebody_else_loses_nothing(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    run = Driven(tmp_path, [PY, "-c", "print('x' * 3_000_000)"], stdout=write)
    os.close(write)
    with open(read, "rb") as f:
        assert len(f.read()) == 3_000_001
    run.end()


def test_flags_of_shared_streams_are_left_alone(tmp_path: Path) -> None:
    read, write = os.pipe()
    run = drive(tmp_path, "echo", "hi", stdout=write)
    assert os.get_blocking(write)
    assert os.read(read, 10) == b"hi\n"
    os.close(read)
    os.close(write)
    assert run.code == 0


def test_a_socket_as_stdout(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    run = Driven(tmp_path, [PY, "-c", "print('x' * 2_000_000)"], stdout=theirs)
    theirs.close()
    got = 0
    while block := ours.recv(65536):
        got += len(block)
    ours.close()
    run.end()
    assert got == 2_000_001


def test_what_the_record_cannot_note_does_not_stop_the_command(tmp_path: Path) -> None:
    run = drive(tmp_path, "echo", "hi", env={**os.environ, "TEST_FAIL_ON_START": "1"})
    assert (run.out, run.code) == (b"hi\n", 0)
    assert any("no space for the record" in w for w in run.outcome()["warnings"])


def test_a_full_disk_costs_the_log_and_not_the_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "stdout.log").symlink_to("/dev/full")
    run = drive(tmp_path, "echo", "hi")
    assert (run.out, run.code) == (b"hi\n", 0)
    assert run.outcome()["warnings"] == [
        "stdout.log is incomplete: 3 bytes could not be written (No space left on device), the first at byte 0"
    ]


def test_without_a_folder_it_runs_all_the_same(tmp_path: Path) -> None:
    code = """
import sys
from exptrack.record.child import run_child
out = run_child(["echo", "hi"], "/bin/echo", env={}, folder="/no/such/folder", on_start=lambda pid: None)
print(out.exit_code, len(out.warnings))
"""
    done = subprocess.run([PY, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["hi", "0", "1"]


@pytest.mark.parametrize("what", ["stdout", "stderr"])
def test_sigkill_of_the_supervisor_never_leaves_the_command_hanging(tmp_path: Path, what: str) -> None:
    code = f"""
import sys, time
while True:
    print("x" * 1000, file=sys.{what})
"""
    run = Driven(tmp_path, [PY, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid = run.pid()
    wait_for(lambda: (run.folder / "terminal.log").exists() and run.log("terminal"))
    helpers = children(run.process.pid)
    run.process.kill()
    run.process.wait()
    wait_for(lambda: not is_alive(pid), "the command to end")
    wait_for(lambda: not any(is_alive(p) for p in helpers), "the witness to end")


def test_a_quiet_command_goes_on_after_sigkill_of_the_supervisor(tmp_path: Path) -> None:
    code = "import os, time\nwhile not os.path.exists('enough'): time.sleep(0.01)\nopen('went-on', 'w')"
    run = Driven(tmp_path, [PY, "-c", code])
    run.pid()
    run.process.kill()
    run.end()
    (tmp_path / "enough").touch()
    wait_for((tmp_path / "went-on").exists)
