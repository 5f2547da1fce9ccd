"""Later words about a run: each an event of its own, the manifest untouched, no secret in clear."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from exptrack.actions.annotate import note, pin, tag
from exptrack.actions.find import load_run
from exptrack.config import Config, find_project
from exptrack.errors import ExptrackError, NoSuchRun, Refused
from exptrack.record import rundir
from made import AN_ID, ANOTHER_ID, manifest


@pytest.fixture
def sealed(store):
    store.records.add_manifest(manifest(tags={"owner": "ada", "data": "v1"}, note="as it was"))
    return store.records.manifest_bytes(AN_ID)


@pytest.fixture
def say(project, store, sealed):
    """Annotate the run; afterwards its manifest still has the same bytes."""

    def go(action, *words, **more):
        return action(project, store, AN_ID, *words, **more)

    yield go
    assert store.records.manifest_bytes(AN_ID) == sealed


def test_a_value_that_is_not_allowed_is_refused_and_the_nearest_is_named(project, store, sealed):
    project.config = Config(
        path="/p/exptrack.toml", allowed_tags={"intent": ("baseline", "release"), "owner": "^[a-z]+$"}
    )
    with pytest.raises(Refused) as e:
        tag(project, store, AN_ID, ["intent=basline", "owner=Ada", "other=x"])
    assert e.value.exit_code == 4
    assert "the tag intent is 'basline', not one of baseline, release (did you mean baseline?)" in e.value.message
    assert "the tag owner is 'Ada', which does not match ^[a-z]+$ (/p/exptrack.toml)" in e.value.message
    assert "intent=baseline" in e.value.hint
    assert load_run(project, store, AN_ID).tags == {"owner": "ada", "data": "v1"}
    # Removing is not giving a value.
    assert tag(project, store, AN_ID, ["intent=release", "owner="]).tags == {"data": "v1", "intent": "release"}


def everything(root):
    return b"".join(path.read_bytes() for path in pathlib.Path(root).rglob("*") if path.is_file())


def test_tags_are_set_changed_and_removed(say, store):
    assert say(tag, ["stage=beta", "data=v2"]).tags == {"owner": "ada", "data": "v2", "stage": "beta"}
    assert say(tag, ["owner=", "x=a=b"]).tags == {"data": "v2", "stage": "beta", "x": "a=b"}
    assert say(tag, ["owner=again"]).tags["owner"] == "again"
    assert {store.records.event(e).action for e in store.records.event_ids()} == {"tag", "untag"}


def test_a_tag_the_run_has_not_cannot_be_removed_and_nothing_is_written(say, store):
    with pytest.raises(ExptrackError, match="no tag nope") as e:
        say(tag, ["stage=beta", "nope="])
    assert e.value.exit_code == 2
    assert "owner" in e.value.hint
    assert store.records.event_ids() == []


@pytest.mark.parametrize("pair", ["stage", "=beta", " =x", "", "a b=c", "a\tb=c"])
def test_a_malformed_tag_is_refused_and_nothing_is_written(say, store, pair):
    with pytest.raises(ExptrackError, match="is not a tag") as e:
        say(tag, ["good=1", pair])
    assert "KEY=VALUE" in e.value.hint
    assert store.records.event_ids() == []


def test_a_note_is_replaced_and_taken_away(say):
    assert say(note, "better data").note == "better data"
    assert say(note, "two\nlines").note == "two\nlines"
    assert say(note, "").note is None


def test_pins_are_set_once(say, store):
    assert say(pin, is_pinned=True).pinned
    assert say(pin, is_pinned=True).pinned
    assert not say(pin, is_pinned=False).pinned
    assert not say(pin, is_pinned=False).pinned
    assert [store.records.event(e).action for e in store.records.event_ids()] == ["pin", "unpin"]


def test_who_said_it_and_when_is_kept(say, store, monkeypatch):
    monkeypatch.setenv("EXPTRACK_AUTHOR", "ci-job")
    say(note, "x")
    (event,) = [store.records.event(e) for e in store.records.event_ids()]
    assert (event.author, event.run, event.data) == ("ci-job", AN_ID, {"note": "x"})
    assert event.at.endswith("Z")


CANARY = "ghp_" + "c4n4ry" * 6


def test_no_secret_is_written_in_clear(say, project):
    say(tag, ["api_token=hunter2canary", f"link=https://x/{CANARY}"])
    say(note, f"pushed with {CANARY}")
    written = everything(project.store)
    assert b"hunter2canary" not in written
    assert CANARY.encode() not in written
    assert b"[redacted]" in written


def test_a_name_the_policy_allows_is_not_redacted(project, store, sealed):
    with open(os.path.join(project.root, "exptrack.toml"), "w") as f:
        f.write('[secrets]\nallow = ["api_token"]\n')
    assert tag(find_project(project.root), store, AN_ID, ["api_token=public"]).tags["api_token"] == "public"


def test_a_run_nobody_knows_is_exit_3(project, store, sealed):
    with pytest.raises(NoSuchRun) as e:
        note(project, store, "nobody", "x")
    assert e.value.exit_code == 3


def test_a_run_that_is_going_on_is_not_annotated_yet(project, store):
    run = rundir.claim(project.live, ANOTHER_ID)
    run.begin(
        {"id": ANOTHER_ID, "command": ["x"], "cwd": "/", "started_at": rundir.utc(0.0), "host": "h", "author": "a"}
    )
    for action in (lambda: tag(project, store, ANOTHER_ID, ["a=b"]), lambda: note(project, store, ANOTHER_ID, "x")):
        with pytest.raises(ExptrackError, match=r"not sealed yet \(running\)"):
            action()
    run.lock.release()
    assert store.records.event_ids() == []


def test_many_processes_annotate_at_once_and_every_word_counts(project, store, sealed):
    code = (
        "import sys\nfrom exptrack.actions.annotate import tag\nfrom exptrack.config import find_project\n"
        "from exptrack.store.place import open_store\np = find_project(sys.argv[1])\n"
        "for i in range(5): tag(p, open_store(p.store), sys.argv[2], [f'{sys.argv[3]}-{i}=x'])\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, project.root, AN_ID, f"w{i}"], stderr=subprocess.PIPE)
        for i in range(4)
    ]
    for process in started:
        assert process.communicate()[1] == b""
        assert process.returncode == 0
    assert {k for k in load_run(project, store, AN_ID).tags if k.startswith("w")} == {
        f"w{i}-{j}" for i in range(4) for j in range(5)
    }
