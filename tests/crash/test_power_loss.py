"""The power goes at every moment of a run's beginning and of its sealing (see power.py for what that means)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crash.power import Disk, after_every_call, journal_of
from crash.scene import age_what_nobody_knows, check_store
from exptrack import wire
from exptrack.actions.find import find_runs
from exptrack.actions.recover import recover
from exptrack.config import find_project
from exptrack.model import Run, Start
from exptrack.record import rundir
from exptrack.store.place import Store, open_store
from exptrack.store.trees import decode_tree

START = {
    "id": "01abcdefghjkmnpq",
    "command": ["python", "train.py"],
    "cwd": ".",
    "started_at": "2026-11-22T21:54:03.120Z",
    "host": "box",
    "author": "ada",
    "outputs": [{"label": "model", "pattern": "model"}],
}
BEGIN = """
import os
from exptrack.record import rundir
from exptrack.store.place import open_store
open_store(os.path.join(FOLDER, ".exptrack", "store"), create=True)
run_dir = rundir.claim(os.path.join(FOLDER, ".exptrack", "live"), START["id"])
run_dir.begin(START)
note("said", "begun")
"""
SEAL = """
from exptrack.actions.recover import adopt
from exptrack.config import find_project
from exptrack.record import rundir
project = find_project(FOLDER)
(run_dir,) = rundir.live_runs(project.live)
assert adopt(project, run_dir)["status"] == "finished"
note("said", "sealed")
"""


def with_names(code: str, folder: Path) -> str:
    return f"FOLDER, START = {str(folder)!r}, {START!r}\n" + code


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    (folder / ".exptrack" / "live").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_while_a_run_begins(work: Path, tmp_path: Path) -> None:
    """A run that was begun is there after the crash; one that was not leaves nothing that is in anybody's way."""
    disk = Disk(work)
    journal = journal_of(with_names(BEGIN, work), tmp_path, work)
    assert len(journal) > 10
    for folder, where, said in after_every_call(disk, journal, tmp_path / "after"):
        found = find_project(str(folder))
        assert found, where
        runs = rundir.live_runs(found.live)
        if said:
            (run,) = runs
            assert wire.decode(Start, Path(run.file(rundir.START)).read_bytes(), where).id == START["id"]
        assert recover(found)[1] == [], where
        assert set(open_store(found.store, create=True).records.run_ids()) == ({START["id"]} if runs else set()), where


def ended(work: Path, begin: str = BEGIN) -> None:
    """A run that has ended and is not sealed: with output, a model of two files, and its end."""
    exec(with_names("note = print\n" + begin, work), {})
    folder = work / ".exptrack" / "live" / str(START["id"])
    (folder / "stdout.log").write_text("".join(f"step={i} loss={1 / (i + 1):.6f}\n" for i in range(50)))
    (folder / "end.json").write_text('{"ended_at": "2026-11-22T22:00:00.000Z", "exit_code": 0, "seconds": 4.0}')
    (work / "model").mkdir(exist_ok=True)
    for name in ("weights.bin", "tokenizer.json"):
        (work / "model" / name).write_text(name * 1000)


def sealed_again(folder: Path, where: str, said: list[str]) -> tuple[Store, Run]:
    """The run, after the power came back and `recover`; what was said to be sealed must be so before. In `folder`."""
    found = find_project(str(folder))
    assert found, where
    (folder / ".exptrack" / "index.db").unlink(missing_ok=True)
    store = open_store(found.store)
    check_store(store)
    assert store.records.has_run(str(START["id"])) or not said, where
    os.chdir(folder)  # where the outputs are
    age_what_nobody_knows(Path(found.live))
    assert recover(found)[1] == [], where
    (run,) = find_runs(found, store, [])
    assert run.status == "finished", where
    return store, run


def test_while_a_run_is_sealed(work: Path, tmp_path: Path) -> None:
    """Whatever has a name is whole; what is sealed stays so; what is not is sealed again, and is the same."""
    ended(work)
    disk = Disk(work)
    journal = journal_of(with_names(SEAL, work), tmp_path, work)
    assert len(journal) > 40
    for folder, where, said in after_every_call(disk, journal, tmp_path / "after"):
        store, run = sealed_again(folder, where, said)
        assert run.manifest.metrics["loss"].count == 50, where
        assert [a.files for a in run.manifest.artifacts] == [2], where
        assert store.objects.read(run.manifest.logs["stdout"]).count(b"loss=") == 50, where
        assert not os.listdir(folder / ".exptrack" / "live"), where
        check_store(store)
        os.chdir(work)


# Several threads, a file of several blocks past the page cache, and batches of two that one syncfs makes durable: as of
# gigabytes, with less to write down.
AS_IF_LARGE = """
import exptrack.actions.outputs, exptrack.store.bulk, exptrack.store.copying, exptrack.store.durable
exptrack.actions.outputs.MANY = 2
exptrack.store.bulk.MANY = exptrack.store.durable.MANY = 2
exptrack.store.durable._tells_all = lambda fd: True
exptrack.store.copying.BLOCK = exptrack.store.copying.LARGE_BLOCK = 1 << 14
exptrack.store.objects.BLOCK = exptrack.store.copying.LARGE = 1 << 14
"""


def test_while_large_outputs_are_saved_by_several(work: Path, tmp_path: Path) -> None:
    """As above, of files larger than one copy buffer, each in the hands of another thread."""
    ended(work)
    sizes = {"weights.bin": 100_000, "optimizer.bin": 70_000, "tokenizer.json": 30_000, "config.json": 300}
    for number, (name, size) in enumerate(sizes.items()):
        (work / "model" / name).write_bytes(bytes((i * i + number) % 251 for i in range(size)))
    kept = {p.name: p.read_bytes() for p in (work / "model").iterdir()}
    disk = Disk(work)
    journal = journal_of(with_names(AS_IF_LARGE + SEAL, work), tmp_path, work)
    assert sum(kind == "write" for kind, *_ in journal) > 12
    assert any(kind == "syncfs" for kind, *_ in journal)
    for folder, where, said in after_every_call(disk, journal, tmp_path / "after"):
        store, run = sealed_again(folder, where, said)
        (model,) = run.manifest.artifacts
        tree = decode_tree(store.objects.read(model.digest))
        assert {f.path: store.objects.read(f.digest) for f in tree} == kept, where
        os.chdir(work)


AGAIN = """
import os
from exptrack.record import rundir
run_dir = rundir.claim(os.path.join(FOLDER, ".exptrack", "live"), START["id"])
second = {"number": 2, "id": "01abcdefghjkmnpz", "first_started_at": START["started_at"]}
run_dir.begin({**START, "started_at": "2026-11-22T23:00:00.000Z", "resumes": second})
"""


def test_while_a_second_attempt_is_sealed(work: Path, tmp_path: Path) -> None:
    """The first attempt is what it was at every moment; the second is sealed or will be, and the run is both."""
    ended(work)
    exec(with_names("note = print\n" + SEAL, work), {})
    ended(work, AGAIN)
    first = open_store(str(work / ".exptrack" / "store")).records.manifest_bytes(START["id"], 1)
    (work / ".exptrack" / "live" / str(START["id"]) / "stdout.log").write_text("step=40 loss=0.5\nstep=41 loss=0.25\n")
    disk = Disk(work)
    journal = journal_of(with_names(SEAL, work), tmp_path, work)
    assert len(journal) > 40
    for folder, where, said in after_every_call(disk, journal, tmp_path / "after"):
        found = find_project(str(folder))
        assert found, where
        (folder / ".exptrack" / "index.db").unlink(missing_ok=True)
        store = open_store(found.store)
        check_store(store)
        assert store.records.manifest_bytes(START["id"], 1) == first, where
        assert store.records.attempt_count(START["id"]) == 2 or not said, where
        os.chdir(folder)
        age_what_nobody_knows(Path(found.live))
        assert recover(found)[1] == [], where
        (run,) = find_runs(found, store, [])
        assert [a.status for a in run.manifest.attempts] == ["finished", "finished"], where
        loss = run.manifest.metrics["loss"]
        assert (loss.count, loss.last_step, loss.last) == (42, 41, 0.25), where
        assert not os.listdir(found.live), where
        check_store(store)
        os.chdir(work)
