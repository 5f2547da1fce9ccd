"""What a TAB is answered with, as a function and in a real bash."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from exptrack.actions.find import find_runs
from exptrack.actions.groups import AGGREGATES
from exptrack.cli import words as table
from exptrack.cli.app import build
from exptrack.cli.complete import SHELLS, answer, complete, script
from exptrack.cli.table_of_commands import COMMANDS
from exptrack.errors import ExptrackError
from exptrack.model import STATUSES, Artifact, Input
from sealed_runs import add_run, make_project, promote, run_id

ROOT = Path(__file__).parents[3]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("EXPTRACK_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exptrack.toml").write_text(
        '[require]\ntags = ["intent"]\n[promote.churn-next]\nclean = true\n[promote."x-*"]\nclean = true\n'
    )
    project, store = make_project(tmp_path)
    add_run(
        store,
        1,
        name="resnet-50",
        tags={"owner": "vision team"},
        params={"lr": 0.1},
        metrics={"val/acc": 0.5, "val/loss": 2.0},
        group="sweep:1",
        artifacts=(Artifact(kind="model", path="out/m.bin", digest="a" * 64, size=1),),
        inputs=(Input(name="train", path="data", digest="b" * 64, size=1, files=2),),
    )
    add_run(store, 2, name="vit", tags={"owner": "speech"}, params={"lr": 0.2}, status="failed")
    promote(store, "churn/prod", 1, 1)
    promote(store, "churn/prod", 2, 2)
    find_runs(project, store)  # fills the index, which completion only looks at
    return project, store


def values(line: str) -> list[str]:
    """Candidates for the last word of a line; a blank at the end begins a new word."""
    words = line.split(" ")
    return [value or f"<{about}>" for value, about in complete(words, len(words) - 1)]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("exptrack pro", ["promote"]),
        ("exptrack --v", ["--version"]),
        ("exptrack show res", ["resnet-50"]),
        ("exptrack show " + run_id(2)[:-1], [run_id(2), run_id(1)]),
        ("exptrack show ch", ["churn/prod@", "churn-next@"]),
        ("exptrack show churn/prod@", ["churn/prod@", "churn/prod@2", "churn/prod@1"]),
        ("exptrack show best:val/a", ["best:val/acc"]),
        ("exptrack diff @ vi", ["vit"]),
        ("exptrack diff --patch @ vi", ["vit"]),
        ("exptrack diff @ vit ", []),
        ("exptrack promote vit ch", ["churn/prod", "churn-next"]),
        ("exptrack rollback churn/prod ", ["2", "1"]),
        ("exptrack which ", ["churn/prod", "churn-next", "<files>"]),
        ("exptrack card ch", ["churn/prod", "churn-next", "churn/prod@", "churn-next@"]),
        ("exptrack card churn/prod@", ["churn/prod@", "churn/prod@2", "churn/prod@1"]),
        ("exptrack card --dataset tr", ["train"]),
        ("exptrack tag @ ", ["intent=", "owner="]),
        ("exptrack tag @ a=b owner=s", ["owner=speech"]),
        ("exptrack note @ ", []),
        ("exptrack get resnet-50 ", ["model", "out/m.bin"]),
        ("exptrack get churn/prod@1 ", ["model", "out/m.bin"]),
        ("exptrack get churn/prod@ ", []),
        ("exptrack get @ ", []),
        ("exptrack get @ -o ", ["<folders>"]),
        ("exptrack restore @ ", ["<folders>"]),
        ("exptrack logs @ --stream ", ["stdout", "stderr"]),
        ("exptrack ls status=f", ["status=finished", "status=failed"]),
        ("exptrack ls tag.", ["tag.owner="]),
        ("exptrack ls tag.owner=v", ["tag.owner=vision team"]),
        ("exptrack ls params.lr=", ["params.lr=0.1", "params.lr=0.2"]),
        ("exptrack ls metrics.", ["metrics.val/acc", "metrics.val/loss"]),
        ("exptrack ls name=v", ["name=vit"]),
        ("exptrack ls model=", ["model=churn/prod", "model=churn-next"]),
        ("exptrack ls nothing=", []),
        ("exptrack ls --sort -metrics.val/a", ["-metrics.val/acc"]),
        ("exptrack ls --sort=-metrics.val/a", ["--sort=-metrics.val/acc"]),
        ("exptrack ls --columns id,params.", ["id,params.lr"]),
        ("exptrack ls --agg mean,m", ["mean,min", "mean,max", "mean,median"]),
        ("exptrack ls -g ", ["sweep:1"]),
        ("exptrack ls -n 5 --cs", ["--csv"]),
        ("exptrack run -t ", ["intent=", "owner="]),
        ("exptrack run -p l", ["lr="]),
        ("exptrack run --metric val/a", ["val/acc="]),
        ("exptrack run -o mod", ["model=", "<files>"]),
        ("exptrack run -o model=./m", ["<files>"]),
        ("exptrack run -c ", ["<files>"]),
        ("exptrack run --chi", ["--child"]),
        ("exptrack run -n x ", ["--"]),
        ("exptrack run -n x -- ", ["<command 5>"]),
        ("exptrack run -n x -- python tr", ["<command 5>"]),
        ("exptrack run python --l", ["<command 2>"]),
        ("exptrack run -- --l", ["<command 3>"]),
        ("exptrack completion z", ["zsh"]),
        ("exptrack frobnicate ", []),
        ("exptrack show --nonsense=", []),
    ],
)
def test_each_place_has_its_candidates(place, line, wanted):
    assert values(line) == wanted


def test_candidates_say_what_they_are(place):
    assert dict(complete(["exptrack", "show", ""], 2))["vit"] == "failed 2026-11-01 12:02"
    assert dict(complete(["exptrack", ""], 1))["show"] == COMMANDS["show"][1]


def test_the_runs_that_are_going_on_are_offered(place):
    project, _ = place
    Path(project.live, "01live0000000000").mkdir(parents=True)
    assert values("exptrack show 01l") == ["01live0000000000"]


def test_without_project_index_or_policy_there_is_no_complaint(tmp_path, monkeypatch):
    monkeypatch.delenv("EXPTRACK_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    assert values("exptrack show ") == ["@", "@~1", "best:"]
    (tmp_path / ".exptrack").mkdir()
    (tmp_path / ".exptrack" / "index.db").write_bytes(b"rubbish" * 1000)
    assert values("exptrack show ") == ["@", "@~1", "best:"]
    (tmp_path / "exptrack.toml").write_text("nonsense = 3")
    assert values("exptrack run -t ") == []
    assert not (tmp_path / ".exptrack" / "index.db-journal").exists()


def test_a_name_that_no_line_can_carry_is_left_out(place):
    project, store = place
    add_run(store, 3, name="two\nlines\x1b[31m")
    find_runs(project, store)
    assert values("exptrack show t") == []


def test_the_request_of_the_scripts(place):
    out = io.StringIO()
    with redirect_stdout(out):
        assert answer(["2", "exptrack", "show", "vi"]) == 0
    assert out.getvalue() == "vit\tfailed 2026-11-01 12:02\n"
    with pytest.raises(ExptrackError):
        answer(["x"])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_table_says_what_typer_says(command):
    options, arguments = {}, []
    for param in build(command).params:
        if param.param_type_name == "argument":
            arguments.append("*" if param.nargs == -1 else "")
        else:
            options[" ".join(param.opts)] = (bool(param.is_flag), param.help)
    assert {names: (kind == "", about) for names, kind, about in table.OPTIONS.get(command, ())} == options
    assert ["*" if kind.endswith("*") else "" for kind in table.ARGUMENTS[command]] == arguments


def test_the_words_said_twice_are_the_same():
    assert table.STATUSES == STATUSES
    assert tuple(AGGREGATES) == table.AGGREGATES


@pytest.mark.parametrize("shell", SHELLS)
def test_the_committed_scripts_are_what_the_program_prints(shell):
    assert (ROOT / "completions" / SHELLS[shell]).read_text() == script(shell)
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(ROOT / "completions" / SHELLS[shell])], check=True)


def test_another_shell_is_refused():
    with pytest.raises(ExptrackError, match="tcsh") as e:
        script("tcsh")
    assert "fish" in e.value.hint


# Bash cuts a line at = and : before it asks; so do these words.
BASH = """
source "$1"; shift
COMP_LINE=$1; COMP_POINT=${#COMP_LINE}; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_exptrack "$PROGRAM"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    path = tmp_path / "bin" / "exptrack"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m exptrack "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("PROGRAM", str(path))
    monkeypatch.setenv("PATH", os.defpath)


def in_bash(line: str, *words: str) -> list[str]:
    got = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", str(ROOT / "completions/exptrack.bash"), line, *words],
        capture_output=True,
        text=True,
        check=True,
    )
    assert got.stderr == ""
    return got.stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "words", "wanted"),
    [
        ("exptrack show res", ("exptrack", "show", "res"), ["resnet-50"]),
        ("exptrack  show   res", ("exptrack", "show", "res"), ["resnet-50"]),
        ("exptrack show best:val/a", ("exptrack", "show", "best", ":", "val/a"), ["val/acc"]),
        ("exptrack show best:", ("exptrack", "show", "best", ":"), ["val/acc", "val/loss"]),
        ("exptrack run -t own", ("exptrack", "run", "-t", "own"), ["owner="]),
        ("exptrack run -t owner=", ("exptrack", "run", "-t", "owner", "="), ["speech", r"vision\ team"]),
        ("exptrack run -t owner=vi", ("exptrack", "run", "-t", "owner", "=", "vi"), [r"vision\ team"]),
        ("exptrack run -t 'owner=vi", ("exptrack", "run", "-t", "'owner=vi"), ["owner=vision team"]),
        ("exptrack ls -g sweep:", ("exptrack", "ls", "-g", "sweep", ":"), ["1"]),
        (
            "exptrack ls --sort=-metrics.val/a",
            ("exptrack", "ls", "--sort", "=", "-metrics.val/a"),
            ["-metrics.val/acc"],
        ),
        ("exptrack run -o model=exp", ("exptrack", "run", "-o", "model", "=", "exp"), ["exptrack.toml"]),
        ("exptrack ls --columns id,params.", ("exptrack", "ls", "--columns", "id,params."), ["id,params.lr"]),
        ("exptrack which exptr", ("exptrack", "which", "exptr"), ["exptrack.toml"]),
        ("exptrack get @ -o .exp", ("exptrack", "get", "@", "-o", ".exp"), [".exptrack"]),
        ("exptrack run -- cat exptr", ("exptrack", "run", "--", "cat", "exptr"), ["exptrack.toml"]),
        ("exptrack note @ ", ("exptrack", "note", "@", ""), []),
    ],
)
def test_in_a_real_bash(place, program, line, words, wanted):
    assert [w for w in in_bash(line, *words) if w] == wanted


def test_bash_hands_the_commands_own_line_over(place, program):
    """With bash-completion's function there, it is told at which of bash's words the other command begins."""
    stub = '_command_offset() { COMPREPLY=("offset $1: ${COMP_WORDS[$1]}"); }\n'
    words = ("exptrack", "run", "-t", "a", "=", "b", "--", "git", "ch")
    got = subprocess.run(
        [
            "bash",
            "--norc",
            "-c",
            stub + BASH,
            "bash",
            str(ROOT / "completions/exptrack.bash"),
            "exptrack run -t a=b -- git ch",
            *words,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert got.stdout == "offset 7: git\n"
