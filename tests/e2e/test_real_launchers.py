"""mpirun, mpiexec and ssh themselves, where they are installed: what the stand-ins of the other files stand for.

ssh talks to an sshd of ours through a pipe (ProxyCommand): no port, no network, no key of the user's.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import sys

import pytest

from drive import wait_for
from tool import EXPTRACK, Tool

TRAIN = """
import os, pathlib, signal, sys, time
rank = next((os.environ[n] for n in ("OMPI_COMM_WORLD_RANK", "PMI_RANK") if n in os.environ), "0")
def save(number, frame):
    pathlib.Path("model.pt").write_text("saved")
    sys.exit(128 + number)
signal.signal(signal.SIGTERM, save)
print(f"step 1 loss: 0.{rank}", flush=True)
pathlib.Path(f"ran-{rank}").write_text(os.environ.get("EXPTRACK_RUN_ID", ""))
if sys.argv[1] == "wait":
    while rank == "0" or not os.path.exists("ran-0"): time.sleep(0.01)
    sys.exit(4)
"""
ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
MPI = [
    pytest.param(
        name, launcher, marks=pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed"), id=launcher
    )
    for name, launcher in (("mpirun.openmpi", "openmpi"), ("mpiexec.hydra", "mpich"))
]


def mpi(tool: Tool, *words: str) -> subprocess.CompletedProcess[bytes]:
    tool.write("train.py", TRAIN)
    env = tool.env | ROOT
    return subprocess.run(
        words, cwd=tool.folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("name", "launcher"), MPI)
def test_in_the_ranks(tool: Tool, name: str, launcher: str) -> None:
    done = mpi(tool, name, "-n", "3", EXPTRACK, "run", "--", sys.executable, "train.py", "end")
    assert done.returncode == 0, done.stderr
    [run_id] = tool.run_ids()
    assert {p.name: p.read_text() for p in tool.folder.glob("ran-*")} == {"ran-0": run_id, "ran-1": "", "ran-2": ""}
    run = tool.json("show", "@")
    assert run["machine"]["scheduler"] == {"launcher": launcher, "world_size": "3", "local_world_size": "3"}
    assert (run["metrics"]["loss"]["count"], run["metrics"]["loss"]["last"]) == (1, 0.0)


@pytest.mark.parametrize(("name", "launcher"), MPI)
def test_around_and_in_the_ranks(tool: Tool, name: str, launcher: str) -> None:
    inner = [EXPTRACK, "run", "--", sys.executable, "train.py", "end"]
    done = mpi(tool, EXPTRACK, "run", "--", name, "-n", "3", *inner)
    assert done.returncode == 0, done.stderr
    [run_id] = tool.run_ids()
    assert {p.read_text() for p in tool.folder.glob("ran-*")} == {run_id}
    assert tool.json("show", "@")["machine"]["scheduler"] == {"launcher": "mpirun", "world_size": "3"}


@pytest.mark.skipif(not shutil.which("mpirun.openmpi"), reason="mpirun.openmpi is not installed")
def test_another_rank_fails_and_open_mpi_ends_the_recorded_one(tool: Tool) -> None:
    words = [EXPTRACK, "run", "-o", "model=model.pt", "--", sys.executable, "train.py", "wait"]
    assert mpi(tool, "mpirun.openmpi", "-n", "2", *words).returncode != 0
    wait_for(tool.run_ids)
    run = tool.json("show", "@")
    assert (run["status"], run["stopped_by"]) == ("killed", "SIGTERM sent to all its processes")
    assert [(a["kind"], a["size"]) for a in run["artifacts"]] == [("model", 5)]


SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
has_ssh = pytest.mark.skipif(not (SSHD and shutil.which("ssh")), reason="ssh and sshd are not installed")


def ssh(tool: Tool, *options: str) -> list[str]:
    """The words that run a command in a login of ours, as its user."""
    folder = tool.folder.parent / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("key", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    lines = [f"HostKey {folder}/host", f"AuthorizedKeysFile {folder}/key.pub", "StrictModes no", "UsePAM no"]
    (folder / "config").write_text("\n".join([*lines, "PasswordAuthentication no", "PermitRootLogin yes", ""]))
    asked = ["StrictHostKeyChecking=no", f"UserKnownHostsFile={folder}/known", "LogLevel=ERROR", "BatchMode=yes"]
    asked += [f"ProxyCommand={SSHD} -i -e -f {folder}/config 2>{folder}/log", f"IdentityFile={folder}/key"]
    words = ["ssh", "-F", "none", *(f"-o{a}" for a in asked), *options, f"{getpass.getuser()}@here"]
    tried = subprocess.run([*words, "true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    if tried.returncode:  # no shell, a locked account; as root sshd wants its /run/sshd
        pytest.skip(f"this user cannot log in here: {tried.stderr!r}")
    return words


def remote(tool: Tool, *words: str) -> str:
    keep = " ".join(f"'{name}={value}'" for name, value in tool.env.items())
    return f"cd {tool.folder} && exec env {keep} {' '.join(words)}"


@has_ssh
def test_over_ssh_streams_and_exit_code_are_the_commands(tool: Tool) -> None:
    tool.write("say.py", "import sys\nprint('loss: 0.5')\nprint('to stderr', file=sys.stderr)\nsys.exit(7)\n")
    words = [*ssh(tool), remote(tool, EXPTRACK, "run", "-q", "--", sys.executable, "say.py")]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "loss: 0.5\n", "to stderr\n")
    assert tool.json("show", "@")["metrics"]["loss"]["last"] == 0.5


WAITS = """
import os, pathlib, sys, time
print("step 1 loss: 0.5", flush=True)
pathlib.Path("ready").touch()
for _ in range(6000):
    time.sleep(0.01)
    if sys.argv[1] == "prints": print("still here", flush=True)
"""


@has_ssh
@pytest.mark.parametrize(("options", "how"), [(["-tt"], "is told"), ([], "prints")])
def test_a_connection_that_is_cut_ends_the_training_as_without_us(tool: Tool, options: list[str], how: str) -> None:
    tool.write("train.py", WAITS)
    words = [*ssh(tool, *options), remote(tool, EXPTRACK, "run", "--", sys.executable, "train.py", f"'{how}'")]
    client = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for((tool.folder / "ready").exists)
    os.kill(client.pid, signal.SIGKILL)
    client.wait()
    wait_for(tool.run_ids)
    run = tool.json("show", "@")
    assert run["metrics"]["loss"]["last"] == 0.5
    if how == "prints":
        assert run["status"] == "failed"  # BrokenPipeError, from its own print
    else:
        assert (run["status"], run["stopped_by"]) == ("killed", "SIGHUP as its terminal was closed")
