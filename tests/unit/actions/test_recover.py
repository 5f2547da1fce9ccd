"""Dead runs are sealed once, from what they left; living ones are left alone; one that cannot be sealed stops none."""

from __future__ import annotations

import json
import os
import pathlib
import shutil

import pytest

from dying import race
from exptrack.actions.recover import recover
from exptrack.files import Lock
from exptrack.record import rundir
from exptrack.store.place import open_store

FIRST, SECOND, THIRD = (f"0{i}abcdefghjkmnpq" for i in (1, 2, 3))


@pytest.fixture
def die(project, tmp_path):
    """Make the directory of a run whose processes are gone: `end` None when nobody saw its end."""

    def make(run_id=FIRST, end=None, **start):
        run = rundir.claim(project.live, run_id)
        known = {"id": run_id, "command": ["python", "train.py"], "cwd": str(tmp_path), "host": "h", "author": "ada"}
        run.begin({**known, "started_at": "2026-01-01T00:00:00.000Z", **start})
        with open(run.file("stdout.log"), "w") as f:
            f.write("step 1 loss=0.5\nstep 2 loss=0.25")
        if end is not None:
            run.write_end(end)
        run.lock.release()
        return run

    return make


def ended(**fields):
    return {"ended_at": "2026-01-01T00:01:00.000Z", "exit_code": 0, "seconds": 60.0, **fields}


def test_a_run_nobody_saw_end_is_lost_with_all_it_said_and_left(project, store, die, tmp_path):
    (tmp_path / "m.pt").write_bytes(b"weights")
    die(tags={"owner": "ada"}, outputs=[{"label": "model", "pattern": "m.pt"}])
    sealed, problems = recover(project)
    assert problems == []
    assert [(s["id"], s["status"]) for s in sealed] == [(FIRST, "lost")]
    manifest = store.records.manifest(FIRST)
    assert (manifest.status, manifest.exit_code, manifest.ended_at) == ("lost", None, None)
    assert manifest.metrics["loss"].last == 0.25, "the last line had no newline"
    assert manifest.tags == {"owner": "ada"}
    assert store.objects.read(manifest.artifacts[0].digest) == b"weights"
    assert store.objects.read(manifest.logs["stdout"]) == b"step 1 loss=0.5\nstep 2 loss=0.25"
    assert any("sealed by recovery" in w for w in manifest.warnings)
    assert os.listdir(project.live) == []


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (ended(), "finished"),
        (ended(exit_code=3), "failed"),
        (ended(exit_code=None, signal="SIGTERM"), "killed"),
        (ended(exit_code=None), "lost"),
    ],
)
def test_how_it_ended_is_known_when_end_json_was_written(project, store, die, end, status):
    die(end=end)
    recover(project)
    assert store.records.manifest(FIRST).status == status


CANARY = "ghp_" + "c4n4ry" * 6


def test_no_secret_of_a_sidecar_or_log_reaches_the_store(project, die):
    run = die(end=ended())
    with open(run.file(rundir.SIDECAR), "w") as f:
        f.write(f'{CANARY}\n{{"params": {{"hf_token": "{CANARY}", "x": "{CANARY}"}}, "tags": {{"t": "{CANARY}"}}}}\n')
    with open(run.file("stderr.log"), "w") as f:
        f.write(f"pushed with {CANARY}\n")
    recover(project)
    written = b"".join(p.read_bytes() for p in pathlib.Path(project.store).rglob("*") if p.is_file())
    assert b"sidecar line not understood" in written
    assert CANARY.encode() not in written


def test_what_was_mandatory_is_still_asked_for(project, store, die):
    die(end=ended(), required_metrics=["val/acc"])
    recover(project)
    assert (store.records.manifest(FIRST).status, store.records.manifest(FIRST).missing) == (
        "incomplete",
        ("metric val/acc",),
    )


def test_a_run_that_lives_is_left_alone(project, store, die):
    run = die()
    lock = Lock(run.file(rundir.LOCK))
    assert lock.acquire(wait=False)
    assert recover(project) == ([], [])
    assert store.records.run_ids() == []
    lock.release()
    run.write(rundir.PROCESS, rundir.identify(os.getpid())._asdict())
    assert recover(project) == ([], []), "its child lives"
    assert os.path.isdir(run.path)


def test_there_may_be_nothing_to_do(project):
    assert recover(project) == ([], [])
    shutil.rmtree(project.live)
    assert recover(project) == ([], [])


def test_twice_is_once(project, store, die):
    die()
    recover(project)
    before = store.records.manifest_bytes(FIRST)
    assert recover(project) == ([], [])
    assert store.records.manifest_bytes(FIRST) == before


def test_what_was_sealed_and_not_cleaned_up_is_not_sealed_again(project, store, die):
    run = die(end=ended())
    copy = run.path + ".copy"
    shutil.copytree(run.path, copy)
    recover(project)
    before = store.records.manifest_bytes(FIRST)
    os.rename(copy, run.path)
    with open(run.file("stdout.log"), "a") as f:
        f.write("\nloss=99")
    assert [s["status"] for s in recover(project)[0]] == ["finished"]
    assert store.records.manifest_bytes(FIRST) == before
    assert os.listdir(project.live) == []


BROKEN = {
    "empty": b"",
    "half": b'{"id": "01abc',
    "not ours": b"[]",
    "deep": b"[" * 10_000,
    "another's id": json.dumps({"format": 1, "id": THIRD, "command": [], "cwd": "/"}).encode(),
    "reading that is none": None,
    "newer": b'{"format": 2}',
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_run_that_cannot_be_sealed_is_named_and_stops_no_other(project, store, die, what):
    odd = {"reading that is none": {"reading": 5}}
    broken = die(FIRST, **odd.get(what, {}), outputs=[{"label": "log", "pattern": __file__}])
    if BROKEN[what] is not None:
        with open(broken.file(rundir.START), "wb") as f:
            f.write(BROKEN[what])
    die(SECOND)
    sealed, problems = recover(project)
    assert [s["id"] for s in sealed] == [SECOND]
    assert len(problems) == 1
    assert problems[0].startswith(FIRST + ": ")
    assert os.path.exists(broken.file("stdout.log")), "nothing of it is lost"
    assert store.records.run_ids() == [SECOND]


def test_one_that_is_just_being_removed_is_no_problem(project, store, die, monkeypatch):
    """Its own processes seal it between our look at it and our lock."""
    die(FIRST)
    die(SECOND)
    real = Lock.acquire

    def acquire(self, *, wait):
        if FIRST in self.path and os.path.isdir(os.path.dirname(self.path)):
            shutil.rmtree(os.path.dirname(self.path))
        return real(self, wait=wait)

    monkeypatch.setattr(Lock, "acquire", acquire)
    sealed, problems = recover(project)
    assert ([s["id"] for s in sealed], problems) == ([SECOND], [])
    assert os.listdir(project.live) == []


def test_a_directory_that_never_became_a_run_is_removed_when_it_is_old(project):
    folder = os.path.join(project.live, FIRST)
    os.mkdir(folder)
    assert recover(project) == ([], [])
    assert os.path.isdir(folder), "somebody may be about to begin"
    os.utime(folder, (0, 0))
    assert recover(project) == ([], [])
    assert not os.path.exists(folder)


RECOVER = """
project = find_project(sys.argv[4])
sealed, problems = recover(project)
assert problems == [], problems
print(*(s["id"] for s in sealed))
"""


def test_no_file_stays_open_however_many_are_sealed(project, die):
    def held():
        return [t for f in os.listdir("/proc/self/fd") if "stdout.log" in (t := _target(f))]

    before = held()
    for i in range(8):
        die(f"{i:02d}abcdefghjkmnpq"[:16], ended())
    assert len(recover(project)[0]) == 8
    assert held() == before


def _target(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return ""  # the listing's own


def test_many_recover_at_once_and_every_run_is_sealed_by_one(project, store, die):
    ids = [f"{i:02d}abcdefghjkmnpq"[:16] for i in range(12)]
    for run_id in ids:
        die(run_id)
    prelude = "import sys\nfrom exptrack.actions.recover import recover\nfrom exptrack.config import find_project"
    came = race(prelude, RECOVER, 4, project.root)
    assert [code for code, _ in came] == [0] * 4
    # One that looks at a lock may keep another from it for an instant; what is then left is the next one's.
    rest = [s["id"] for s in recover(project)[0]]
    assert sorted([*(run_id for _, said in came for run_id in said.split()), *rest]) == ids
    assert open_store(project.store).records.run_ids() == ids
    assert all(store.records.manifest(i).metrics["loss"].count == 2 for i in ids)
    assert os.listdir(project.live) == []
