"""`exptrack run` on a real terminal, side by side with the bare command: people and programs see the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from drive import children, is_alive, wait_for
from screen import Screen
from tool import BIN, EXPTRACK

PY = sys.executable
RUN = [EXPTRACK, "run", "--quiet", "--"]
PROMPT = "READY> "


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, the current one of everything that is started."""
    folder = tmp_path / "project"
    (folder / ".exptrack").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("COLUMNS", "LINES"):  # they would speak for the terminal
        monkeypatch.delenv(name, raising=False)
    return folder


def program(place: Path, code: str, name: str = "program.py") -> list[str]:
    (place / name).write_text(code)
    return [PY, name]


def bare_and_wrapped(command: list[str]) -> Iterator[Screen]:
    for words in (command, [*RUN, *command]):
        with Screen(words) as screen:
            yield screen


def shell() -> Screen:
    """An interactive bash with job control, without the noise of line editing."""
    words = ["bash", "--norc", "--noprofile", "--noediting", "-i"]
    screen = Screen(words, env={**os.environ, "PS1": PROMPT})
    screen.expect(PROMPT)
    return screen


def logged(place: Path) -> bytes:
    """What the only run printed on its terminal, as `exptrack logs` has it."""
    return subprocess.run([EXPTRACK, "logs", "@"], cwd=place, capture_output=True, check=True).stdout


def pid_in(path: Path) -> int:
    wait_for(lambda: path.exists() and path.read_text())
    return int(path.read_text())


# --- what the program sees ---

ASK = """
import os, sys
with open(sys.argv[1], "a") as f: f.write(f"{[os.isatty(i) for i in range(3)]} {sys.argv[2]}\\n")
"""


def test_each_stream_is_a_terminal_exactly_where_it_is_one_without_us(place: Path) -> None:
    ask = " ".join(program(place, ASK))
    wrapped = " ".join(RUN) + " " + ask
    lines = ["set -m"]
    for stdin in ("", "< /dev/null"):
        for stdout in ("", "> out", "| cat"):
            for stderr in ("", "2> err", "2>&1"):
                for back in ("", "& wait"):
                    where = f"{stdin} {stderr} {stdout} {back}"
                    lines += [f"{ask} bare '{where}' {where}", f"{wrapped} wrapped '{where}' {where}"]
    (place / "all.sh").write_text("\n".join(lines))
    with Screen(["bash", "all.sh"]) as screen:
        screen.rest()
        assert screen.code == 0
    bare = (place / "bare").read_text().splitlines()
    assert (place / "wrapped").read_text().splitlines() == bare
    assert len({line.split("]")[0] for line in bare}) == 8


BAR = """
import shutil, sys
size = shutil.get_terminal_size()
print(size, sys.stdout.isatty(), "\\x1b[31mred\\x1b[0m", "\\t|", "caf\\u00e9")
for i in range(50):
    print(f"\\r{i * 2:3d}%|{'#' * (i // 2):25s}| {i}/50 loss={1 / (i + 1):.4f}", end="", file=sys.stderr)
    sys.stderr.flush()
    if i % 10 == 0: print(f"\\nepoch {i // 10} loss={1 / (i + 1):.4f}", flush=True)
print("\\x1b[2K\\x1b[1Adone", flush=True)
"""


def test_bars_and_colours_arrive_as_the_same_bytes(place: Path) -> None:
    bare, wrapped = (screen.rest() for screen in bare_and_wrapped(program(place, BAR)))
    assert wrapped == bare
    assert b"\x1b[31mred" in bare
    assert logged(place) == bare


def test_a_bar_on_stderr_keeps_its_terminal_when_stdout_is_a_file(place: Path) -> None:
    words = " ".join(program(place, BAR))
    with Screen(["sh", "-c", f"{words} > bare"]) as screen:
        bare = screen.rest()
    with Screen(["sh", "-c", f"{' '.join(RUN)} {words} > wrapped"]) as screen:
        assert screen.rest() == bare
        assert screen.code == 0
    assert (place / "wrapped").read_bytes() == (place / "bare").read_bytes()
    assert b"loss=0.0200" in bare


SIZE = """
import os, signal, sys
fd = int(sys.argv[1])
def show(*_): os.write(fd, b"size %d %d\\n" % tuple(os.get_terminal_size(fd)))
signal.signal(signal.SIGWINCH, show)
show()
while True: signal.pause()
"""


@pytest.mark.parametrize("redirect", ["1", "2 > /dev/null"])
def test_the_window_and_its_changes(place: Path, redirect: str) -> None:
    words = " ".join([*RUN, *program(place, SIZE), redirect])
    with Screen(["sh", "-c", f"exec {words}"], rows=20, columns=70) as screen:
        screen.expect("size 70 20\r\n")
        screen.resize(33, 111)
        screen.expect("size 111 33\r\n")
        screen.resize(10, 40)
        screen.expect("size 40 10\r\n")
        screen.type("\x03")
        assert screen.code == 130


def test_a_resize_is_told_once(place: Path) -> None:
    with Screen([*RUN, *program(place, SIZE), "1"]) as screen:
        screen.expect("size 80 24\r\n")
        screen.resize(30, 90)
        screen.expect("size 90 30\r\n")
        screen.resize(31, 91)
        assert screen.expect("size 91 31\r\n").count(b"size") == 1
        screen.type("\x03")


# --- the keyboard ---


def test_input_and_end_of_file(place: Path) -> None:
    code = "import sys\nname = input('name? ')\nprint('hello', name)\nprint(len(sys.stdin.read()))"
    seen = []
    for screen in bare_and_wrapped(program(place, code)):
        screen.expect("name\\? ")
        screen.type("Ada\n")
        screen.expect("hello Ada\r\n")
        screen.type("12345\n")
        screen.expect("12345\r\n")
        screen.type("\x04")
        seen.append(screen.rest())
        assert screen.code == 0
    assert seen[0] == seen[1] == b"6\r\n"


@pytest.mark.parametrize("redirect", ["", "> out"])
def test_a_password_is_asked_for_and_never_shown(place: Path, redirect: str) -> None:
    code = """
import getpass, sys
print("before", flush=True)
print("length", len(getpass.getpass()), file=sys.stderr)
"""
    words = " ".join([*RUN, *program(place, code), redirect])
    with Screen(["sh", "-c", words]) as screen:
        screen.expect("Password: ")
        screen.type("hunter2\n")
        assert b"hunter2" not in screen.expect("length 7\r\n")
        assert b"hunter2" not in screen.rest()
        assert screen.code == 0
    assert b"hunter2" not in logged(place)


def test_ctrl_c_is_an_interrupt_once(place: Path) -> None:
    code = """
import signal, time
came = []
def note(*_):
    print("interrupted", flush=True)
    came.append(1)
signal.signal(signal.SIGINT, note)
print("up", flush=True)
while not came: time.sleep(0.01)
time.sleep(0.2)  # a second one would come now
raise SystemExit(9)
"""
    for screen in bare_and_wrapped(program(place, code)):
        screen.expect("up\r\n")
        screen.type("\x03")
        assert screen.rest() == b"^Cinterrupted\r\n"
        assert screen.code == 9


def test_ctrl_c_and_ctrl_backslash_end_what_does_not_handle_them(place: Path) -> None:
    for key, number in (("\x03", signal.SIGINT), ("\x1c", signal.SIGQUIT)):
        with Screen([*RUN, "sh", "-c", "ulimit -c 0; echo u''p; exec sleep 100"]) as screen:
            screen.expect("up\r\n")
            screen.type(key)
            screen.rest()
            assert screen.code == 128 + number


def test_a_command_that_reads_keys_itself_gets_them_all(place: Path) -> None:
    code = """
import os, termios, tty
tty.setraw(0)
os.write(1, b"raw\\r\\n")
print(os.read(0, 1) + os.read(0, 1) + os.read(0, 1))
"""
    for screen in bare_and_wrapped(program(place, code)):
        screen.expect("raw\r\n")
        screen.type("\x03\x1a\x1c")
        screen.expect(r"b'\\x03\\x1a\\x1c'")
        assert screen.code == 0


def test_a_curses_program(place: Path) -> None:
    code = """
import curses
def main(window):
    window.addstr(2, 3, f"size {curses.COLS}x{curses.LINES}")
    window.refresh()
    while (key := window.getch()) != ord("q"):
        window.addstr(4, 3, f"key {key}")
        window.refresh()
curses.wrapper(main)
"""
    seen = []
    for screen in bare_and_wrapped(program(place, code)):
        seen.append(screen.expect("size 80x24"))
        screen.type("a")
        seen.append(screen.expect("key 97"))
        screen.type("q")
        seen.append(screen.rest())
        assert screen.code == 0
    assert seen[:3] == seen[3:]


def test_a_pager(place: Path) -> None:
    (place / "text").write_text("".join(f"line {i}\n" for i in range(100)))
    for words in ([*RUN, "less", "text"], ["sh", "-c", f"{' '.join(RUN)} cat text | less"]):
        with Screen(words) as screen:
            screen.expect("line 22")
            screen.type(" ")
            screen.expect("line 40")
            screen.type("q")
            screen.rest()
            assert screen.code == 0


def test_the_terminal_is_given_back_as_it_was(place: Path) -> None:
    """However the command ends, and although it left its own terminal in a mess."""
    for end in ("stty raw -echo", "kill -9 $$", "stty raw; kill -TERM $$"):
        with Screen(["sh", "-c", f"stty -ixon; {' '.join(RUN)} sh -c '{end}'; echo d''one; read x"]) as screen:
            screen.expect("done\r\n")
            iflag, oflag, _, lflag = screen.modes()[:4]
            assert not iflag & termios.IXON
            assert iflag & termios.ICRNL
            assert oflag & termios.OPOST
            assert lflag & termios.ECHO
            assert lflag & termios.ICANON
            assert lflag & termios.ISIG


def test_and_when_the_command_is_not_there(place: Path) -> None:
    (place / "bad").write_text("#!/no/such/interpreter\n")
    (place / "bad").chmod(0o755)
    with Screen(["sh", "-c", f"{' '.join(RUN)} ./bad; echo co''de $?; read x"]) as screen:
        screen.expect("code 126\r\n")
        assert screen.modes()[3] & termios.ECHO


# --- job control ---


def test_ctrl_z_and_fg(place: Path) -> None:
    words = " ".join([*RUN, *program(place, "print('up', flush=True)\nprint('got', input())")])
    with shell() as screen:
        before = screen.modes()
        screen.type(words + "\n")
        screen.expect("up\r\n")
        screen.type("\x1a")
        assert b"Stopped" in screen.expect(PROMPT)
        assert screen.modes() == before
        screen.resize(30, 99)
        screen.type("fg\n")
        screen.expect("program.py\r\n")
        wait_for(lambda: not screen.modes()[3] & termios.ICANON)
        screen.type("hello\n")
        screen.expect("got hello\r\n")
        screen.expect(PROMPT)
        screen.type("echo $?\n")
        screen.expect("0\r\n")


def test_ctrl_z_bg_and_fg_again(place: Path) -> None:
    code = """
import os, time
print("up", flush=True)
while not os.path.exists("more"): time.sleep(0.01)
print("more", flush=True)
print("got", input())
"""
    words = " ".join([*RUN, *program(place, code)])
    with shell() as screen:
        before = screen.modes()
        screen.type(words + "\n")
        screen.expect("up\r\n")
        screen.type("\x1a")
        screen.expect(f"Stopped.*\r\n{PROMPT}")
        screen.type("bg\n")
        screen.expect(PROMPT)
        (place / "more").touch()
        screen.expect("more\r\r\n")  # printed by a background job, on the shell's own modes
        assert screen.modes() == before
        screen.type("fg\n")
        screen.expect("program.py\r\n")
        wait_for(lambda: not screen.modes()[3] & termios.ICANON)
        screen.type("hello\n")
        screen.expect("got hello\r\n")
        screen.expect(PROMPT)


def test_started_in_the_background(place: Path) -> None:
    words = " ".join([*RUN, *program(place, "print('up', flush=True)\nprint('got', input())")])
    with shell() as screen:
        before = screen.modes()
        screen.type(words + " &\n")
        screen.expect("up\r\n")
        assert screen.modes() == before
        # It reads, and a background job that reads is stopped: by the kernel, with and without us.
        wait_for(lambda: stopped_children(screen.pid))
        screen.type("fg\n")
        screen.expect("program.py\r\n")
        wait_for(lambda: screen.foreground != screen.pid)
        screen.type("hello\n")
        screen.expect("got hello\r\n")
        screen.expect(PROMPT)


def stopped_children(shell_pid: int) -> list[str]:
    pids = Path(f"/proc/{shell_pid}/task/{shell_pid}/children").read_text().split()
    return [p for p in pids if Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split()[0] == "T"]


@pytest.mark.parametrize(
    "how", ["for i in 1 2 3; do echo round; {run}; done", "bash sweep.sh", "{run} | cat; echo n''ext"]
)
def test_ctrl_c_ends_the_loop_the_script_and_the_pipeline_around(place: Path, how: str) -> None:
    run = " ".join([*RUN, "sh -c 'echo u\"\"p; exec sleep 100'"])
    (place / "sweep.sh").write_text(f"for i in 1 2 3; do echo round; {run}; done\n")
    with shell() as screen:
        screen.type(how.format(run=run) + "\n")
        screen.expect("up\r\n")
        screen.type("\x03")
        seen = screen.expect(PROMPT)
        assert b"round" not in seen
        assert b"up" not in seen


def test_ctrl_z_stops_the_script_around(place: Path) -> None:
    run = " ".join([*RUN, "sh -c 'echo u\"\"p; exec sleep 100'"])
    (place / "sweep.sh").write_text(f"{run}\n{run}\n")
    with shell() as screen:
        screen.type("bash sweep.sh\n")
        screen.expect("up\r\n")
        screen.type("\x1a")
        assert b"Stopped" in screen.expect(PROMPT)
        screen.type("fg\n")
        screen.expect("sweep.sh\r\n")
        wait_for(lambda: not screen.modes()[3] & termios.ICANON)
        screen.type("\x03")
        assert b"up" not in screen.expect(PROMPT)


def test_ctrl_z_in_a_pipeline(place: Path) -> None:
    run = " ".join([*RUN, *program(place, "import time\nprint('up', flush=True)\ntime.sleep(100)")])
    with shell() as screen:
        screen.type(run + " | cat\n")
        screen.expect("up\r\n")
        screen.type("\x1a")
        assert b"Stopped" in screen.expect(PROMPT)
        screen.type("fg\n")
        screen.expect("cat\r\n")
        wait_for(lambda: screen.foreground != screen.pid)  # bash echoes first and hands over then
        screen.type("\x03")
        screen.expect(PROMPT)


def test_killing_a_stopped_job_reaches_everything_in_it(place: Path) -> None:
    run = " ".join([*RUN, "sh -c 'sleep 100 & echo $! > inner; echo u\"\"p; wait'"])
    with shell() as screen:
        screen.type(run + "\n")
        screen.expect("up\r\n")
        screen.type("\x1a")
        screen.expect(f"Stopped.*\r\n{PROMPT}")
        screen.type("kill %1\n")
        screen.expect(PROMPT)
        inner = pid_in(place / "inner")
        wait_for(lambda: not is_alive(inner))


def test_a_command_continued_from_elsewhere_wakes_us_too(place: Path) -> None:
    code = """
import os, time
with open("pid.tmp", "w") as f: f.write(str(os.getpid()))
os.rename("pid.tmp", "pid")
print("up", flush=True)
while not os.path.exists("go"): time.sleep(0.01)
print("x" * 5_000_000, flush=True)
open("through", "w")
"""
    run = " ".join([*RUN, *program(place, code)])
    with shell() as screen:
        for redirect in ("", "> out"):
            for name in ("go", "through", "pid"):
                (place / name).unlink(missing_ok=True)
            screen.type(f"{run} {redirect}\n")
            pid = pid_in(place / "pid")
            screen.type("\x1a")
            screen.expect(f"Stopped.*\r\n{PROMPT}")
            (place / "go").touch()
            os.kill(pid, signal.SIGCONT)
            wait_for(lambda: screen.drain() or (place / "through").exists())
            wait_for(lambda p=pid: not is_alive(p))


# --- ends that nobody planned ---

UP = """
import os, signal, sys
def note(number, _):
    with open("came", "a") as f: f.write(signal.Signals(number).name + "\\n")
    if number == signal.SIGHUP: sys.exit(3)
for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1): signal.signal(number, note)
with open("pid.tmp", "w") as f: f.write(str(os.getpid()))
os.rename("pid.tmp", "pid")
print("up", flush=True)
while True: signal.pause()
"""


def came(place: Path) -> list[str]:
    return (place / "came").read_text().split() if (place / "came").exists() else []


def test_signals_by_kill_arrive_once_on_a_terminal_too(place: Path) -> None:
    with Screen([*RUN, *program(place, UP)]) as screen:
        screen.expect("up\r\n")
        for count, number in enumerate((signal.SIGTERM, signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR1), 1):
            os.kill(screen.pid, number)
            wait_for(lambda n=count: len(came(place)) == n)
        os.kill(screen.pid, signal.SIGHUP)
        assert screen.code == 3
    assert came(place) == ["SIGTERM", "SIGUSR1"] * 2 + ["SIGHUP"]


def test_a_terminal_that_goes_away_hangs_up(place: Path) -> None:
    screen = Screen([*RUN, *program(place, UP)])
    screen.expect("up\r\n")
    os.close(screen.ours)
    _, status = os.waitpid(screen.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 3
    assert came(place) == ["SIGHUP"]


@pytest.mark.parametrize("mode", ["cooked", "raw"])
def test_a_command_that_survives_the_hang_up_does_not_wait_for_keys(place: Path, mode: str) -> None:
    code = f"""
import os, signal, tty
signal.signal(signal.SIGHUP, signal.SIG_IGN)
if {mode == "raw"}: tty.setraw(0)
print("up", flush=True)
try:
    ends = [os.read(0, 100), os.read(0, 100)]
except OSError as e:
    ends = e.strerror
with open("ends", "w") as f: print(ends, file=f)
"""
    screen = Screen([*RUN, *program(place, code)])
    screen.expect("up")
    os.close(screen.ours)
    _, status = os.waitpid(screen.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert (place / "ends").read_text() in ("[b'', b'']\n", "Input/output error\n")


def test_sigkill_of_exptrack_hangs_up_and_leaves_nobody(place: Path) -> None:
    with Screen([*RUN, *program(place, UP)]) as screen:
        screen.expect("up\r\n")
        pid = pid_in(place / "pid")
        os.kill(screen.pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(pid))
        assert came(place) == ["SIGHUP"]


def test_the_terminal_is_given_back_even_then(place: Path) -> None:
    words = " ".join([*RUN, *program(place, UP)])
    with Screen(["sh", "-c", f"{words}; echo d''one; read x"]) as screen:
        before = screen.modes()
        screen.expect("up\r\n")
        assert screen.modes() != before
        os.kill(children(screen.pid)[0], signal.SIGKILL)
        screen.expect("done\r*\n")
        wait_for(lambda: screen.modes() == before)


def test_what_the_command_leaves_running_is_not_hung_up(place: Path) -> None:
    code = """
import os, time
if os.fork():
    raise SystemExit(4)
for fd in range(3): os.close(fd)
with open("pid.tmp", "w") as f: f.write(str(os.getpid()))
os.rename("pid.tmp", "pid")
while not os.path.exists("enough"): time.sleep(0.01)
open("ended-well", "w")
"""
    with Screen(["sh", "-c", f"{' '.join([*RUN, *program(place, code)])}; echo co''de $?"]) as screen:
        screen.expect("code 4\r\n")
        pid_in(place / "pid")
        screen.rest()
    (place / "enough").touch()
    wait_for((place / "ended-well").exists)


# --- tmux: what a person would try by hand ---


class Tmux:
    def __init__(self, folder: Path) -> None:
        self.words = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self("new-session", "-d", "-x", "60", "-y", "15", "env PS1='READY> ' bash --norc --noprofile")
        self.wait_for("READY>")

    def __call__(self, *words: str) -> str:
        return subprocess.run([*self.words, *words], capture_output=True, text=True, check=True).stdout

    def keys(self, *keys: str) -> None:
        self("send-keys", *keys)

    def screen(self) -> list[str]:
        return [line.rstrip() for line in self("capture-pane", "-p").splitlines()]

    def wait_for(self, text: str) -> None:
        try:
            wait_for(lambda: any(text in line for line in self.screen()))
        except AssertionError:
            raise AssertionError(f"{text!r} did not appear; on the screen: {self.screen()}") from None


@pytest.fixture
def tmux(place: Path, tmp_path: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("no tmux here")
    terminal = Tmux(tmp_path)
    yield terminal
    terminal("kill-server")


PROGRESS = """
import os, sys, time
print("\\x1b[1mtraining\\x1b[0m")
for i in range(1, 6):
    while True:
        width = os.get_terminal_size().columns
        print(f"\\r\\x1b[K{i}/5 loss={1 / i:.3f} in {width}", end="", flush=True)
        if i < 2 or os.path.exists(f"go{i}"): break
        time.sleep(0.02)
print()
name = input("name? ")
print("saved as", name)
"""


def test_by_hand_in_tmux(place: Path, tmux: Tmux) -> None:
    words = " ".join([*RUN, *program(place, PROGRESS)]).replace(str(BIN) + "/", "")
    tmux.keys(f"clear; {words}", "Enter")
    tmux.wait_for("2/5")
    assert tmux.screen()[:2] == ["training", "2/5 loss=0.500 in 60"]
    tmux("resize-window", "-x", "50", "-y", "12")
    tmux.wait_for("2/5 loss=0.500 in 50")
    (place / "go2").touch()
    tmux.wait_for("3/5 loss=0.333 in 50")
    tmux.keys("C-z")
    tmux.wait_for("Stopped")
    for i in (3, 4, 5):
        (place / f"go{i}").touch()
    tmux.keys("clear; fg", "Enter")
    tmux.wait_for("name?")
    tmux.keys("first", "Enter")
    wait_for(lambda: visible(tmux)[-1] == "READY>")
    assert visible(tmux)[-4:] == ["5/5 loss=0.200 in 50", "name? first", "saved as first", "READY>"]


def visible(tmux: Tmux) -> list[str]:
    return [line for line in tmux.screen() if line]
