"""gc lets go what no record names, once nobody can be about to name it; and nothing of it can be lost by a run."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from exptrack.actions.retain import collect, plan_gc
from exptrack.actions.trash import batches, empty_trash, undo_gc
from exptrack.actions.unnamed import find_unnamed
from exptrack.actions.verify import verify
from exptrack.config import Config
from exptrack.errors import Damaged
from exptrack.model import CodeState, Event
from exptrack.record import rundir
from exptrack.store.bulk import Bulk
from exptrack.store.place import Store
from made import digest_of, file_artifact
from made_runs import tree_of
from sealed_runs import FIRST, add_run, make_project, run_id

NOW = FIRST.timestamp() + 100 * 86400
DAY = 86400.0
OLD, YOUNG = NOW - 20 * DAY, NOW - 13 * DAY


@pytest.fixture
def place(tmp_path):
    return make_project(tmp_path)


def age(store: Store, when: float, *only: str) -> None:
    """Everything (or these digests) was touched last at this time."""
    if not only:
        for folder, _, names in os.walk(store.objects.root):
            for name in names:
                os.utime(os.path.join(folder, name), (when, when))
    for digest in only:
        os.utime(store.objects.path(digest), (when, when))


def leftover(store: Store, folder: str, size: int, when: float) -> Path:
    path = Path(store.root) / folder / ".object.0123456789abcdef.tmp"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (when, when))
    return path


def goes(project, store: Store) -> set[str]:
    return set(plan_gc(project, store, NOW).unnamed.objects)


def test_what_a_crash_left_goes_and_comes_back(place):
    project, store = place
    add_run(store, 99 * 1440, artifacts=(file_artifact(store, "model", "m", b"named"),))
    tree = tree_of(store, {"train.py": b"code", "named": b"named"})
    lost = store.objects.add_bytes(b"lost output")
    age(store, OLD)
    kept = store.objects.add_bytes(b"stored just now")
    os.utime(store.objects.path(kept), (NOW, NOW))
    tmp = leftover(store, "objects", 1000, NOW - 2 * DAY)
    leftover(store, "runs", 10, NOW - 2 * DAY)
    busy = leftover(store, "events", 10, NOW - 0.5 * DAY)
    plan = plan_gc(project, store, NOW)
    assert set(plan.unnamed.objects) == {tree, lost, digest_of(b"code")}
    assert plan.unnamed.leftovers == {f"objects/{tmp.name}": 1000, f"runs/{tmp.name}": 10}
    size = plan.unnamed.size
    assert size == 1010 + len(b"code") + len(b"lost output") + os.stat(store.objects.path(tree)).st_size
    _, moved = collect(project, store, NOW)
    assert moved is not None
    assert (moved.objects, moved.size, moved.spared) == (3, size, 0)
    assert [store.objects.has(d) for d in (tree, lost, kept, digest_of(b"named"))] == [False, False, True, True]
    assert (tmp.exists(), busy.exists()) == (False, True)
    assert verify(store).problems == ()
    assert collect(project, store, NOW)[1] is None
    done = undo_gc(store)
    assert (done.objects, done.size, done.runs) == (3, size, 0)
    assert store.objects.is_whole(tree)
    assert tmp.stat().st_size == 1000
    assert batches(store) == []


def test_the_trash_is_emptied_of_it_too(place):
    project, store = place
    add_run(store, 1)
    store.objects.add_bytes(b"lost")
    age(store, OLD)
    leftover(store, "objects", 1000, OLD)
    collect(project, store, NOW)
    assert empty_trash(store, 0.0, NOW + 1) == (1, 1004)
    assert os.listdir(os.path.join(store.root, "trash")) == []


def test_the_age_is_a_matter_of_policy_and_an_hour_at_least(place):
    project, store = place
    add_run(store, 1)
    lost = store.objects.add_bytes(b"lost")
    age(store, YOUNG)
    assert goes(project, store) == set()
    project.config = Config(retention_orphans="12d")
    assert goes(project, store) == {lost}
    project.config = Config(retention_orphans="0s")
    age(store, NOW - 3000)
    assert goes(project, store) == set()
    age(store, NOW - 3700)
    assert goes(project, store) == {lost}


def test_whatever_a_record_mentions_is_named(place):
    """By whom, where and why does not matter: a later version may know a reason that this one does not."""
    project, store = place
    add_run(store, 1)
    digests = [store.objects.add_bytes(b"%d" % i) for i in range(3)]
    store.records.add_event(
        Event(
            id="01eventaaaaaaaaa",
            run=run_id(1),
            action="note",
            at="2026-11-22T21:54:03.120Z",
            author="ada",
            data={"text": f"see sha256:{digests[0]}."},
        )
    )
    (Path(store.root) / "runs" / "later.7.json").write_text(f'{{"future": ["{digests[1]}"]}}')
    tree = tree_of(store, {"a": b"of an attempt whose first manifest is missing"})
    (Path(store.root) / "runs" / f"{run_id(5)}.2.json").write_text(f'{{"code": {{"tree": "{tree}"}}}}')
    age(store, OLD)
    assert goes(project, store) == {digests[2]}


def test_files_of_a_listing_that_may_be_about_to_be_named_stay(place):
    """A run of another project goes on for weeks: its code is old, only the listing is touched."""
    project, store = place
    add_run(store, 1)
    tree = tree_of(store, {"train.py": b"code"})
    dead = tree_of(store, {"train.py": b"other code"})
    age(store, OLD)
    age(store, YOUNG, tree)
    assert goes(project, store) == {dead, digest_of(b"other code")}


def test_what_a_living_run_of_this_project_has_stays_at_any_age(place):
    project, store = place
    add_run(store, 1)
    tree = tree_of(store, {"train.py": b"code"})
    os.makedirs(project.live, exist_ok=True)
    run_dir = rundir.claim(project.live, "01livelivelivexx")
    run_dir.begin(
        {
            "id": "01livelivelivexx",
            "command": ["true"],
            "cwd": "/",
            "started_at": "2026-11-22T21:54:03.120Z",
            "host": "h",
            "author": "a",
        }
    )
    run_dir.write(rundir.CAPTURED, {"code": {"tree": tree}})
    age(store, OLD)
    assert goes(project, store) == set()
    run_dir.remove()
    assert goes(project, store) == {tree, digest_of(b"code")}


def test_while_a_listing_cannot_be_read_nothing_unnamed_goes(place):
    """Its files look as if nobody named them."""
    project, store = place
    tree = tree_of(store, {"train.py": b"code"})
    add_run(store, 99 * 1440, code=CodeState(tree=tree, files=1))
    store.objects.add_bytes(b"lost")
    age(store, OLD)
    path = store.objects.path(tree)
    os.chmod(path, 0o600)
    Path(path).write_bytes(b"{")
    plan = plan_gc(project, store, NOW)
    assert plan.unnamed.objects == {}
    assert any("what nobody names stays: the listing of the code of" in w for w in plan.warnings)


def test_while_a_record_cannot_be_read_nothing_goes(place):
    _, store = place
    store.objects.add_bytes(b"lost")
    os.mkfifo(Path(store.root) / "runs" / "x.json")
    with pytest.raises(Damaged, match="nothing may go"):
        find_unnamed(store, set(), 0.0, NOW)


def test_it_counts_for_the_quota_and_goes_first(place):
    project, store = place
    for day in (1, 2):
        add_run(store, day * 1440, artifacts=(file_artifact(store, "model", "m", b"%d" % day * 1000),))
    store.objects.add_bytes(b"lost" * 500)
    age(store, OLD)
    project.config = Config(retention_max_bytes=2000)
    plan = plan_gc(project, store, NOW)
    assert plan.store_size == 4000
    assert (plan.unnamed.size, plan.goes) == (2000, {})


def test_what_is_no_object_is_nobodys_business(place):
    project, store = place
    add_run(store, 1)
    for name in ("README", "ab/README", "zz/" + "0" * 62, "ab/" + "A" * 62):
        path = Path(store.objects.root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (Path(store.objects.root) / "ab" / ("0" * 62)).symlink_to("README")
    age(store, OLD)
    assert goes(project, store) == set()


class Cut(BaseException):
    """As SIGKILL: nothing behind it is done."""


@pytest.mark.parametrize("count", range(9))
@pytest.mark.parametrize("what", ["rename", "replace", "makedirs", "mkdir"])
def test_interrupted_at_any_instant_the_store_is_whole(place, monkeypatch, what, count):
    project, store = place
    named = file_artifact(store, "model", "m", b"named")
    add_run(store, 1440, artifacts=(named,))
    add_run(store, 99 * 1440, code=CodeState(tree=tree_of(store, {"x": b"kept code"}), files=1))
    lost = [tree_of(store, {"a": b"a", "b": b"kept code"}), digest_of(b"a"), store.objects.add_bytes(b"lost")]
    age(store, OLD)
    tmp = leftover(store, "objects", 10, OLD)
    real, calls = getattr(os, what), []

    def cut(*args, **options):
        calls.append(args)
        if len(calls) > count:
            raise Cut
        return real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, what, cut)
        with contextlib.suppress(Cut):
            collect(project, store, NOW)
    assert verify(store).problems == ()
    collect(project, store, NOW)
    assert not any(store.objects.has(d) for d in (*lost, named.digest))
    assert not tmp.exists()
    assert verify(store).problems == ()
    while batches(store):
        undo_gc(store)
    assert all(store.objects.is_whole(d) for d in (*lost, named.digest))
    assert tmp.exists()
    assert verify(store).problems == ()


def test_a_run_that_takes_over_an_old_snapshot_meanwhile_keeps_its_files(place, monkeypatch):
    """The plan is made; a run begins and finds the listing of its code there: it touches no file; then things move."""
    project, store = place
    add_run(store, 1)
    tree = tree_of(store, {"train.py": b"code"})
    lost = tree_of(store, {"lost.py": b"lost"})
    age(store, OLD)
    real = plan_gc

    def planned(*args: object) -> object:
        plan = real(project, store, NOW)
        assert {tree, lost, digest_of(b"code")} <= plan.unnamed.objects.keys()
        bulk = Bulk(store.objects.root)
        assert bulk.touch(tree)
        os.utime(store.objects.path(tree), (NOW, NOW))
        return plan

    monkeypatch.setattr("exptrack.actions.retain.plan_gc", planned)
    collect(project, store, NOW)
    assert store.objects.is_whole(tree)
    assert store.objects.is_whole(digest_of(b"code"))
    assert not store.objects.has(lost)
    assert not store.objects.has(digest_of(b"lost"))
