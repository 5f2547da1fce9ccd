"""Two real users on one store: what a shared one lets both do, and what a private one says to the other."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from exptrack.store.place import open_store
from tool import BIN, Tool

# Numbers without names: no account has to be there, and none that is there is used.
ANNA, BERT, EVE = 61001, 61002, 61003
TEAM = 61900
RUNS = 32  # of each of the two: 64 at once
# The interpreter of these tests may lie in a home folder that is closed; another one of its version will do.
INTERPRETERS = (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
PYTHONPATH = os.pathsep.join(p for p in sys.path if p.endswith(("site-packages", "src")))
TRAIN = (
    "open('model.bin', 'w').write('the same weights')\nfor i in range(5):\n    print(f'step={i} loss={1 / (i + 1)}')\n"
)


class User:
    """The real command as a user of their own, in a project of their own; `store` is the team's."""

    def __init__(self, top: Path, uid: int, store: Path, umask: int, policy: str = "shared = true\n") -> None:
        self.uid, self.umask, self.python = uid, umask, interpreter()
        self.home = top / f"home-{uid}"
        self.work = self.home / "work"
        self.work.mkdir(parents=True)
        (self.work / "train.py").write_text(TRAIN)
        (self.work / "exptrack.toml").write_text(f"store = '{store}'\n{policy}")
        for path in (self.home, self.work, *self.work.iterdir()):
            os.chown(path, uid, uid)
        self.env = {
            "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": str(self.home / "gitconfig"),
            "USER": f"user{uid}",
            "PYTHONPATH": PYTHONPATH,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.python, "-m", "exptrack", *words],
            cwd=self.work,
            env=self.env,
            user=self.uid,
            group=self.uid,
            extra_groups=[TEAM] if self.uid != EVE else [],
            umask=self.umask,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        process = self.start(*words)
        out, err = process.communicate()
        assert process.returncode == code, f"{words}: exit {process.returncode}\n{out}{err}"
        assert "Traceback" not in err
        return subprocess.CompletedProcess(words, code, out, err)

    def train(self, name: str) -> tuple[str, ...]:
        return ("run", "-q", "-n", name, "-o", "model=model.bin", "--", self.python, "train.py")


@cache
def interpreter() -> str:
    """One that everybody may run."""
    for python in INTERPRETERS:
        try:
            asked = [python, "-c", "import exptrack.model, typer"]
            done = subprocess.run(asked, user=ANNA, group=ANNA, extra_groups=[], env={"PYTHONPATH": PYTHONPATH})
        except OSError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip("other users may read no interpreter that has exptrack")


@pytest.fixture
def top() -> Iterator[Path]:
    """A folder that everybody may enter: pytest's own are root's alone."""
    if os.geteuid() != 0:
        pytest.skip("only root can be two users")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def team(top: Path) -> Path:
    """The team's folder, as docs/secrets.md says to make it."""
    folder = top / "team"
    folder.mkdir()
    os.chown(folder, 0, TEAM)
    folder.chmod(0o2770)
    return folder


@pytest.fixture
def users(top: Path, team: Path) -> tuple[User, User]:
    store = team / "exptrack"
    return User(top, ANNA, store, 0o022), User(top, BERT, store, 0o077)


def test_two_users_run_at_once_and_each_sees_all(users: tuple[User, User], team: Path) -> None:
    started = [user.start(*user.train(f"run-{user.uid}-{i}")) for i in range(RUNS) for user in users]
    said = [process.communicate() for process in started]
    assert [p.returncode for p in started] == [0] * 2 * RUNS, said
    wanted = sorted(f"run-{user.uid}-{i}" for i in range(RUNS) for user in users)
    for user in users:
        runs = json.loads(user("ls", "--json").stdout)
        assert sorted(r["name"] for r in runs) == wanted
        assert {r["status"] for r in runs} == {"finished"}
        assert [w for r in runs for w in r["warnings"]] == []
        verified = json.loads(user("verify", "--json").stdout)
        assert verified["passed"] is True
        assert verified["runs"] == 2 * RUNS
    for path in (team / "exptrack").rglob("*"):
        info = path.stat()
        assert info.st_gid == TEAM, path
        assert stat.S_IMODE(info.st_mode) & 0o007 == 0, path
    assert {p.stat().st_uid for p in (team / "exptrack" / "runs").iterdir()} == {ANNA, BERT}


def test_one_reads_promotes_annotates_and_collects_what_the_other_ran(users: tuple[User, User], team: Path) -> None:
    anna, bert = users
    anna(*anna.train("hers"))
    bert("init")
    bert("show", "hers")
    bert("tag", "hers", "reviewed=bert")
    bert("promote", "hers", "net", "--reason", "best so far")
    assert json.loads(anna("models", "net", "--json").stdout)["history"][0]["author"] != ""
    anna("promote", "hers", "net", "--reason", "again")
    anna("demote", "net")
    bert("get", "hers", "-o", "back")
    assert (bert.work / "back" / "model.bin").read_text() == "the same weights"
    assert stat.S_IMODE((bert.work / "back" / "model.bin").stat().st_mode) == 0o600  # his umask is 077
    for user in users:
        with (user.work / "exptrack.toml").open("a") as f:
            f.write("[retention]\nwindow = '0s'\nkeep = ['pinned']\n")
    for path in (team / "exptrack" / "objects").rglob("*"):
        if path.is_file():
            os.utime(path, (1e9, 1e9))
    assert json.loads(bert("gc", "--apply", "--json").stdout)["objects"] == 1
    anna("undo", "gc")
    bert("gc", "--apply")
    # What is in the trash is stored again by whoever has it.
    bert(*bert.train("his"))
    assert json.loads(anna("verify", "his", "--json").stdout)["passed"] is True


def test_what_another_user_stored_long_ago_is_stored_again_and_so_safe_from_gc(
    users: tuple[User, User], team: Path
) -> None:
    anna, bert = users
    anna(*anna.train("hers"))
    store = open_store(str(team / "exptrack"))
    digest = json.loads(anna("show", "hers", "--json").stdout)["artifacts"][0]["digest"]
    path = Path(store.objects.path(digest))
    os.utime(path, (1e9, 1e9))
    bert(*bert.train("his"))
    assert path.stat().st_uid == BERT
    assert path.stat().st_mtime > 1e9
    assert store.objects.is_whole(digest)


def test_a_private_store_is_closed_and_says_whose_it_is(top: Path) -> None:
    open_to_all = top / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o1777)
    store = open_to_all / "store"
    anna = User(top, ANNA, store, 0o000, policy="")
    bert = User(top, BERT, store, 0o022)
    anna(*anna.train("hers"))
    (bert.work / ".exptrack").mkdir()
    os.chown(bert.work / ".exptrack", BERT, BERT)
    for words, code in ((bert.train("his"), 125), (("ls",), 2), (("promote", "hers", "net"), 2), (("gc",), 2)):
        said = bert(*words, code=code).stderr
        assert said.startswith(f"error: the store {store} cannot be read: Permission denied; it belongs to user {ANNA}")
        assert "shared = true" in said
    assert not (bert.work / "model.bin").exists()


def test_a_private_store_in_the_teams_folder_is_opened_by_its_owner_only(users: tuple[User, User]) -> None:
    anna, bert = users
    policy = anna.work / "exptrack.toml"
    shared = policy.read_text()
    policy.write_text(shared.replace("shared = true\n", ""))
    anna(*anna.train("hers"))
    assert "belongs to" in bert(*bert.train("his"), code=125).stderr
    policy.write_text(shared)
    anna(*anna.train("hers too"))
    bert(*bert.train("his"))
    assert len(json.loads(bert("ls", "--json").stdout)) == 3


def test_who_is_in_no_group_of_it_is_kept_out_of_a_shared_store(users: tuple[User, User], top: Path) -> None:
    anna, _ = users
    anna(*anna.train("hers"))
    eve = User(top, EVE, top / "team" / "exptrack", 0o022)
    assert "Permission denied" in eve(*eve.train("x"), code=125).stderr


def test_another_users_project_says_what_to_do(top: Path) -> None:
    """Beside the store: the folder of a project (index, live runs) is its owner's alone."""
    anna = User(top, ANNA, top / "home-61001" / "work" / ".exptrack" / "store", 0o000, policy="")
    anna(*anna.train("hers"))
    bert = User(top, BERT, top / "nowhere", 0o022)
    bert.work = anna.work
    for words, code in ((bert.train("his"), 125), (("ls",), 2)):
        said = bert(*words, code=code).stderr
        assert said.startswith("error: ")
        assert "hint: " in said
        assert "Permission denied" in said


def test_what_is_written_back_obeys_the_umask(tool: Tool, tmp_path: Path) -> None:
    tool.write("train.py", TRAIN)
    tool("run", "-o", "model=model.bin", "--", sys.executable, "train.py", umask=0o002)
    tool("get", "@", "-o", str(tmp_path / "got"), umask=0o077)
    tool("restore", "@", str(tmp_path / "back"), umask=0o077)
    for path in (tmp_path / "got" / "model.bin", tmp_path / "back" / "train.py"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_we_make_in_a_folder_that_was_open_before_is_not(tool: Tool) -> None:
    (tool.folder / ".exptrack").mkdir(mode=0o755)
    tool("run", "-o", "model=model.bin", "--", sys.executable, "-c", "open('model.bin', 'w')", umask=0o000)
    tool("ls", umask=0o000)
    for path in (tool.folder / ".exptrack").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_folder_that_is_closed_in_an_open_store_or_project_says_whose_it_is(
    users: tuple[User, User], team: Path
) -> None:
    """Anna's project is hers alone, though the store it speaks of is the team's; and somebody closed a part of that."""
    anna, bert = users
    anna(*anna.train("hers"))
    anna.home.chmod(0o755)
    anna.work.chmod(0o755)
    bert.work = anna.work
    for words in (("ls",), ("show", "@"), ("verify",), ("recover",), ("doctor",), ("gc",)):
        said = bert(*words, code=2)
        assert said.stdout == ""
        assert said.stderr.startswith(
            f"error: Permission denied: {anna.work}/.exptrack/live; it belongs to user {ANNA}"
        )
        assert "hint: `shared = true`" in said.stderr
    bert.work = bert.home / "work"
    for part in ("runs", "events", "promotions"):
        (team / "exptrack" / part).chmod(0o700)
        for words in (("ls",), ("verify",), ("reindex",), ("gc",)):
            said = bert(*words, code=2)
            assert f"it belongs to user {ANNA}\nhint: `shared = true`" in said.stderr
        (team / "exptrack" / part).chmod(0o2770)
    bert("ls")
