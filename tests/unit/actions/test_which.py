"""Which run made this? By the bytes, whatever the file is called now; by the model's name."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from exptrack.actions.outputs import keep_outputs
from exptrack.actions.promote import demote, promote
from exptrack.actions.which import digest_of as digest_of_path
from exptrack.actions.which import which, which_listed
from exptrack.actions.written import Since
from exptrack.errors import Damaged, ExptrackError, NoSuchRun
from exptrack.model import Declared, Input
from made import digest_of, file_artifact, manifest

OLD, NEW = "01abcdefghjkmnpq", "02abcdefghjkmnpq"


@pytest.fixture
def work(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def made(store, work):
    """Two runs: both kept m.pt with the same bytes, the newer one a folder too."""
    (work / "m.pt").write_bytes(b"weights")
    (work / "out" / "deep").mkdir(parents=True)
    (work / "out" / "deep" / "best.pt").write_bytes(b"best")
    (work / "out" / "link").symlink_to("deep")
    for run_id, started, patterns in ((OLD, 1, ["m.pt"]), (NEW, 2, ["m.pt", "out"])):
        declared = [Declared(label="model", pattern=p) for p in patterns]
        kept, _ = keep_outputs(store.objects, declared, str(work), Since(0.0))
        at = f"2026-01-0{started}T00:00:00.000Z"
        store.records.add_manifest(manifest(run_id, artifacts=tuple(kept), started_at=at, ended_at=at))


def found(project, store, asked):
    return [(m.run.id, m.kind, m.path) for m in which(project, store, asked).matches]


@pytest.mark.usefixtures("made")
def test_a_file_names_every_run_that_kept_its_bytes_the_newest_first(project, store, work):
    answer = which(project, store, "m.pt")
    assert answer.digest == digest_of(b"weights")
    assert found(project, store, "m.pt") == [(NEW, "model", "m.pt"), (OLD, "model", "m.pt")]


@pytest.mark.usefixtures("made")
def test_its_name_does_not_matter(project, store, work):
    (work / "m.pt").rename(work / "copy of a copy")
    (work / "link").symlink_to("copy of a copy")
    for name in ("copy of a copy", "link", str(work / "link")):
        assert [run for run, _, _ in found(project, store, name)] == [NEW, OLD]


@pytest.mark.usefixtures("made")
def test_a_file_of_a_kept_folder_and_the_folder_itself(project, store, work):
    (work / "out" / "deep" / "best.pt").rename(work / "mine.pt")
    assert [run for run, _, _ in found(project, store, "mine.pt")] == [NEW]
    (work / "mine.pt").rename(work / "out" / "deep" / "best.pt")
    (work / "out").rename(work / "moved")
    assert found(project, store, "moved") == [(NEW, "model", "out")]


@pytest.mark.usefixtures("made")
def test_bytes_nobody_kept_have_no_run(project, store, work):
    (work / "m.pt").write_bytes(b"retouched")
    (work / "out" / "deep" / "more").write_bytes(b"x")
    assert found(project, store, "m.pt") == []
    assert found(project, store, "out") == []


@pytest.mark.usefixtures("made")
def test_a_digest_serves_as_well(project, store, work):
    assert [run for run, _, _ in found(project, store, digest_of(b"best"))] == [NEW]
    assert found(project, store, "0" * 64) == []


@pytest.mark.usefixtures("made")
def test_a_model_is_its_current_run(project, store, work):
    promote(project, store, OLD, "churn/prod", None)
    for asked in ("churn/prod", "churn/prod@"):
        answer = which(project, store, asked)
        assert (answer.digest, [(m.run.id, m.path) for m in answer.matches]) == (None, [(OLD, "churn/prod")])
    demote(store, "churn/prod", None)
    with pytest.raises(ExptrackError, match="no current run") as e:
        which(project, store, "churn/prod")
    assert e.value.exit_code == 1


@pytest.mark.usefixtures("made")
def test_an_earlier_promotion_of_a_model_is_its_run_then(project, store, work):
    promote(project, store, OLD, "churn/prod", None)
    demote(store, "churn/prod", None)
    assert found(project, store, "churn/prod@1") == [(OLD, "model", "churn/prod")]
    with pytest.raises(ExptrackError, match="promotion 2 was a demotion") as e:
        which(project, store, "churn/prod@2")
    assert e.value.exit_code == 1
    with pytest.raises(NoSuchRun, match="churn/prod has no promotion 3"):
        which(project, store, "churn/prod@3")
    with pytest.raises(NoSuchRun, match="no file and no model"):
        which(project, store, "churn/prod@1x")


@pytest.mark.usefixtures("made")
def test_a_damaged_history_is_not_called_no_model(project, store, work):
    promote(project, store, OLD, "m", None)
    (path,) = Path(store.records.promotions_folder).glob("m/1.json")
    path.chmod(0o600)
    path.write_text("{")
    with pytest.raises(Damaged):
        which(project, store, "m@")


@pytest.mark.usefixtures("made")
def test_a_file_wins_over_a_model_of_its_name(project, store, work):
    promote(project, store, OLD, "m.pt", None)
    assert which(project, store, "m.pt").digest is not None
    assert which(project, store, "m.pt@").digest is None


@pytest.mark.parametrize("asked", ["nothing", "", ".hidden", "x" * 300, "a\0b", "\udcff", "@"], ids=ascii)
def test_neither_file_nor_model_is_exit_3(project, store, work, asked):
    with pytest.raises(NoSuchRun, match="no file and no model") as e:
        which(project, store, asked)
    assert e.value.exit_code == 3


def test_what_has_no_bytes_is_said_and_nobody_waits_for_it(project, store, work):
    os.mkfifo(work / "pipe")
    for asked in ("pipe", "/dev/zero"):
        with pytest.raises(ExptrackError, match="cannot read"):
            which(project, store, asked)


def test_a_folder_with_something_unreadable_is_said(project, store, work, monkeypatch):
    (work / "out").mkdir()
    (work / "out" / "a").write_bytes(b"x")

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("exptrack.actions.which._sum", refuse)
    with pytest.raises(ExptrackError, match="cannot read out: Permission denied"):
        which(project, store, "out")


def test_a_file_changed_while_it_is_asked_about_has_the_digest_of_its_bytes(work):
    (work / "m").write_bytes(b"x")
    assert digest_of_path("m") == digest_of(b"x")
    (work / "empty").mkdir()
    assert len(digest_of_path("empty")) == 64


@pytest.mark.usefixtures("made")
def test_a_folder_nobody_kept_as_a_whole_is_answered_file_by_file(project, store, work):
    (work / "new").mkdir()
    (work / "m.pt").rename(work / "new" / "renamed.pt")
    (work / "out" / "deep" / "best.pt").rename(work / "new" / "b.pt")
    answer = which(project, store, "new")
    assert (answer.matches, answer.is_known) == ((), True)
    assert [(f.asked, [m.run.id for m in f.matches]) for f in answer.files] == [
        ("new/b.pt", [NEW]),
        ("new/renamed.pt", [NEW, OLD]),
    ]
    (work / "new" / "mine").write_bytes(b"mine")
    assert not which(project, store, "new").is_known
    (work / "empty").mkdir()
    assert not which(project, store, "empty").is_known


@pytest.mark.usefixtures("made")
def test_a_copy_that_lost_its_links_and_modes_is_the_same_folder(project, store, work):
    (work / "copy" / "link").mkdir(parents=True)
    for name in ("copy/link/best.pt", "copy/deep/best.pt"):
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_bytes(b"best")
    assert found(project, store, "copy") == [(NEW, "model", "out")]
    (work / "copy" / "deep" / "best.pt").chmod(0o755)
    assert found(project, store, "copy") == [(NEW, "model", "out")]


@pytest.mark.usefixtures("made")
def test_a_list_of_digests_is_answered_line_by_line(project, store, work):
    lines = [f"{digest_of(b'best')}  a b.pt\n", "\n", digest_of(b"weights").upper(), f"{'0' * 64} *x\n"]
    answers = which_listed(project, store, lines)
    assert [(a.asked, a.is_known, len(a.matches)) for a in answers] == [
        ("a b.pt", True, 1),
        (digest_of(b"weights"), True, 2),
        ("x", False, 0),
    ]


# --- who wrote it, who only had it -----------------------------------------------------------------------------------


def add(store, number, *, is_older=False, **changes):
    """Run `number`, with the bytes `weights` as its model."""
    kept = replace(file_artifact(store, "model", "m.pt", b"weights"), is_older=is_older)
    at = f"2026-02-{number:02d}T00:00:00.000Z"
    run_id = f"{number:016d}"
    store.records.add_manifest(manifest(run_id, **{"artifacts": (kept,), "started_at": at, "ended_at": at, **changes}))
    return run_id


def test_who_wrote_it_comes_before_who_kept_it_and_copies_come_last(project, store):
    wrote, kept, again = add(store, 1), add(store, 2, is_older=True), add(store, 3, tags={"reproduces": f"{1:016d}"})
    newer = add(store, 4)
    matches = which(project, store, digest_of(b"weights")).matches
    assert [m.run.id for m in matches] == [newer, wrote, kept, again]
    assert [m.is_older for m in matches] == [False, False, True, False]
    assert [m.repeats for m in matches] == [None, None, None, wrote]


def test_promotions_are_named_and_the_one_in_force(project, store):
    first, second = add(store, 1), add(store, 2)
    for run_id in (first, second, first):
        promote(project, store, run_id, "prod", None)
    by_run = {m.run.id: m for m in which(project, store, digest_of(b"weights")).matches}
    assert by_run[first].promotions == (("prod", 1), ("prod", 3))
    assert [by_run[first].is_current("prod", n) for n in (1, 3)] == [False, True]
    assert not by_run[second].is_current("prod", 2)


def test_data_is_the_input_of_the_runs_that_read_it(project, store, work):
    (work / "train.csv").write_bytes(b"1,2")
    read = Input(name="train", path="data/train.csv", digest=digest_of(b"1,2"), size=3, files=1)
    for number in (1, 2, 3):
        add(store, number, inputs=(read,))
    answer = which(project, store, "train.csv")
    assert (answer.matches, answer.is_known) == ((), True)
    assert [(u.run_id, u.name, u.path) for u in answer.uses] == [
        (f"{n:016d}", "train", "data/train.csv") for n in (3, 2, 1)
    ]
    (listed,) = which_listed(project, store, [digest_of(b"1,2")])
    assert listed.uses == answer.uses


def test_what_a_run_kept_is_its_output_whoever_read_it(project, store):
    wrote = add(store, 1)
    read = Input(name="init", path="m.pt", digest=digest_of(b"weights"), size=7, files=1)
    add(store, 2, artifacts=(), inputs=(read,))
    answer = which(project, store, digest_of(b"weights"))
    assert ([m.run.id for m in answer.matches], answer.uses) == ([wrote], ())
