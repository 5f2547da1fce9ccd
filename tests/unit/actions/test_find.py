"""Whatever a user calls a run, that run is found, or it is said which ones could have been meant."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from exptrack import wire
from exptrack.actions.find import apply_events, count_runs, find_runs, load_run, opened, outputs_with, resolve
from exptrack.actions.reindex import reindex
from exptrack.config import Config
from exptrack.errors import Damaged, ExptrackError, NoSuchRun
from exptrack.files import Lock
from exptrack.model import Artifact, Event, Promotion, StoredFile
from exptrack.store.trees import encode_tree
from sealed_runs import FIRST, add_run, age, iso, make_project, manifest, promote, run_id, say, summary


@pytest.fixture
def place(tmp_path: Path):
    return make_project(tmp_path, Config(goals={"cost": "min"}))


def start_live(project, number: int, **changes) -> Path:
    """A run directory as `run` makes it; without a lock held and without a process, it is a dead one."""
    made = manifest(number)
    start = {"id": made.id, "command": made.command, "cwd": made.cwd, "started_at": made.started_at, "host": "box"}
    folder = Path(project.live, made.id)
    folder.mkdir(parents=True)
    (folder / "start.json").write_text(json.dumps({"format": 1, "author": "ada", **start, **changes}))
    return folder


def test_every_way_to_name_a_run(place):
    project, store = place
    add_run(store, 1, name="a")
    add_run(store, 2, name="b", metrics={"acc": summary(0.5, max=0.9, min=0.1), "cost": 3.0})
    add_run(store, 3, name="a", metrics={"acc": 0.8, "cost": 1.0})
    add_run(store, 4, status="failed", exit_code=1, metrics={"acc": 0.99, "cost": float("-inf")})
    add_run(store, 5, metrics={"acc": float("nan"), "cost": float("-inf")})
    promote(store, "churn/prod", 1, 2)
    promote(store, "churn/prod", 2, 3)
    wanted = {
        run_id(1): 1,
        "a": 3,
        "b": 2,
        "@": 5,
        "@~": 4,
        "@~0": 5,
        "@~1": 4,
        "@~4": 1,
        "churn/prod@": 3,
        "churn/prod@1": 2,
        "best:acc": 2,
        "best:cost": 3,
    }
    assert {text: resolve(project, store, text).id for text in wanted} == {t: run_id(n) for t, n in wanted.items()}
    assert resolve(project, store, "a").models == ("churn/prod",)
    assert resolve(project, store, "b").models == ()


def test_a_prefix_must_be_of_one_run(place):
    project, store = place
    for number in (1, 20, *range(100, 112)):
        add_run(store, number, name=f"n{number}")
    assert resolve(project, store, run_id(20)[:15]).id == run_id(20)
    with pytest.raises(NoSuchRun, match="beginning of 10 runs") as e:
        resolve(project, store, run_id(100)[:15])
    assert e.value.exit_code == 3
    assert f"{run_id(104)}  n104  finished  {iso(FIRST)[:10]}" in e.value.hint
    with pytest.raises(NoSuchRun, match="more than 10") as e:
        resolve(project, store, "01run")
    assert e.value.hint.count("\n") == 11
    add_run(store, 7, name=run_id(1)[:6])
    assert resolve(project, store, run_id(1)[:6]).id == run_id(7)  # somebody called a run so


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("resnett", "no run resnett", "`resnet`"),
        ("", "no run", "exptrack ls"),
        ("@~9", "only 2 runs", ""),
        ("chrn@", "no model chrn", "`churn`"),
        ("churn@", "no current run", "exptrack models churn"),
        ("churn@7", "no promotion 7", "exptrack models churn"),
        ("best:f1", "no run has the metric `f1`", "exptrack show"),
        ("../../etc/passwd", "no run", ""),
    ],
)
def test_a_run_that_is_not_there(place, text, message, hint):
    project, store = place
    add_run(store, 1, name="resnet")
    add_run(store, 2)
    promote(store, "churn", 1, 1)
    promote(store, "churn", 2, None)
    with pytest.raises(NoSuchRun) as e:
        resolve(project, store, text)
    assert message in e.value.message
    assert hint in e.value.hint


def test_no_runs_at_all(tmp_path):
    project, store = make_project(tmp_path)
    assert find_runs(project, store) == []
    with pytest.raises(NoSuchRun, match="no runs yet"):
        resolve(project, store, "@")


def test_best_without_a_goal_asks_for_one(place):
    project, store = place
    add_run(store, 1, metrics={"wobble": 1.0})
    with pytest.raises(ExptrackError, match="more or less `wobble`") as e:
        resolve(project, store, "best:wobble")
    assert e.value.exit_code == 2
    assert '"wobble" = "max"' in e.value.hint
    add_run(store, 2, metrics={"wobble": summary(0.5, goal="min")})
    assert resolve(project, store, "best:wobble").id == run_id(2)  # the goal in force when it was sealed
    add_run(store, 3, metrics={"wobble": summary(0.7, goal="max")})
    with pytest.raises(ExptrackError, match="more or less"):
        resolve(project, store, "best:wobble")


def test_a_run_is_its_manifest_and_what_was_said_later(place):
    project, store = place
    add_run(store, 1, tags={"a": "1", "b": "2"}, note="old")
    say(store, 1, 1, "tag", {"a": "9", "c": "3"})
    say(store, 2, 1, "untag", {"keys": ["b", "never"]})
    say(store, 3, 1, "note", {"note": "new"})
    say(store, 4, 1, "pin")
    say(store, 5, 1, "expire", {"digests": ["d" * 64]})
    say(store, 6, 1, "from-the-future", {"x": 1})
    run = load_run(project, store, run_id(1))
    assert (dict(run.tags), run.note, run.pinned, run.expired) == ({"a": "9", "c": "3"}, "new", True, ("d" * 64,))
    assert run.manifest == store.records.manifest(run_id(1))
    say(store, 7, 1, "note", {"note": ""})
    say(store, 8, 1, "unpin")
    run = load_run(project, store, run_id(1))
    assert (run.note, run.pinned) == (None, False)


def test_events_count_in_the_order_of_their_ids_and_rubbish_changes_nothing():
    def event(number: int, action: str, data, run: int = 1) -> Event:
        return Event(id=f"e{number}", run=run_id(run), action=action, at="", author="", data=data)

    said = [
        event(2, "tag", {"k": "later"}),
        event(1, "tag", {"k": "sooner"}),
        event(3, "tag", {"k": "other run"}, run=2),
        event(4, "tag", {"k": 5}),
        event(5, "untag", {"keys": "k"}),
        event(6, "expire", {"digests": [1, None]}),
        event(7, "note", {}),
    ]
    lines = [
        Promotion(model="m", sequence=n, run=run_id(r), previous=None, at="", author="") for n, r in ((2, 1), (1, 2))
    ]
    run = apply_events(manifest(1, note="n"), said, lines)
    assert (dict(run.tags), run.note, run.expired, run.models) == ({"k": "later"}, None, (), ("m",))


def test_runs_that_are_going_on_are_found_like_others(place):
    project, store = place
    add_run(store, 1, params={"lr": 0.1})
    folder = start_live(project, 2, name="now", tags={"owner": "vision"}, params={"lr": 0.2}, given_params=["lr"])
    (folder / "points.jsonl").write_text('{"name":"acc","source":"stdout","values":[0.1,0.7],"steps":[1,2],"at":1.0}\n')
    lock = Lock(str(folder / "lock"))
    assert lock.acquire(wait=False)
    assert [r.status for r in find_runs(project, store)] == ["running", "finished"]
    assert [r.id for r in find_runs(project, store, ["params.lr>0"], sort=["-params.lr"], limit=1)] == [run_id(2)]
    assert [r.id for r in find_runs(project, store, ["status=running", "tag.owner=vision"])] == [run_id(2)]
    assert find_runs(project, store, ["metrics.acc>0.5"])[0].manifest.metrics["acc"].last == 0.7
    assert count_runs(project, store) == 2
    for text in ("@", "now", run_id(2), run_id(2)[:-1] + "2"):
        assert resolve(project, store, text).status == "running"
    assert resolve(project, store, "@~1").id == run_id(1)
    lock.release()
    assert resolve(project, store, "@").status == "lost"
    say(store, 1, 2, "tag", {"owner": "speech"})
    assert [r.id for r in find_runs(project, store, ["tag.owner=speech"])] == [run_id(2)]
    add_run(store, 2, status="killed")
    assert [r.status for r in find_runs(project, store)] == ["killed", "finished"]  # its folder is still there


def test_a_run_directory_that_cannot_be_read_is_a_warning(place):
    project, store = place
    add_run(store, 1)
    (start_live(project, 2) / "start.json").write_text("{")
    said: list[str] = []
    assert [r.id for r in find_runs(project, store, warn=said.append)] == [run_id(1)]
    assert len(said) == 1
    assert run_id(2) in said[0]


def test_a_manifest_that_goes_bad_is_left_out_as_after_a_reindex(place):
    project, store = place
    for number in range(4):
        add_run(store, number)
    age(store)
    find_runs(project, store)
    path = Path(store.root, "runs", run_id(2) + ".json")
    path.write_bytes(path.read_bytes()[:-40])
    age(store)
    said: list[str] = []
    answer = [r.id for r in find_runs(project, store, limit=3, warn=said.append)]
    assert answer == [run_id(3), run_id(1), run_id(0)]
    assert [f"runs/{run_id(2)}.json" in text for text in said] == [True]
    os.unlink(project.index)
    assert [r.id for r in find_runs(project, store, limit=3)] == answer
    with pytest.raises(Damaged):
        load_run(project, store, run_id(2))


def test_deleting_the_index_changes_no_answer(place):
    project, store = place
    for number in range(30):
        add_run(store, number, name=f"n{number % 7}", params={"k": number % 3}, metrics={"acc": number % 5 / 10})
        say(store, number, number, "tag", {"t": str(number % 2)})
    promote(store, "m", 1, 4)

    def answers() -> bytes:
        asked = [
            find_runs(project, store, f, sort=s, limit=9) for f in ([], ["params.k=1"]) for s in ([], ["-metrics.acc"])
        ]
        named = [resolve(project, store, t) for t in ("@", "n3", "m@", "best:acc")]
        return wire.dump([*asked, named])

    before = answers()
    assert answers() == before
    os.unlink(project.index)
    assert answers() == before
    made = reindex(project, store)
    assert (made.runs, made.events, made.promotions, made.problems) == (30, 30, 1, ())
    assert answers() == before


def test_the_run_behind_some_bytes(place):
    project, store = place
    tree = store.objects.add_bytes(encode_tree([StoredFile(path="a/b.txt", digest="b" * 64, size=3)]))
    folder = Artifact(kind="model", path="out", digest=tree, size=3, is_tree=True)
    add_run(store, 1, artifacts=(folder,))
    add_run(store, 2, artifacts=(folder, Artifact(kind="report", path="r.txt", digest="c" * 64, size=1)))
    with opened(project, store) as library:
        assert [(o.run_id, o.kind, o.path) for o in outputs_with(library, "b" * 64)] == [
            (run_id(2), "model", "out/a/b.txt"),
            (run_id(1), "model", "out/a/b.txt"),
        ]
        assert outputs_with(library, "c" * 64)[0].size == 1
        assert outputs_with(library, "0" * 64) == []


def test_reindex_names_what_it_could_not_read(place):
    project, store = place
    add_run(store, 1)
    Path(store.root, "runs", run_id(2) + ".json").write_bytes(wire.encode(replace(manifest(2), id=run_id(3))))
    made = reindex(project, store)
    assert made.runs == 1
    assert [path for path, _ in made.problems] == [f"runs/{run_id(2)}.json"]
