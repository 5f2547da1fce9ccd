"""A later attempt becomes part of its run, whatever happened to that meanwhile; nothing of the earlier ones is lost."""

from __future__ import annotations

import os
import pathlib

import pytest

from dying import race
from exptrack.actions import ledger
from exptrack.actions.find import find_runs, load_run
from exptrack.actions.recover import adopt, recover
from exptrack.actions.reindex import reindex
from exptrack.actions.retain import collect
from exptrack.actions.verify import verify
from exptrack.actions.which import which
from exptrack.config import find_project
from exptrack.files import Lock
from exptrack.model import Event
from exptrack.record import rundir
from exptrack.record.rundir import new_id

RUN = "01abcdefghjkmnpq"
LATER = 10**9 * 4.0


@pytest.fixture
def die(tmp_path):
    """The directory of an attempt whose processes are gone: it told `steps`, and left `weights` in m.pt."""

    def make(project, number, steps, weights=b"", seconds=10.0, **start):
        run = rundir.claim(project.live, RUN)
        if weights:
            (tmp_path / "m.pt").write_bytes(weights)
        resumes = {"number": number, "id": new_id(), "first_started_at": "2026-01-01T00:00:00.000Z"}
        run.begin(
            {
                "id": RUN,
                "command": ["python", "train.py"],
                "cwd": str(tmp_path),
                "host": "h",
                "author": "ada",
                "started_at": f"2026-01-0{number}T00:00:00.000Z",
                "outputs": [{"label": "model", "pattern": "m.pt"}] if weights else [],
                "resumes": resumes if number > 1 else None,
                **start,
            }
        )
        with open(run.file("stdout.log"), "w") as f:
            f.writelines(f"step={s} loss={number}\n" for s in steps)
        run.write_end({"ended_at": f"2026-01-0{number}T00:01:00.000Z", "exit_code": 0, "seconds": seconds})
        run.lock.release()
        return run

    return make


@pytest.fixture
def run(project, store, die):
    """A run that was sealed after ten steps, and left weights."""
    die(project, 1, range(10), b"first")
    recover(project)
    return store.records.manifest(RUN)


def sealed(project):
    done, problems = recover(project)
    assert problems == []
    assert os.listdir(project.live) == []
    return done


def losses(store, manifest):
    from exptrack.record.points import read_blocks

    return [v for b in read_blocks(store.objects.read(manifest.points).splitlines()) for v in b.values]


def test_the_run_is_what_its_attempts_were_together(project, store, run, die):
    die(project, 2, range(7, 12), b"second", seconds=5.0)
    assert [s["id"] for s in sealed(project)] == [RUN]
    now = store.records.manifest(RUN)
    assert losses(store, now) == [1] * 7 + [2] * 5
    assert (now.started_at, now.seconds, now.status) == (run.started_at, 15.0, "finished")
    assert [a.number for a in now.attempts] == [1, 2]
    assert [store.objects.read(a.digest) for a in now.artifacts] == [b"second"]
    assert [store.objects.read(a.digest) for a in now.kept] == [b"second", b"first"]
    assert store.records.manifest(RUN, 1) == run
    assert losses(store, now.attempts[1]) == [2] * 5
    assert verify(store).problems == ()


def test_points_that_nothing_replaced_are_said_to_be_gone(project, store, die):
    first = die(project, 1, range(10))
    with open(first.file("stdout.log"), "a") as f:
        f.writelines(f"step={s} val/acc={s / 10}\n" for s in (5, 7, 9))
    recover(project)
    die(project, 2, range(6, 8))
    sealed(project)
    now = store.records.manifest(RUN)
    assert (now.metrics["val/acc"].last, now.metrics["val/acc"].last_step, now.metrics["loss"].last_step) == (0.5, 5, 7)
    assert [w for w in now.warnings if "val/acc" in w] == [
        f"2 points of val/acc are of a state that was not gone on with, and not told again: {RUN}.1 has them"
    ]
    assert store.records.manifest(RUN, 1).metrics["val/acc"].last == 0.9
    assert verify(store).problems == ()


def test_of_very_many_metrics_the_first_are_said_to_be_gone(project, store, die):
    first = die(project, 1, range(10))
    with open(first.file("stdout.log"), "a") as f:
        f.writelines(f"step={s} val{n}/acc={s / 10}\n" for s in (5, 9) for n in range(12))
    recover(project)
    die(project, 2, range(6, 8))
    sealed(project)
    said = [w for w in store.records.manifest(RUN).warnings if "point" in w]
    assert len(said) == 11
    assert all("/acc is of a state that was not gone on with" in w for w in said[:-1])
    assert said[-1] == "so it is with points of 2 more metrics"


def test_the_index_notices_a_new_attempt_of_a_run_it_knows(project, store, run, die):
    assert [r.manifest.seconds for r in find_runs(project, store)] == [10.0]
    die(project, 2, range(7, 12))
    sealed(project)
    assert [r.id for r in find_runs(project, store, ["attempts=2"])] == [RUN]
    reindex(project, store)
    assert [r.manifest.seconds for r in find_runs(project, store, ["seconds>12"])] == [20.0]
    # An older copy of the store is put back.
    os.unlink(os.path.join(store.records.runs, f"{RUN}.2.json"))
    assert [r.manifest.seconds for r in find_runs(project, store, ["attempts=1"])] == [10.0]


def test_an_attempt_is_sealed_once_whoever_does_it(project, store, run, die):
    attempt = die(project, 2, range(7, 12))
    prelude = "import sys\nfrom exptrack.actions.recover import recover\nfrom exptrack.config import find_project"
    code = "recover(find_project(sys.argv[4]))"
    assert [exit_code for exit_code, _ in race(prelude, code, 4, project.root)] == [0] * 4
    sealed(project)
    assert store.records.attempt_count(RUN) == 2
    assert not os.path.exists(attempt.path)


def test_only_the_cleaning_up_was_interrupted(project, store, run, die):
    attempt = die(project, 2, range(7, 12))
    start = attempt.read("start.json")
    sealed(project)
    again = rundir.claim(project.live, RUN)
    again.begin(start)
    again.lock.release()
    assert [s["status"] for s in sealed(project)] == ["finished"]
    assert store.records.attempt_count(RUN) == 2


def test_two_folders_with_one_store_continue_at_once_and_both_are_kept(project, store, run, die, tmp_path, monkeypatch):
    (tmp_path / "other" / ".exptrack" / "live").mkdir(parents=True)
    (tmp_path / "other" / "exptrack.toml").write_text(f'store = "{store.root}"\n')
    other = find_project(str(tmp_path / "other"))
    die(project, 2, range(7, 12))
    die(other, 2, range(9, 14))
    sealed(project)
    sealed(other)
    now = store.records.manifest(RUN)
    assert [a.number for a in now.attempts] == [1, 2, 3]
    assert losses(store, now) == [1] * 7 + [2] * 2 + [2] * 5
    assert verify(store).problems == ()


def test_a_run_that_was_promoted_meanwhile_does_not_change(project, store, run, die):
    attempt = die(project, 2, range(7, 12))
    attempt_id = attempt.read("start.json")["resumes"]["id"]
    ledger.append(store, "prod", RUN, after=[], reason=None, gates=())
    sealed(project)
    assert store.records.manifest(RUN) == run
    own = store.records.manifest(attempt_id)
    assert (own.parent, losses(store, own)) == (RUN, [2] * 5)
    assert any("was promoted as prod@1" in w for w in own.warnings)
    assert verify(store).problems == ()


def test_what_retention_let_go_and_is_written_again_is_there_again(project, store, run, die, tmp_path):
    assert collect(project, store, LATER)[1] is not None
    assert load_run(project, store, RUN).expired
    die(project, 2, range(7, 12), b"first")
    sealed(project)
    assert load_run(project, store, RUN).expired == ()
    assert verify(store).problems == ()


def test_a_damaged_word_about_the_run_keeps_no_attempt_from_being_sealed(project, store, run, die):
    word = Event(id=new_id(), run=RUN, action="tag", at="2026-01-01T12:00:00.000Z", author="ada", data={"owner": "bob"})
    store.records.add_event(word)
    path = pathlib.Path(store.records.events, f"{word.id}.json")
    path.write_bytes(path.read_bytes()[:-9])
    die(project, 2, range(7, 12), b"first")
    sealed(project)
    assert store.records.attempt_count(RUN) == 2


def test_a_run_that_is_being_continued_keeps_its_bytes(project, store, run, die):
    attempt = die(project, 2, range(7, 12))
    held = Lock(attempt.file("lock"))
    assert held.acquire(wait=False)
    assert collect(project, store, LATER)[1] is None
    held.release()
    sealed(project)
    assert collect(project, store, LATER)[1] is not None


def test_verify_reads_the_curve_as_it_was_after_every_attempt(project, store, run, die):
    for number, steps in ((2, range(7, 12)), (3, range(9, 13))):
        die(project, number, steps)
        sealed(project)
    between = store.records.manifest(RUN, 2).points
    os.unlink(store.objects.path(between))
    assert [(p.what, p.wrong) for p in verify(store).problems] == [("points as of attempt 2", "missing")]


def test_what_a_later_attempt_replaced_goes_by_the_same_rules(project, store, run, die):
    die(project, 2, range(7, 12), b"second")
    sealed(project)
    plan, _ = collect(project, store, LATER)
    assert len(plan.goes) == 2
    assert verify(store).problems == ()
    run = load_run(project, store, RUN)
    assert {a.digest for a in run.manifest.kept} == set(run.expired)


def test_points_of_the_attempts_before_that_are_lost_do_not_cost_the_new_ones(project, store, run, die):
    os.unlink(store.objects.path(run.points))
    die(project, 2, range(7, 12))
    sealed(project)
    now = store.records.manifest(RUN)
    assert losses(store, now) == [2] * 5
    assert any("are missing or altered" in w for w in now.warnings)
    assert [(p.what, p.wrong) for p in verify(store).problems] == [("points of attempt 1", "missing")]


def test_an_attempt_without_its_run_stays_until_that_is_there_again(project, store, run, die):
    path = os.path.join(store.records.runs, f"{RUN}.json")
    os.rename(path, path + ".away")
    attempt = die(project, 2, range(7, 12))
    _, problems = recover(project)
    assert problems == [f"{RUN}: no run {RUN}"]
    assert os.path.exists(attempt.path)
    os.rename(path + ".away", path)
    sealed(project)
    assert store.records.attempt_count(RUN) == 2


@pytest.mark.parametrize("lost", [1, 2])
def test_verify_finds_an_attempt_that_is_missing_or_altered(project, store, run, die, lost):
    for number in (2, 3):
        die(project, number, range(7, 12))
        sealed(project)
    path = pathlib.Path(store.records.runs, f"{RUN}.{lost}.json" if lost > 1 else f"{RUN}.json")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"attempts":[', b'"attempts":[null,'))
    assert [(p.run, p.what) for p in verify(store).problems] == [(RUN, "manifest")]
    path.write_bytes(whole)
    assert verify(store).problems == ()
    path.unlink()
    assert {(p.run, p.what) for p in verify(store).problems} == {(RUN, "manifest")}


def test_words_said_between_attempts_are_taken_over_once(project, store, run, die):
    word = Event(id=new_id(), run=RUN, action="tag", at="2026-01-01T12:00:00.000Z", author="ada", data={"owner": "bob"})
    store.records.add_event(word)
    resumes = {"number": 2, "id": new_id(), "first_started_at": run.started_at, "heard": [word.id]}
    die(project, 2, range(7, 12), tags={"owner": "cy"}, resumes=resumes)
    assert load_run(project, store, RUN).tags == {"owner": "cy"}
    sealed(project)
    assert load_run(project, store, RUN).tags == {"owner": "cy"}
    later = Event(
        id=new_id(), run=RUN, action="tag", at="2026-01-03T12:00:00.000Z", author="ada", data={"owner": "dan"}
    )
    store.records.add_event(later)
    assert load_run(project, store, RUN).tags == {"owner": "dan"}


def test_adopting_needs_no_lock_where_the_owner_is_known_to_be_dead(project, store, run, die):
    attempt = die(project, 2, range(7, 12))
    held = Lock(attempt.file("lock"))
    assert held.acquire(wait=False)
    assert adopt(project, attempt)["status"] == "finished"
    assert store.records.attempt_count(RUN) == 2


def test_the_bytes_of_every_attempt_are_found(project, store, run, die, tmp_path):
    die(project, 2, range(7, 12), b"second")
    sealed(project)
    for data in (b"first", b"second"):
        (tmp_path / "copy").write_bytes(data)
        assert [m.run.id for m in which(project, store, str(tmp_path / "copy")).matches] == [RUN]
