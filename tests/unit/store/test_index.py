"""The index is a copy of the store: it follows it, mends itself, and never fails a reader or a run."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from exptrack.errors import ExptrackError
from exptrack.model import Artifact, Input, StoredFile
from exptrack.store import schema
from exptrack.store.index import Index, add
from exptrack.store.trees import encode_tree
from sealed_runs import add_run, age, make_project, manifest, promote, run_id, say, summary
from unprivileged import without_privileges

TABLES = ("runs", "tags", "params", "metrics", "inputs", "artifacts", "files", "events", "promotions", "problems")


def dump(index: Index) -> dict[str, list[str]]:
    return {t: sorted(map(repr, index.select(f"SELECT * FROM {t}"))) for t in TABLES}


def contents(project, store) -> dict[str, list[str]]:
    with Index.open(project) as index:
        index.sync(store)
        return dump(index)


def ids(project, store) -> list[str]:
    with Index.open(project) as index:
        index.sync(store)
        return [i for (i,) in index.select("SELECT id FROM runs ORDER BY id")]


@pytest.fixture
def place(tmp_path: Path):
    return make_project(tmp_path)


def test_it_holds_what_the_store_says(place):
    project, store = place
    tree = store.objects.add_bytes(encode_tree([StoredFile(path="vocab.txt", digest="b" * 64, size=7)]))
    add_run(
        store,
        1,
        tags={"owner": "vision"},
        params={"lr": 1e-4, "name": "adam", "is_fast": True, "seed": 3, "none": None},
        metrics={"val/acc": summary(0.9, best=0.95, goal="max", source="stdout"), "loss": float("nan")},
        inputs=(Input(name="train", path="a.csv", digest="a" * 64, size=5, files=1),),
        artifacts=(
            Artifact(kind="model", path="model.bin", digest="c" * 64, size=9),
            Artifact(kind="tokenizer", path="tok", digest=tree, size=7, files=1, is_tree=True),
        ),
    )
    promote(store, "prod/a", 1, 1)
    with Index.open(project) as index:
        index.sync(store)
        assert index.select("SELECT key, value, type FROM params ORDER BY key") == [
            ("is_fast", "true", "bool"),
            ("lr", 1e-4, "float"),
            ("name", "adam", "str"),
            ("none", None, "null"),
            ("seed", 3, "int"),
        ]
        assert index.select("SELECT name, last, best, goal FROM metrics ORDER BY name") == [
            ("loss", None, None, None),
            ("val/acc", 0.9, 0.95, "max"),
        ]
        assert index.select("SELECT kind, path, digest FROM files ORDER BY path") == [
            ("model", "model.bin", "c" * 64),
            ("tokenizer", "tok", tree),
            ("tokenizer", "tok/vocab.txt", "b" * 64),
        ]
        assert index.select("SELECT model, run, sequence FROM current_models") == [("prod/a", run_id(1), 1)]
        assert index.warnings == []


def test_later_words_change_tags_note_and_pin(place):
    project, store = place
    add_run(store, 1, tags={"owner": "vision", "old": "x"}, note="first")
    assert ids(project, store) == [run_id(1)]
    say(store, 1, 1, "tag", {"owner": "speech"})
    say(store, 2, 1, "untag", {"keys": ["old"]})
    say(store, 3, 1, "note", {"note": "second"})
    say(store, 4, 1, "pin")
    say(store, 5, 9, "pin")  # of a run that is nowhere (yet)
    with Index.open(project) as index:
        index.sync(store)
        assert index.select("SELECT key, value FROM tags") == [("owner", "speech")]
        assert index.select("SELECT note, pinned FROM runs") == [("second", 1)]
    add_run(store, 9)
    with Index.open(project) as index:
        index.sync(store)
        assert index.select("SELECT pinned FROM runs WHERE id = ?", (run_id(9),)) == [(1,)]


def test_following_step_by_step_gives_the_same_as_building_at_once(place):
    project, store = place
    for number in range(5):
        add_run(store, number, params={"n": number}, tags={"a": "b"})
        promote(store, "m", number + 1, number)
        contents(project, store)
        say(store, number, number, "tag", {"a": "c"})
        contents(project, store)
    followed = contents(project, store)
    os.unlink(project.index)
    assert contents(project, store) == followed
    with Index.open(project) as index:
        index.rebuild(store)
        assert dump(index) == followed


def test_what_is_gone_from_the_store_is_gone_from_the_index(place):
    project, store = place
    for number in range(3):
        add_run(store, number, params={"n": number})
    say(store, 1, 0, "pin")
    promote(store, "m", 1, 1)
    contents(project, store)
    os.unlink(f"{store.root}/runs/{run_id(2)}.json")
    os.unlink(f"{store.root}/events/01evt{1:011d}.json")
    os.unlink(f"{store.root}/promotions/m/1.json")
    os.rmdir(f"{store.root}/promotions/m")
    with Index.open(project) as index:
        index.sync(store)
        assert index.select("SELECT id, pinned FROM runs ORDER BY id") == [(run_id(0), 0), (run_id(1), 0)]
        assert index.select("SELECT count(*) FROM params") == [(2,)]
        assert index.select("SELECT count(*) FROM promotions") == [(0,)]


def test_an_untouched_store_is_not_listed(place, monkeypatch):
    project, store = place
    add_run(store, 1)
    promote(store, "m", 1, 1)
    age(store)
    contents(project, store)
    monkeypatch.setattr(type(store.records), "run_ids", lambda _: pytest.fail("listed though nothing had changed"))
    with Index.open(project) as index:
        index.sync(store)


def test_a_run_added_in_the_clock_tick_of_the_last_listing_is_seen(place):
    project, store = place
    add_run(store, 1)
    contents(project, store)
    before = os.stat(f"{store.root}/runs")
    add_run(store, 2)
    os.utime(f"{store.root}/runs", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ids(project, store) == [run_id(1), run_id(2)]


def test_a_corrupt_manifest_is_named_and_costs_no_other_run(place):
    project, store = place
    add_run(store, 1)
    Path(store.root, "runs", run_id(2) + ".json").write_bytes(b'{"format":1,"id":')
    Path(store.root, "events", f"01evt{1:011d}.json").parent.mkdir(exist_ok=True)
    Path(store.root, "events", f"01evt{1:011d}.json").write_bytes(b"[]")
    promote(store, "m", 1, 1)
    promote(store, "m", 2, 1)
    Path(store.root, "promotions", "m", "1.json").write_bytes(b"\0")
    age(store)
    with Index.open(project) as index:
        index.sync(store)
        assert [p for p, _ in index.problems()] == [
            f"events/01evt{1:011d}.json",
            "promotions/m/1.json",
            f"runs/{run_id(2)}.json",
        ]
        assert index.select("SELECT id FROM runs") == [(run_id(1),)]
        assert index.select("SELECT sequence FROM promotions") == [(2,)]
    # Put right again in place, where no folder's mtime tells.
    from exptrack import wire

    Path(store.root, "runs", run_id(2) + ".json").write_bytes(wire.encode(manifest(2)))
    assert ids(project, store) == [run_id(1), run_id(2)]


@pytest.mark.parametrize(
    "rubbish", [b"not a database at all, but long enough to be read as one" * 100, b"SQLite format 3\0"]
)
def test_a_corrupt_index_is_replaced(place, rubbish):
    project, store = place
    add_run(store, 1)
    Path(project.index).write_bytes(rubbish)
    with Index.open(project) as index:
        index.sync(store)
        assert index.select("SELECT id FROM runs") == [(run_id(1),)]
        assert index.warnings == []


def test_pages_that_went_bad_are_noticed_when_they_are_read(place):
    project, store = place
    for number in range(200):
        add_run(store, number, params={f"p{k}": k for k in range(20)})
    age(store)
    whole = contents(project, store)
    size = os.path.getsize(project.index)
    with open(project.index, "r+b") as f:
        f.seek(4096)
        f.write(b"\xa5" * (size - 4096))
    assert contents(project, store) == whole


@pytest.mark.parametrize(
    "spoil",
    ["PRAGMA user_version = 99", "DROP TABLE params", "ALTER TABLE runs ADD COLUMN mine", "PRAGMA user_version = 0"],
)
def test_an_index_of_another_shape_is_rebuilt(place, spoil):
    project, store = place
    add_run(store, 1, params={"a": 1})
    whole = contents(project, store)
    conn = sqlite3.connect(project.index)
    conn.execute(spoil)
    conn.commit()
    conn.close()
    add_run(store, 2, params={"a": 1})
    with Index.open(project) as index:
        index.sync(store)
        assert index.select("SELECT count(*) FROM params") == [(2,)]
        assert len(dump(index)["runs"][0]) == len(whole["runs"][0])
        assert index.select("PRAGMA user_version") == [(schema.VERSION,)]


def test_a_locked_index_is_answered_from_memory(place):
    project, store = place
    add_run(store, 1)
    contents(project, store)
    add_run(store, 2)
    holder = sqlite3.connect(project.index, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with Index.open(project, timeout=0.01) as index:
            index.sync(store)
            assert index.select("SELECT count(*) FROM runs") == [(2,)]
            assert "locked" in index.warnings[0]
        with Index(project.index, timeout=0.01) as index:
            warning = index.add(store, manifest(2))
        assert warning is not None
        assert "locked" in warning
    finally:
        holder.close()
    assert ids(project, store) == [run_id(1), run_id(2)]


def test_reindex_of_a_locked_index_says_so_instead_of_waiting_for_ever(place):
    project, store = place
    add_run(store, 1)
    contents(project, store)
    holder = sqlite3.connect(project.index, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with Index.open(project, timeout=0.01) as index, pytest.raises(ExptrackError, match="cannot be written") as e:
            index.rebuild(store)
        assert "locked" in e.value.hint
    finally:
        holder.close()


def test_a_read_only_folder_is_answered_from_memory(place):
    project, store = place
    add_run(store, 1)
    contents(project, store)
    add_run(store, 2)
    os.chmod(project.index, 0o444)
    os.chmod(project.folder, 0o555)
    try:
        with without_privileges():
            assert ids(project, store) == [run_id(1), run_id(2)]
    finally:
        os.chmod(project.folder, 0o755)


def test_an_index_that_cannot_be_a_file_is_answered_from_memory(place):
    project, store = place
    add_run(store, 1)
    os.mkdir(project.index)
    with Index.open(project) as index:
        index.sync(store)
        assert index.select("SELECT count(*) FROM runs") == [(1,)]
        assert "cannot be used" in index.warnings[0]
    assert "the next `exptrack ls` adds it" in (add(project, store, manifest(1)) or "")


def test_add_puts_one_run_in_and_the_next_reader_the_rest(place):
    project, store = place
    add_run(store, 1)
    made = add_run(store, 2, tags={"a": "b"})
    assert add(project, store, made) is None
    conn = schema.connect(project.index, read_only=True)
    assert conn.execute("SELECT id FROM runs").fetchall() == [(run_id(2),)]
    conn.close()
    assert add(project, store, made) is None  # twice is once
    assert ids(project, store) == [run_id(1), run_id(2)]


def test_add_leaves_an_index_of_another_version_to_the_next_reader(place):
    project, store = place
    contents(project, store)
    conn = sqlite3.connect(project.index)
    conn.execute("PRAGMA user_version = 99")
    conn.close()
    assert add(project, store, add_run(store, 1)) is None
    assert ids(project, store) == [run_id(1)]


def test_text_and_numbers_that_sqlite_cannot_hold(place):
    project, store = place
    add_run(
        store,
        1,
        name="caf\udce9",
        params={"big": 10**30, "huge": 10**400, "nan": float("nan"), "inf": float("inf"), "nul": "a\0b"},
        metrics={"x": float("inf")},
        seconds=float("nan"),
    )
    with Index.open(project) as index:
        index.sync(store)
        assert index.problems() == []
        assert index.select("SELECT name, seconds FROM runs") == [("caf\\udce9", None)]
        found = dict(index.select("SELECT key, value FROM params"))
        assert found == {"big": 1e30, "huge": repr(10**400), "nan": "nan", "inf": float("inf"), "nul": "a\0b"}


def test_a_folder_output_whose_tree_is_gone_leaves_the_run_to_be_found(place):
    project, store = place
    lost = Artifact(kind="model", path="m", digest="d" * 64, size=1, is_tree=True)
    add_run(store, 1, artifacts=(lost,))
    with Index.open(project) as index:
        index.sync(store)
        assert index.select("SELECT path FROM files") == [("m",)]


ADD = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[4]]
from sealed_runs import add_run, make_project
from exptrack.store.index import Index, add
project, store = make_project(Path(sys.argv[1]))
for n in range(int(sys.argv[2]), int(sys.argv[3])):
    made = add_run(store, n, params={"n": n})
    warning = add(project, store, made)
    assert warning is None, warning
    with Index.open(project) as index:
        index.sync(store)
        assert index.select("SELECT count(*) FROM runs WHERE id = ?", (made.id,)) == [(1,)]
"""


def test_several_processes_at_once(place, tmp_path):
    project, store = place
    here = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", ADD, str(tmp_path)]
    workers = [subprocess.Popen([*command, str(k * 8), str(k * 8 + 8), here]) for k in range(4)]
    assert [w.wait() for w in workers] == [0, 0, 0, 0]
    followed = contents(project, store)
    assert len(followed["runs"]) == 32
    with Index.open(project) as index:
        index.rebuild(store)
        assert dump(index) == followed
