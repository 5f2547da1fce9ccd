"""The filter language, asked of a real index: what each word finds, and what it says to a wrong one."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from exptrack.actions.find import count_runs, find_runs
from exptrack.actions.query import parse_filters
from exptrack.errors import ExptrackError
from exptrack.model import Artifact, CodeState, Environment, Gpu, Input, Machine, Usage
from sealed_runs import FIRST, add_run, make_project, promote, run_id, say, summary

NOW = (FIRST + timedelta(days=10)).timestamp()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    project, store = make_project(tmp_path_factory.mktemp("query"))
    add_run(
        store,
        1,
        name="resnet-50",
        tags={"owner": "vision", "seed": "7", "intent": "a b"},
        params={"lr": 1e-4, "opt": "adam", "fast": True, "n": 3, "none": None, "quoted": "3"},
        metrics={"val/acc": summary(0.9, max=0.95, best=0.95), "loss": float("nan"), "f1.best": 0.5, "a=b": 1.0},
        code=CodeState(commit="abcdef0123", branch="main", dirty=True, tree="c" * 64),
        machine=Machine(os="Linux", gpus=(Gpu(index=0, name="NVIDIA H100", uuid="u"),)),
        usage=Usage(max_rss=3 * 1024**3, cpu_seconds=100.0),
        environment=Environment(python="3.11.7"),
        inputs=(Input(name="train", path="data/train.csv", digest="e" * 64, size=1, files=1),),
        artifacts=(Artifact(kind="model", path="out/m.bin", digest="f" * 64, size=1),),
        group="sweep",
        seconds=700.0,
        note="first Try",
    )
    add_run(
        store,
        2,
        name="vit",
        status="failed",
        exit_code=1,
        tags={"owner": "speech"},
        params={"lr": 0.01, "opt": "sgd", "fast": False, "n": 10},
        metrics={"val/acc": 0.5, "loss": 0.25},
        code=CodeState(commit="123456", dirty=False),
        project="churn",
    )
    add_run(store, 60 * 24 * 9, name="late", params={"lr": 10**30}, status="killed", signal="SIGTERM", exit_code=None)
    promote(store, "prod", 1, 1)
    say(store, 1, 2, "pin")
    return project, store


def found(place, *words: str) -> set[str]:
    return {run.manifest.name for run in find_runs(*place, words, now=NOW)}


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("status=failed", {"vit"}),
        ("status!=failed", {"resnet-50", "late"}),
        ("status==finished", {"resnet-50"}),
        ("tag.owner=vision", {"resnet-50"}),
        ("tags.owner!=vision", {"vit", "late"}),
        ("tag.owner=", {"late"}),
        ("tag.owner!=", {"resnet-50", "vit"}),
        ("tag.seed>3", {"resnet-50"}),
        ("tag.seed>30", set()),
        ('tag.intent="a b"', {"resnet-50"}),
        ("tag.owner~^sp", {"vit"}),
        ("tag.owner!~^sp", {"resnet-50", "late"}),
        ("params.lr>1e-4", {"vit", "late"}),
        ("params.lr>=0.0001", {"resnet-50", "vit", "late"}),
        ("params.lr=1e-4", {"resnet-50"}),
        ("param.lr<=0.01", {"resnet-50", "vit"}),
        ("params.lr > 1e-4", {"vit", "late"}),
        ("params.opt=adam", {"resnet-50"}),
        ("params.opt>b", {"vit"}),
        ("params.opt~ADAM", set()),
        ("params.opt~(?i)ADAM", {"resnet-50"}),
        ("params.fast=true", {"resnet-50"}),
        ("params.fast=False", {"vit"}),
        ("params.fast=1", set()),
        ("params.n=3", {"resnet-50"}),
        ("params.n=3.0", {"resnet-50"}),
        ("params.quoted=3", {"resnet-50"}),
        ("params.none=none", {"resnet-50"}),
        ("params.lr=1000000000000000000000000000000", {"late"}),
        ("metrics.val/acc>=0.9", {"resnet-50"}),
        ("metrics.val/acc>0.9", set()),
        ("metrics.val/acc.max>0.9", {"resnet-50"}),
        ("metrics.val/acc.best=", {"vit", "late"}),
        ("metrics.val/acc.count=1", {"resnet-50", "vit"}),
        ("metric.val/acc!=0.5", {"resnet-50", "late"}),
        ("metrics.loss<9", {"vit"}),
        ("metrics.loss=nan", {"resnet-50"}),
        ("metrics.loss!=", {"resnet-50", "vit"}),
        ("metrics.loss=", {"late"}),
        ('metrics."f1.best"=0.5', {"resnet-50"}),
        ('metrics."f1.best".last=0.5', {"resnet-50"}),
        ("metrics.f1.best=0.5", set()),
        ('metrics."a=b"=1', {"resnet-50"}),
        ("name~resnet", {"resnet-50"}),
        ("name~^(vit|late)$", {"vit", "late"}),
        ("name=vit", {"vit"}),
        ("seconds>600", {"resnet-50"}),
        ("seconds>10m", {"resnet-50"}),
        ("exit_code=1", {"vit"}),
        ("exit_code=", {"late"}),
        ("signal=SIGTERM", {"late"}),
        ("project=churn", {"vit"}),
        ("group=sweep", {"resnet-50"}),
        ("host=box", {"resnet-50", "vit", "late"}),
        ("author!=ada", set()),
        ("code.commit=abc", {"resnet-50"}),
        ("commit=1234567", set()),
        ("code.dirty=true", {"resnet-50"}),
        ("code.dirty=no", {"vit"}),
        ("dirty!=true", {"vit", "late"}),
        ("model=prod", {"resnet-50"}),
        ("model~^pr", {"resnet-50"}),
        ("model=", {"vit", "late"}),
        ("pinned=true", {"vit"}),
        ("pinned!=true", {"resnet-50", "late"}),
        ("machine.gpu~H100", {"resnet-50"}),
        ("usage.max_rss>2G", {"resnet-50"}),
        ("python=3.11.7", {"resnet-50"}),
        ("input=train", {"resnet-50"}),
        ("input=train.csv", {"resnet-50"}),
        ("input=data/train.csv", {"resnet-50"}),
        ("input=rain.csv", set()),
        ("output=m.bin", {"resnet-50"}),
        ("model=rod", set()),
        ("output=model", {"resnet-50"}),
        ("output~m.bin$", {"resnet-50"}),
        ("id=" + run_id(2), {"vit"}),
        ("started>2d", {"late"}),
        ("started<2d", {"resnet-50", "vit"}),
        ("ended>=2d", {"late"}),
        ("started>=2026-11-02T00:00:00Z", {"late"}),
        ("started<2026-11-01T12:02:00Z", {"resnet-50"}),
        ("started=2026-11-01T12:02:00Z", {"vit"}),
        ("RESNET", {"resnet-50"}),
        ("try", {"resnet-50"}),
        ("speech", {"vit"}),
        ("wow!", set()),
        ("=3", set()),
        ("  ", {"resnet-50", "vit", "late"}),
    ],
)
def test_each_word_finds(place, word, names):
    assert found(place, word) == names


def test_words_must_all_hold(place):
    assert found(place, "tag.owner!=", "params.fast=true") == {"resnet-50"}
    assert found(place, "tag.owner!=", "params.fast=true", "status=failed") == set()
    assert count_runs(*place, ["params.lr>0"]) == 3


def test_a_day_is_a_whole_day_of_the_clock_on_the_wall(place):
    day = datetime.fromtimestamp(FIRST.timestamp()).date()
    after = day + timedelta(days=1)
    assert found(place, f"started={day}") == {"resnet-50", "vit"}
    assert found(place, f"started<={day}") == {"resnet-50", "vit"}
    assert found(place, f"started>{day}") == {"late"}
    assert found(place, f"started>={day}") == {"resnet-50", "vit", "late"}
    assert found(place, f"started<{after}") == {"resnet-50", "vit"}
    assert found(place, f"started<{day}") == set()


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("staus=failed", "`staus`", "`status`"),
        ("parms.lr>3", "`parms.lr`", "`params.lr`"),
        ("params.=3", "`params.`", "keys: id"),
        ("status=done", "`done`", "finished"),
        ("metrics.loss>high", "number", "metrics.loss>=0.9"),
        ("metrics.loss~1", "no pattern", "compare"),
        ('metrics."loss".mean>1', "`.mean`", "best"),
        ("name~(", "regular expression", "backslash"),
        ("started>soon", "`soon` is not a time", "started>2d"),
        ("seconds>long", "number", ""),
        ("pinned=perhaps", "true or false", ""),
        ("model>prod", "no order", ""),
    ],
)
def test_a_wrong_word_says_what_would_be_right(place, word, message, hint):
    with pytest.raises(ExptrackError) as e:
        found(place, word)
    assert e.value.exit_code == 2
    assert message in e.value.message
    assert hint in e.value.hint


def test_what_the_user_writes_is_never_sql(place):
    assert found(place, "name='; DROP TABLE runs; --") == set()
    assert found(place, "params.x' OR '1'='1") == set()
    assert found(place, "it's") == set()
    assert len(found(place)) == 3


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ([], ["late", "vit", "resnet-50"]),
        (["started"], ["resnet-50", "vit", "late"]),
        (["metrics.val/acc"], ["vit", "resnet-50", "late"]),
        (["-metrics.val/acc"], ["resnet-50", "vit", "late"]),
        (["metrics.loss"], ["vit", "late", "resnet-50"]),
        (["-params.lr"], ["late", "vit", "resnet-50"]),
        (["params.opt"], ["resnet-50", "vit", "late"]),
        (["-tag.owner"], ["resnet-50", "vit", "late"]),
        (["host", "name"], ["late", "resnet-50", "vit"]),
    ],
)
def test_sorting_puts_what_is_missing_last(place, keys, names):
    assert [run.manifest.name for run in find_runs(*place, sort=keys)] == names
    assert [run.manifest.name for run in find_runs(*place, sort=keys, limit=2)] == names[:2]


def test_nothing_is_sorted_by_what_a_run_may_have_several_of(place):
    with pytest.raises(ExptrackError, match="several"):
        find_runs(*place, sort=["model"])


def test_a_name_no_run_has_is_a_warning_not_an_error(place):
    said: list[str] = []
    assert find_runs(*place, ["metrics.val/ac>0"], sort=["params.opt"], warn=said.append) == []
    assert said == ["no run has the metric `val/ac`; did you mean `val/acc`?"]


def test_a_column_no_run_has_is_a_warning_too(place):
    said: list[str] = []
    assert find_runs(*place, columns=["name", " params.opt", "opt", "metrics.val/ac.best", "model"], warn=said.append)
    assert said == ["no run has the metric `val/ac`; did you mean `val/acc`?"]


def test_the_examples_of_the_users_page_mean_something():
    page = (Path(__file__).parents[3] / "docs" / "filters.md").read_text()
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    words = [word.strip("'") for cell in cells for word in re.findall(r"`([^`]+)`", cell)]
    assert len(words) > 25
    assert len(parse_filters(words)) == len(words)


def test_a_second_operator_is_an_error_unless_it_is_quoted():
    with pytest.raises(ExptrackError, match="two operators"):
        parse_filters(["params.lr>>1"])
    assert parse_filters(['tag.note=">1"'])


@pytest.mark.parametrize(
    ("words", "sort", "hint"),
    [
        ((), ["val/acc"], "did you mean `metrics.val/acc`?"),
        ((), ["-val/acc.best"], "did you mean `metrics.val/acc.best`?"),
        ((), ["acc"], "did you mean `metrics.val/acc`?"),
        (("lr>0.1",), [], "did you mean `params.lr`?"),
        (("owner=vision",), [], "did you mean `tag.owner`?"),
    ],
)
def test_a_bare_name_is_answered_with_the_whole_key(place, words, sort, hint):
    with pytest.raises(ExptrackError) as e:
        find_runs(*place, words, sort=sort)
    assert (e.value.exit_code, e.value.hint) == (2, hint)
    if words:
        with pytest.raises(ExptrackError, match="no filter") as e:
            count_runs(*place, words)
        assert e.value.hint == hint
