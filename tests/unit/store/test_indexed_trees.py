"""A folder's files are in the index once, are found for every run that kept them, and are read block by block."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exptrack.model import Artifact, StoredFile
from exptrack.store import objects
from exptrack.store.as_read import digest_as_read
from exptrack.store.index import Index
from exptrack.store.indexed_trees import LINE, add_trees
from exptrack.store.trees import encode_tree
from made import digest_of
from sealed_runs import add_run, make_project, run_id


@pytest.fixture
def place(tmp_path: Path):
    return make_project(tmp_path)


def keep(store, number, files, path="out"):
    tree = store.objects.add_bytes(encode_tree(files))
    artifact = Artifact(kind="m", path=path, digest=tree, size=1, files=len(files), is_tree=True)
    add_run(store, number, artifacts=(artifact,))
    return tree


def plain(*names, mode="100644"):
    return [StoredFile(path=n, digest=digest_of(n.encode()), size=1, mode=mode) for n in names]


def synced(place):
    project, store = place
    index = Index.open(project)
    index.sync(store)
    return index


def test_two_runs_with_the_same_folder_share_its_rows(place):
    files = plain("a", "b/c")
    keep(place[1], 1, files)
    keep(place[1], 2, files, "elsewhere")
    with synced(place) as index:
        assert index.select("SELECT count(*) FROM listed") == [(2,)]
        where = "SELECT run, kind, path, size FROM files WHERE digest = ? ORDER BY run"
        assert index.select(where, (files[1].digest,)) == [
            (run_id(1), "m", "out/b/c", 1),
            (run_id(2), "m", "elsewhere/b/c", 1),
        ]


def test_what_no_run_keeps_any_more_goes(place):
    keep(place[1], 1, plain("a"))
    keep(place[1], 2, plain("b"))
    with synced(place) as index:
        assert index.select("SELECT path FROM listed ORDER BY path") == [("a",), ("b",)]
    os.unlink(os.path.join(place[1].records.runs, run_id(1) + ".json"))
    with synced(place) as index:
        assert index.select("SELECT path FROM listed") == [("b",)]
        assert index.select("SELECT count(*) FROM listings") == [(1,)]


@pytest.mark.parametrize("block", [1, 90, 1 << 18])
@pytest.mark.parametrize(
    "files",
    [
        [],
        plain(*(f"d/{i:03d}" for i in range(50))),
        [*plain("a"), *plain("b", mode="100755")],
        [StoredFile(path="a", digest=digest_of(b"b"), size=1, mode="120000"), *plain("b")],
        [StoredFile(path="a", digest=digest_of(b"nowhere"), size=1, mode="120000"), *plain("b")],
    ],
    ids=["empty", "plain", "executable", "link", "link to nothing"],
)
def test_a_folder_is_found_as_what_whoever_reads_it_sees(place, monkeypatch, files, block):
    monkeypatch.setattr(objects, "BLOCK", block)
    tree = keep(place[1], 1, files)
    with synced(place) as index:
        assert index.select("SELECT digest, as_read FROM listings") == [(tree, digest_as_read(files))]
        assert index.select("SELECT path FROM listed ORDER BY path") == [(f.path,) for f in files]


@pytest.mark.parametrize("wrong", [b"", b"no tree", b'{"tree":1}\n["a","100644",1,"x"]\n', b'{"tree":9}\n'])
def test_a_damaged_listing_leaves_no_half_of_it(place, wrong):
    tree = keep(place[1], 1, plain("a", "b"))
    place_of_tree = Path(place[1].objects.path(tree))
    whole = place_of_tree.read_bytes()
    place_of_tree.chmod(0o600)
    for bad in (wrong, whole.replace(b'"b"', b'"c"')):
        place_of_tree.write_bytes(bad)
        with synced(place) as index:
            assert index.select("SELECT path FROM files") == [("out",)]
            assert index.select("SELECT count(*) FROM listings") == [(0,)]
    place_of_tree.write_bytes(whole)
    with synced(place) as index:
        add_trees(index._conn, place[1], [place[1].records.manifest(run_id(1))])
        assert index.select("SELECT count(*) FROM files") == [(3,)]


@pytest.mark.parametrize("digest", ["\ud800" + "a" * 63, "../../etc/passwd", "a" * 63, ""])
def test_a_forged_digest_hides_neither_its_run_nor_others(place, digest):
    files = plain("a")
    keep(place[1], 1, files)
    forged = Artifact(kind="m", path="out", digest=digest, size=1, files=1, is_tree=True)
    add_run(place[1], 2, artifacts=(forged,))
    with synced(place) as index:
        assert index.select("SELECT count(*) FROM runs") == [(2,)]
        assert index.select("SELECT run FROM files WHERE digest = ?", (files[0].digest,)) == [(run_id(1),)]


def test_what_has_no_lines_is_given_up_early(place):
    tree = keep(place[1], 1, plain("a"))
    path = place[1].objects.path(tree)
    os.chmod(path, 0o600)
    with open(path, "wb") as f:
        f.truncate(64 * LINE)
    project, store = place
    read, seen = store.objects.pieces, []
    store.objects.pieces = lambda digest: (seen.append(len(piece)) or piece for piece in read(digest))
    with Index.open(project) as index:
        index.sync(store)
        assert index.select("SELECT count(*) FROM runs") == [(1,)]
    assert 0 < sum(seen) <= 2 * LINE
