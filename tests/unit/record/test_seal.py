"""Facts -> manifest: the same facts give the same bytes, and the status tells the truth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack import __version__, wire
from exptrack.model import Artifact, CodeState, End, Environment, Input, Machine, RunManifest, Start, Usage
from exptrack.record.seal import Findings, seal, status_of, unmet
from made import AN_ID, digest_of, summary

START = Start(
    id=AN_ID,
    command=("python", "train.py"),
    cwd="/work",
    started_at="2026-01-01T00:00:00.000Z",
    host="box",
    author="ada",
    name="n",
    project="p",
    group="g",
    note="why",
    tags={"owner": "ada", "data": "v1"},
    params={"lr": "0.3", "seed": "1"},
    given_params=("lr", "seed"),
    parent="0" * 16,
    warnings=("from the start",),
    extra={"reading": {}, "policy": {"hash": "x"}},
)
END = End(ended_at="2026-01-01T00:01:00.000Z", exit_code=0, seconds=60.0, warnings=("from the end",))
MODEL = Artifact(kind="model", path="m.pt", digest=digest_of(b"m"), size=1)
NOTHING = Findings()


def test_everything_known_arrives():
    captured = {
        "code": wire.plain(CodeState(commit="abc", dirty=True, changed=("a.py",))),
        "environment": wire.plain(Environment(python="3.12", packages={"torch": "2.9"})),
        "machine": wire.plain(Machine(cores=2)),
        "inputs": [wire.plain(Input(name="d", path="d.csv", digest=None, size=0, files=0))],
        "params": {"epochs": 3},
        "warnings": ["from the capture"],
    }
    found = Findings(
        tags={"data": "v2"},
        metrics={"loss": summary(0.5)},
        usage=Usage(cpu_seconds=1.0),
        artifacts=[MODEL],
        points=digest_of(b"p"),
        logs={"stdout": digest_of(b"l")},
        warnings=["from the findings"],
    )
    sealed = seal(START, END, captured, found)
    for name in ("id", "command", "cwd", "started_at", "host", "author", "name", "project", "group", "note", "parent"):
        assert getattr(sealed, name) == getattr(START, name)
    assert (sealed.status, sealed.exit_code, sealed.signal, sealed.seconds) == ("finished", 0, None, 60.0)
    assert sealed.ended_at == END.ended_at
    assert sealed.code.changed == ("a.py",)
    assert sealed.environment.packages == {"torch": "2.9"}
    assert sealed.machine.cores == 2
    assert sealed.inputs == (Input(name="d", path="d.csv", digest=None, size=0, files=0),)
    assert (sealed.metrics, sealed.usage, sealed.artifacts) == (found.metrics, found.usage, (MODEL,))
    assert (sealed.points, sealed.logs, sealed.missing) == (found.points, found.logs, ())
    assert sealed.tags == {"owner": "ada", "data": "v2"}, "what the program says later counts"
    assert set(sealed.warnings) == {"from the start", "from the capture", "from the end", "from the findings"}
    assert sealed.version == __version__
    assert wire.decode(RunManifest, wire.encode(sealed), "it") == sealed


def test_parameters_rise_in_authority_from_command_line_to_program_to_option():
    captured = {"params": {"lr": 0.1, "epochs": 3, "depth": 4}}
    sealed = seal(START, END, captured, Findings(params={"lr": 0.2, "epochs": 5}))
    assert sealed.params == {"lr": "0.3", "epochs": 5, "depth": 4, "seed": "1"}


def test_nothing_captured_is_no_obstacle():
    sealed = seal(START, END, {}, NOTHING)
    assert (sealed.code, sealed.environment, sealed.machine, sealed.inputs) == (
        CodeState(),
        Environment(),
        Machine(),
        (),
    )
    assert sealed.params == START.params


def test_the_same_facts_give_the_same_bytes():
    found = {"tags": {"a": "1", "b": "2"}, "metrics": {"x": summary(1.0), "y": summary(2.0)}}
    mirrored = {part: dict(reversed(values.items())) for part, values in found.items()}
    one = wire.encode(seal(START, END, {"params": {"a": 1, "b": 2}}, Findings(**found)))
    other = wire.encode(seal(START, END, {"params": {"b": 2, "a": 1}}, Findings(**mirrored)))
    assert one == other


STATUSES = {
    "finished": End(ended_at="t", exit_code=0),
    "failed": End(ended_at="t", exit_code=1),
    "killed": End(ended_at="t", signal="SIGKILL"),
    "lost": None,
}


@pytest.mark.parametrize(("status", "end"), STATUSES.items(), ids=STATUSES)
def test_the_status_says_how_it_ended(status, end):
    assert status_of(end, ()) == status
    assert status_of(end, ("metric x",)) == ("incomplete" if status == "finished" else status)


def test_an_end_that_knows_neither_code_nor_signal_is_lost():
    assert status_of(End(ended_at="t"), ()) == "lost"
    assert seal(START, None, {}, NOTHING).ended_at is None


@given(
    end=st.none()
    | st.builds(
        End, ended_at=st.just("t"), exit_code=st.none() | st.integers(0, 255), signal=st.none() | st.just("SIGTERM")
    ),
    missing=st.lists(st.just("metric x"), max_size=1),
)
def test_finished_means_exit_zero_and_nothing_missing(end, missing):
    status = status_of(end, missing)
    is_good = end is not None and end.exit_code == 0 and end.signal is None and not missing
    assert (status == "finished") == is_good
    assert status in ("finished", "incomplete", "failed", "killed", "lost")


WANTED = Start(
    id=AN_ID,
    command=("x",),
    cwd="/",
    started_at="2026-01-01T00:00:00.000Z",
    host="h",
    author="a",
    required_metrics=("val/acc", "loss"),
    required_outputs=("model", "split"),
    required_tags=("owner", "data"),
)


def test_everything_mandatory_that_is_missing_is_listed():
    all_of_it = ("metric val/acc", "metric loss", "output model", "output split", "tag owner", "tag data")
    assert unmet(WANTED, {}, {}, []) == all_of_it
    sealed = seal(WANTED, END, {}, NOTHING)
    assert (sealed.status, sealed.missing) == ("incomplete", all_of_it)


def test_what_is_there_is_not_missing():
    found = Findings(
        metrics={"val/acc": summary(float("nan")), "loss": summary(1.0)},
        artifacts=[MODEL, Artifact(kind="split", path="s", digest=digest_of(b"s"), size=1)],
        tags={"owner": "ada", "data": "v1"},
    )
    assert seal(WANTED, END, {}, found).status == "finished"
    assert unmet(WANTED, {"owner": "", "data": "x"}, found.metrics, found.artifacts) == ("tag owner",)


def test_a_failed_run_lists_what_is_missing_too():
    sealed = seal(WANTED, End(ended_at="t", exit_code=3), {}, NOTHING)
    assert sealed.status == "failed"
    assert len(sealed.missing) == 6


def test_how_it_was_asked_for_is_kept_so_that_it_can_be_asked_again():
    from dataclasses import replace

    from exptrack.model import Declared

    start = replace(START, outputs=(Declared(label="model", pattern="out/*.pt"),), required_metrics=("acc",))
    asked = seal(start, END, {}, NOTHING).asked
    assert asked["outputs"] == [["model", "out/*.pt"]]
    assert asked["params"] == {"lr": "0.3", "seed": "1"}
    assert asked["required"] == [["acc"], [], []]
    assert asked["reading"] == {}
    assert "policy" not in asked
