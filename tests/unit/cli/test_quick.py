"""`run` read without typer means what typer would have read; whatever is unusual is left to typer."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exptrack.actions.request import Request
from exptrack.cli import quick
from exptrack.cli.app import run_app
from exptrack.cli.commands import recording


@pytest.fixture
def by_typer(monkeypatch):
    """The words behind `run` -> what typer makes of them; None when it complains or shows help."""

    def read(words):
        seen = []
        monkeypatch.setattr(recording, "run_and_record", lambda request, say: seen.append(request) or 0)
        run_app(["run", *words])
        return seen[0] if seen else None

    return read


def test_nothing_but_a_command(by_typer):
    assert quick.parse(["--", "true"]) == Request(command=("true",)) == by_typer(["--", "true"])


EVERYTHING = [
    "-t",
    "a=b",
    "--tag",
    "c=d",
    "--tag=e=f",
    "-n",
    "name",
    "--note",
    "why",
    "-g",
    "sweep",
    "-p",
    "lr=1",
    "--param=x=y",
    "-c",
    "a.yaml",
    "--config",
    "b.toml",
    "-i",
    "d=data.csv",
    "--in",
    "x",
    "-o",
    "model=m.pt",
    "--out=split=s.json",
    "--metrics",
    "m.csv",
    "--metric",
    "loss=l(.*)",
    "--child",
    "--strict",
    "--no-auto",
    "-q",
    "--",
    "python",
    "train.py",
    "--lr",
    "0.1",
    "-t",
    "x",
    "--",
    "--quiet",
]


def test_every_option(by_typer):
    request = quick.parse(EVERYTHING)
    assert request == by_typer(EVERYTHING)
    assert request == Request(
        command=("python", "train.py", "--lr", "0.1", "-t", "x", "--", "--quiet"),
        tags=("a=b", "c=d", "e=f"),
        name="name",
        note="why",
        group="sweep",
        params=("lr=1", "x=y"),
        configs=("a.yaml", "b.toml"),
        inputs=("d=data.csv", "x"),
        outputs=("model=m.pt", "split=s.json"),
        metrics_files=("m.csv",),
        patterns=("loss=l(.*)",),
        is_child=True,
        is_strict=True,
        is_quiet=True,
        is_declared_only=True,
    )


def test_every_field_of_a_request_has_its_option():
    assert {*quick.VALUES.values(), *quick.FLAGS.values(), "command"} == set(Request._fields)


SAME = [
    ["true"],
    ["-q", "true", "-q"],
    ["-n", "a", "-n", "b", "true"],
    ["-n", "--", "true"],
    ["-n", "-q", "true"],
    ["--name=", "true"],
    ["--name", "", "true"],
    ["-t", "a=b", "--", "-t", "c=d"],
    ["--", "--", "true"],
    ["--", "-q"],
    ["--tag=a=b=c", "true"],
    ["-q", "-q", "true"],
    ["python", "-c", "print(1)"],
    ["--metrics=--", "true"],
    ["", "x"],
    ["-n", "\udcff", "true"],
    ["--resume", "@"],
    ["--resume=long", "-q", "--"],
    ["--resume", "@~1", "--", "true", "--resume"],
]


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_unusual_but_well_formed_words_mean_the_same(by_typer, words):
    assert quick.parse(words) == by_typer(words) is not None


LEFT_TO_TYPER = [
    [],
    ["--"],
    ["-q"],
    ["-t"],
    ["-t", "a=b"],
    ["-t", "a=b", "--"],
    ["--help"],
    ["-h", "true"],
    ["--nope", "true"],
    ["-z", "true"],
    ["-na", "true"],
    ["-qn", "a", "true"],
    ["--nam=x", "true"],
    ["--quiet=1", "true"],
    ["-n=x", "true"],
    ["-", "true"],
    ["--version", "true"],
]


@pytest.mark.parametrize("words", LEFT_TO_TYPER, ids=" ".join)
def test_what_is_not_plainly_well_formed_is_left_to_typer(words):
    assert quick.parse(words) is None


WORDS = st.sampled_from(
    [*quick.VALUES, *quick.FLAGS, "--", "-", "a=b", "x", "--name=n", "--tag=t=1", "--quiet=1", "-nx", "", "true", "-h"]
)


@given(words=st.lists(WORDS, max_size=7))
@example(words=["-t", "--", "--", "true"])
def test_what_is_read_here_is_what_typer_reads(by_typer, words):
    request = quick.parse(words)
    if request is not None:
        assert request == by_typer(words)
