"""gc: which bytes go, which rule keeps the others, and that the store is whole at every instant."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from exptrack.actions import ledger, trash
from exptrack.actions.holdings import read_words
from exptrack.actions.retain import FITS, collect, plan_gc
from exptrack.actions.trash import batches, empty_trash, undo_gc
from exptrack.actions.verify import verify
from exptrack.config import Config
from exptrack.errors import Damaged, ExptrackError
from exptrack.model import Artifact, CodeState, Input
from exptrack.store.fold import apply_events
from made import digest_of, file_artifact
from made_runs import tree_of
from sealed_runs import FIRST, add_run, make_project, run_id, say, summary

# A hundred days after the first run; DAY 0 to 5 are long past, DAY 99 is in every window.
NOW = (FIRST + timedelta(days=100)).timestamp()
DAY = 24 * 60


@pytest.fixture
def place(tmp_path):
    return make_project(tmp_path)


def with_policy(project, **config):
    project.config = Config(**config)
    return project


def weights(number: int) -> bytes:
    return f"weights of {number}".encode() * 100


def add(store, number: int, **changes):
    """Run `number`, on that day, with a model of its own."""
    artifacts = (file_artifact(store, "model", "m.pt", weights(number)),)
    return add_run(store, number * DAY, **{"artifacts": artifacts, **changes})


def grow_old(store) -> None:
    for folder, _, names in os.walk(store.objects.root):
        for name in names:
            os.utime(os.path.join(folder, name), (NOW - 7200, NOW - 7200))


def decided(project, store) -> dict[int, tuple[str, ...] | str]:
    """Day -> the rules that keep the run, `goes`, or what else holds its bytes."""
    grow_old(store)
    days = {run_id(n * DAY): n for n in range(100)}
    return {days[f.run.id]: "goes" if f.goes else f.rules or tuple(f.held) for f in plan_gc(project, store, NOW).fates}


def there(store, *numbers: int) -> list[bool]:
    return [store.objects.has(digest_of(weights(n))) for n in numbers]


def test_the_window_counts_from_the_end(place):
    project, store = with_policy(place[0], retention_window="90d"), place[1]
    for day in (1, 11, 99):
        add(store, day)
    assert decided(project, store) == {1: "goes", 11: ("ended less than 90d ago",), 99: ("ended less than 90d ago",)}


def test_current_and_pinned_runs_stay_whatever_the_policy_says(place):
    project, store = with_policy(place[0], retention_keep=()), place[1]
    for day in (1, 2, 3):
        add(store, day)
    ledger.append(store, "prod", run_id(1 * DAY), after=(), reason=None)
    ledger.append(store, "prod", run_id(2 * DAY), after=store.records.promotions("prod"), reason=None)
    say(store, 1, 3 * DAY, "pin")
    assert decided(project, store) == {1: "goes", 2: ("promoted (current prod)",), 3: ("pinned",)}
    project = with_policy(project, retention_keep=("promoted",))
    assert decided(project, store)[1] == ("promoted (prod@1)",)
    assert decided(with_policy(project, retention_keep=("promoted:1",)), store)[1] == "goes"


def test_the_best_stay_by_the_goal(place):
    project, store = with_policy(place[0], retention_keep=("best:loss:2",)), place[1]
    for day, loss in enumerate([0.5, 0.1, float("nan"), 0.2, 0.05], 1):
        add(store, day, metrics={"loss": summary(loss)}, status="finished" if day < 5 else "failed")
    kept = {2: ("best:loss:2 (no. 1)",), 4: ("best:loss:2 (no. 2)",)}
    assert decided(project, store) == {1: "goes", 3: "goes", 5: "goes", **kept}


def test_a_rule_that_keeps_nothing_is_said(place):
    project, store = with_policy(place[0], retention_keep=("best:acuracy", "best:speed:2")), place[1]
    add(store, 1)
    warnings = plan_gc(project, store, NOW).warnings
    assert "no finished run" not in warnings[1]
    assert ["acuracy" in warnings[0], "speed is better" in warnings[1]] == [True, True]


def test_what_a_kept_run_was_made_from_stays_and_so_on_back(place):
    project, store = place

    def uses(number: int) -> tuple[Input, ...]:
        data = weights(number)
        return (Input(name="init", path="w", digest=digest_of(data), size=len(data), files=1),)

    add(store, 1)
    add(store, 2, inputs=uses(1))
    add(store, 3, inputs=uses(2))
    add(store, 4, inputs=uses(1))
    assert set(decided(project, store).values()) == {"goes"}
    say(store, 1, 3 * DAY, "pin")
    assert decided(project, store) == {
        1: (f"made m.pt, an input of {run_id(2 * DAY)}",),
        2: (f"made m.pt, an input of {run_id(3 * DAY)}",),
        3: ("pinned",),
        4: "goes",
    }


def test_bytes_that_another_run_or_a_snapshot_has_too_stay(place):
    project, store = place
    shared = file_artifact(store, "model", "m.pt", b"shared")
    code = file_artifact(store, "config", "c.toml", b"lr = 1")
    add_run(store, 1 * DAY, artifacts=(shared,))
    add_run(store, 99 * DAY, artifacts=(shared,))
    add_run(store, 2 * DAY, artifacts=(code,), code=CodeState(tree=tree_of(store, {"c.toml": b"lr = 1"})))
    assert decided(project, store)[1] == ("shared",)
    assert decided(project, store)[2] == ("shared",)
    sharers = {f.run.id: f.sharers for f in plan_gc(project, store, NOW).fates}
    assert (sharers[run_id(1 * DAY)], sharers[run_id(2 * DAY)]) == ((run_id(99 * DAY),), ())


def test_the_quota_takes_the_oldest_and_no_more_than_it_must(place):
    project, store = place
    for day in (1, 2, 3, 99):
        add(store, day)
    size = len(weights(99))
    project = with_policy(project, retention_max_bytes=3 * size)
    assert decided(project, store) == {1: "goes", 2: (FITS,), 3: (FITS,), 99: ("ended less than 90d ago",)}
    tight = with_policy(project, retention_max_bytes=10)
    assert set(decided(tight, store).values()) == {"goes", ("ended less than 90d ago",)}
    assert "more than max_size stay" in plan_gc(tight, store, NOW).warnings[0]


def test_the_quota_takes_no_run_before_those_made_from_it(place):
    project, store = place
    used = Input(name="init", path="w", digest=digest_of(weights(1)), size=1, files=1)
    add(store, 1)
    add(store, 2, inputs=(used,))
    add(store, 3)
    project = with_policy(project, retention_max_bytes=2 * len(weights(1)))
    assert decided(project, store) == {1: (FITS,), 2: "goes", 3: (FITS,)}


def test_what_went_is_in_the_trash_and_comes_back(place):
    project, store = place
    folder = tree_of(store, {"a": b"aaa", "b": b"bb"})
    tree = Artifact(kind="report", path="out", digest=folder, size=5, files=2, is_tree=True)
    run = add(store, 1, artifacts=(file_artifact(store, "model", "m.pt", weights(1)), tree))
    grow_old(store)
    _, moved = collect(project, store, NOW)
    assert moved is not None
    assert (moved.objects, moved.size) == (3, len(weights(1)) + 5)
    assert (there(store, 1), store.objects.has(folder)) == ([False], True)
    assert verify(store).problems == ()
    said = apply_events(run, read_words(store).events[run.id])
    assert set(said.expired) == {digest_of(weights(1)), digest_of(b"aaa"), digest_of(b"bb"), folder}
    assert said.expired_at == "2027-02-09T12:00:00.000Z"
    assert collect(project, store, NOW)[1] is None
    done = undo_gc(store)
    assert (done.runs, done.objects, done.size) == (1, 3, moved.size)
    assert (there(store, 1), batches(store)) == ([True], [])
    assert apply_events(run, read_words(store).events[run.id]).expired == ()
    assert verify(store).problems == ()
    with pytest.raises(ExptrackError, match="no gc to undo"):
        undo_gc(store)


def test_the_trash_is_emptied_when_its_grace_period_has_ended(place):
    project, store = place
    add(store, 1)
    grow_old(store)
    collect(project, store, NOW)
    assert empty_trash(store, 7 * 86400.0, NOW + 86400) == (0, 0)
    assert empty_trash(store, 7 * 86400.0, NOW + 8 * 86400) == (1, len(weights(1)))
    assert os.listdir(os.path.join(store.root, "trash")) == []
    assert verify(store).problems == ()
    with pytest.raises(ExptrackError, match="no gc to undo"):
        undo_gc(store)


class Cut(BaseException):
    """As SIGKILL: nothing behind it is done."""


def cut_after(monkeypatch, module, name: str, count: int) -> None:
    real, calls = getattr(module, name), []

    def cut(*args, **options):
        calls.append(args)
        if len(calls) > count:
            raise Cut
        return real(*args, **options)

    monkeypatch.setattr(module, name, cut)


# open_batch and plan.json; one event a run; one rename an object.
@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize("what", ["rename", "replace", "makedirs", "link"])
def test_interrupted_at_any_instant_the_store_is_whole(place, monkeypatch, what, count):
    project, store = place
    for day in (1, 2, 3):
        add(store, day)
    grow_old(store)
    with monkeypatch.context() as patch:
        cut_after(patch, os, what, count)
        with contextlib.suppress(Cut):
            collect(project, store, NOW)
    assert verify(store).problems == ()
    collect(project, store, NOW)
    assert there(store, 1, 2, 3) == [False] * 3
    assert verify(store).problems == ()
    while batches(store):
        undo_gc(store)
    assert there(store, 1, 2, 3) == [True] * 3
    assert verify(store).problems == ()


@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize("what", ["replace", "link", "unlink"])
def test_an_interrupted_undo_goes_on(place, monkeypatch, what, count):
    project, store = place
    for day in (1, 2, 3):
        add(store, day)
    grow_old(store)
    collect(project, store, NOW)
    with monkeypatch.context() as patch:
        cut_after(patch, os, what, count)
        with contextlib.suppress(Cut):
            undo_gc(store)
    assert verify(store).problems == ()
    if batches(store):
        undo_gc(store)
    assert there(store, 1, 2, 3) == [True] * 3
    assert verify(store).problems == ()


def test_an_interrupted_emptying_cannot_be_undone_into_a_lie(place, monkeypatch):
    project, store = place
    for day in (1, 2):
        add(store, day)
    grow_old(store)
    collect(project, store, NOW)
    with monkeypatch.context() as patch:
        patch.setattr(trash.shutil, "rmtree", lambda path: (_ for _ in ()).throw(Cut()))
        with pytest.raises(Cut):
            empty_trash(store, 0.0, NOW + 1)
    with pytest.raises(ExptrackError, match="no gc to undo"):
        undo_gc(store)
    assert empty_trash(store, 1e9, NOW + 1)[0] == 2
    assert verify(store).problems == ()


def test_what_is_stored_again_meanwhile_stays(place, monkeypatch):
    """A run is being sealed: it finds the bytes there, gc moves them, the run names them."""
    project, store = place
    add(store, 1)
    grow_old(store)
    real = trash.move_to_trash

    def sealed_in_between(*args, **options):
        store.objects.add_bytes(weights(1))
        os.utime(store.objects.path(digest_of(weights(1))), (NOW, NOW))
        return real(*args, **options)

    monkeypatch.setattr("exptrack.actions.retain.move_to_trash", sealed_in_between)
    _, moved = collect(project, store, NOW)
    assert moved is not None
    assert (moved.objects, moved.spared) == (0, 1)
    assert there(store, 1) == [True]


def test_bytes_stored_within_the_hour_stay_and_storing_again_counts(place):
    project, store = place
    add(store, 1)
    grow_old(store)
    path = store.objects.path(digest_of(weights(1)))
    os.utime(path, (1, 1))
    store.objects.add_bytes(weights(1))
    assert os.stat(path).st_mtime > 1
    os.utime(path, (NOW - 60, NOW - 60))
    (fate,) = plan_gc(project, store, NOW).fates
    assert (fate.goes, fate.held) == ({}, {"recent": len(weights(1))})


@pytest.mark.parametrize("name", ["runs", "events"])
def test_while_a_record_cannot_be_read_nothing_goes(place, name):
    project, store = place
    add(store, 1)
    add(store, 2)
    say(store, 1, 2 * DAY, "pin")
    path = next((Path(store.root) / name).iterdir())
    path.chmod(0o600)
    path.write_bytes(b"{")
    grow_old(store)
    with pytest.raises(Damaged, match="nothing may go"):
        collect(project, store, NOW)
    assert there(store, 1, 2) == [True, True]


def test_a_plan_somebody_broke_is_damage_and_nothing_is_deleted(place):
    project, store = place
    add(store, 1)
    grow_old(store)
    collect(project, store, NOW)
    plan = Path(batches(store)[0].path) / "plan.json"
    plan.write_text(json.dumps({"format": 1}))
    with pytest.raises(Damaged):
        empty_trash(store, 0.0, NOW + 1)
    assert len(list(plan.parent.rglob("*"))) > 1


def test_what_the_disk_refuses_is_said_and_the_store_is_whole(place, monkeypatch):
    project, store = place
    add(store, 1)
    grow_old(store)

    def refuse(*_args):
        raise PermissionError(13, "Permission denied", store.root)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", refuse)
        with pytest.raises(ExptrackError, match="cannot be changed: Permission denied"):
            collect(project, store, NOW)
    assert verify(store).problems == ()
    assert collect(project, store, NOW)[1].objects == 1
