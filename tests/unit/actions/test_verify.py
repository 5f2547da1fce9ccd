"""verify finds what is missing or altered and names every run that is hurt; what retention let go is no damage."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from exptrack.actions import ledger
from exptrack.actions.unfinished import Unfinished
from exptrack.actions.verify import parse_sample, verify
from exptrack.errors import ExptrackError
from exptrack.model import Artifact, CodeState, Event
from exptrack.store.place import Store, open_store
from made import AN_ID, ANOTHER_ID, digest_of, file_artifact, manifest, summary
from made_runs import tree_of

POINTS = b'{"name":"acc","source":"stdout","values":[0.5,0.9,"nan"],"steps":[1,2,3],"at":1.0}\n'
ACC = {"first": 0.5, "last": float("nan"), "min": 0.5, "max": 0.9, "count": 3, "source": "stdout"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two runs with the same code; the first has a file, a folder, points and a log."""
    made = open_store(str(tmp_path / "store"), create=True)
    code = CodeState(tree=tree_of(made, {"train.py": b"code"}), files=1)
    folder = tree_of(made, {"a.txt": b"aaaa", "sub/b.txt": b"bb"})
    outputs = (
        file_artifact(made, "model", "m.pt", b"weights"),
        Artifact(kind="report", path="out", digest=folder, size=6, files=2, is_tree=True),
    )
    facts = {"points": made.objects.add_bytes(POINTS), "logs": {"stdout": made.objects.add_bytes(b"log\n")}}
    metrics = {"acc": summary(0.9, "max", **{k: v for k, v in ACC.items() if k != "last"})}
    metrics["acc"] = type(metrics["acc"])(**{**ACC, "goal": "max", "best": 0.9})
    made.records.add_manifest(manifest(AN_ID, code=code, artifacts=outputs, metrics=metrics, **facts))
    made.records.add_manifest(manifest(ANOTHER_ID, code=code))
    return made


def spoil(store: Store, data: bytes) -> None:
    path = store.objects.path(digest_of(data))
    os.chmod(path, 0o600)
    Path(path).write_bytes(bytes([data[0] ^ 1]) + data[1:])


def lose(store: Store, data: bytes) -> None:
    os.unlink(store.objects.path(digest_of(data)))


def found(store: Store, *args, **options) -> list[tuple[str, str, str]]:
    return [p[:3] for p in verify(store, *args, **options).problems]


def test_a_whole_store_is_whole(store):
    seen = []
    done = verify(store, progress=seen.append)
    assert done.problems == ()
    # 2 trees; the code file, the model, 2 files of the folder, points, log
    assert (done.runs, done.objects, done.read) == (2, 8, 8)
    assert seen[-1].objects == seen[-1].all_objects == 6
    assert seen[-1].size == done.size == 4 + 7 + 6 + len(POINTS) + 4


def test_a_flipped_bit_hurts_every_run_that_names_it(store):
    spoil(store, b"code")
    assert found(store) == [(AN_ID, "code train.py", "altered"), (ANOTHER_ID, "code train.py", "altered")]
    assert found(store, [ANOTHER_ID]) == [(ANOTHER_ID, "code train.py", "altered")]


def test_what_is_missing(store):
    lose(store, b"weights")
    lose(store, b"bb")
    assert found(store) == [(AN_ID, "model m.pt", "missing"), (AN_ID, "report out/sub/b.txt", "missing")]


def test_a_damaged_tree_is_said_once(store):
    tree = store.records.manifest(AN_ID).artifacts[1].digest
    os.chmod(store.objects.path(tree), 0o600)
    Path(store.objects.path(tree)).write_bytes(b'{"tree":1}\n')
    assert found(store) == [(AN_ID, "report out", "altered")]


def test_bytes_that_retention_let_go_are_no_damage(store):
    lose(store, b"weights")
    lose(store, b"bb")
    gone = {"digests": [digest_of(b"weights"), digest_of(b"bb")]}
    store.records.add_event(Event(id="01" + "e" * 14, run=AN_ID, action="expire", at="", author="", data=gone))
    assert found(store) == []
    spoil(store, b"log\n")
    assert found(store) == [(AN_ID, "log stdout", "altered")]


def test_an_edited_figure_shows_without_any_promotion(store):
    path = Path(store.root) / "runs" / f"{AN_ID}.json"
    data = json.loads(path.read_bytes())
    data["metrics"]["acc"]["max"] = 0.99
    data["artifacts"][0]["size"] = 8
    path.chmod(0o600)
    path.write_bytes(json.dumps(data).encode())
    wrong = [w for _, what, w in found(store) if what == "manifest"]
    assert wrong == ["altered: it says m.pt has 8 bytes, there are 7", "altered: acc max is 0.99, its points say 0.9"]


def test_a_manifest_that_is_none_or_another_runs(store):
    runs = Path(store.root) / "runs"
    (runs / f"{AN_ID}.json").unlink()
    (runs / f"{AN_ID}.json").write_bytes((runs / f"{ANOTHER_ID}.json").read_bytes())
    (runs / f"{ANOTHER_ID}.json").chmod(0o600)
    (runs / f"{ANOTHER_ID}.json").write_bytes(b"{")
    problems = found(store)
    assert [(run, what) for run, what, _ in problems] == [(AN_ID, "manifest"), (ANOTHER_ID, "manifest")]
    assert f"says it is run '{ANOTHER_ID}'" in problems[0][2]


def test_a_manifest_cannot_choose_a_path(store):
    forged = manifest("01" + "f" * 14, points="../../../etc/passwd")
    store.records.add_manifest(forged)
    assert [(run, what) for run, what, _ in found(store)] == [(forged.id, "points")]


def test_the_ledger_is_part_of_it_and_its_heads_are_told(store):
    ledger.append(store, "prod", AN_ID, after=(), reason=None)
    assert list(verify(store).heads) == ["prod"]
    os.unlink(os.path.join(store.root, "promotions", "prod", "1.json"))
    assert [p[:2] for p in found(store)] == [("prod@1", "promotion")]


def test_a_sample_reads_less_but_misses_nothing_that_is_missing(store):
    done = verify(store, sample=0.5)
    assert done.read == 2 + 3
    lose(store, b"weights")
    assert (AN_ID, "model m.pt", "missing") in found(store, sample=0.01)


@pytest.mark.parametrize(("text", "share"), [("10%", 0.1), ("0.25", 0.25), ("100 %", 1.0)])
def test_a_share(text, share):
    assert parse_sample(text) == share


@pytest.mark.parametrize("text", ["", "0%", "101%", "nan", "half", "-1"])
def test_no_share(text):
    with pytest.raises(ExptrackError, match="is not a share"):
        parse_sample(text)


def test_a_record_of_a_newer_format_is_no_damage(store):
    path = Path(store.root) / "runs" / f"{AN_ID}.json"
    path.chmod(0o600)
    path.write_bytes(json.dumps({**json.loads(path.read_bytes()), "format": 99}).encode())
    with pytest.raises(ExptrackError) as e:
        verify(store)
    assert e.value.exit_code == 2
    assert "upgrade" in e.value.hint


class Impatient:
    """Presses Ctrl-C when so many objects have been read."""

    def __init__(self, objects: int) -> None:
        self.objects = objects

    def __call__(self, done) -> None:
        if done.objects >= self.objects:
            raise KeyboardInterrupt


def test_an_interrupted_verify_is_gone_on_with(store, tmp_path):
    cache = str(tmp_path / "cache")
    spoil(store, b"bb")
    with pytest.raises(ExptrackError, match="interrupted") as interrupted:
        verify(store, progress=Impatient(4), unfinished=Unfinished(cache, store.root))
    assert interrupted.value.exit_code == 130
    assert "`exptrack verify` goes on" in interrupted.value.hint
    known = Unfinished(cache, store.root)
    assert 2 <= len(known.read) <= 5
    done = verify(store, unfinished=known)
    assert done.earlier is not None
    assert done.earlier.objects + done.read == 8
    assert done.earlier.size + done.size == 4 + 7 + 6 + len(POINTS) + 4
    assert [p[:3] for p in done.problems] == [(AN_ID, "report out/sub/b.txt", "altered")]
    # It came to its end: the next one reads everything.
    again = verify(store, unfinished=Unfinished(cache, store.root))
    assert (again.earlier, again.read) == (None, 8)


def test_what_changed_since_is_read_again(store, tmp_path):
    cache = str(tmp_path / "cache")
    known = Unfinished(cache, store.root)
    for data in (b"code", b"weights"):
        known.note(digest_of(data), os.lstat(store.objects.path(digest_of(data))))
    known.save()
    spoil(store, b"weights")
    done = verify(store, unfinished=Unfinished(cache, store.root))
    assert done.earlier is not None
    assert done.earlier.objects == 1
    assert [p[:3] for p in done.problems] == [(AN_ID, "model m.pt", "altered")]


@pytest.mark.parametrize("options", [{"sample": 0.5}, {"run_ids": [ANOTHER_ID]}], ids=["sample", "runs"])
def test_only_a_verify_of_everything_goes_on_and_ends_the_list(store, tmp_path, options):
    cache = str(tmp_path / "cache")
    known = Unfinished(cache, store.root)
    known.note(digest_of(b"code"), os.lstat(store.objects.path(digest_of(b"code"))))
    known.save()
    assert verify(store, unfinished=Unfinished(cache, store.root), **options).earlier is None
    assert Unfinished(cache, store.root).read


@pytest.mark.parametrize("data", [b"weights", b"aaaa", b"the report"], ids=["a file", "inside a folder", "a folder"])
def test_what_comes_back_while_it_reads_is_no_damage(store, tmp_path, data):
    """As `undo gc` brings it: the bytes first, the words later."""
    artifact = next(a for a in store.records.manifest(AN_ID).artifacts if a.is_tree)
    path = Path(store.objects.path(artifact.digest if data == b"the report" else digest_of(data)))
    away = path.rename(tmp_path / "away")

    def bring_back(_done):
        if away.exists():
            away.rename(path)

    assert found(store, progress=bring_back) == []
    path.unlink()
    assert found(store) != []
