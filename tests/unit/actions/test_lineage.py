"""lineage: up, down, in a diamond, through folders, live runs, and as a graph."""

from __future__ import annotations

import pytest

from exptrack.actions.holdings import read_words
from exptrack.actions.lineage import dot, lineage
from exptrack.actions.present.trust import lineage_json
from exptrack.actions.retain import Inventory
from exptrack.cli.trustview import print_lineage
from exptrack.model import Artifact, Input, StoredFile
from exptrack.store.trees import encode_tree
from made import digest_of, file_artifact
from made_runs import piped, text_of, tree_of
from sealed_runs import add_run, make_project, run_id


def uses(*texts: bytes) -> tuple[Input, ...]:
    return tuple(
        Input(name=t.decode(), path=f"in/{t.decode()}", digest=digest_of(t), size=len(t), files=1) for t in texts
    )


@pytest.fixture
def place(tmp_path):
    """1 prepares data; 2 and 3 train on it; 4 joins both; 5 has nothing to do with them."""
    project, store = make_project(tmp_path)
    data = tree_of(store, {"train.csv": b"train", "test.csv": b"test"})
    folder = Artifact(kind="data", path="data", digest=data, size=9, files=2, is_tree=True)
    add_run(store, 1, artifacts=(folder,), name="prepare")
    for number, name in ((2, b"left"), (3, b"right")):
        add_run(store, number, inputs=uses(b"train"), artifacts=(file_artifact(store, "model", f"{number}.pt", name),))
    add_run(store, 4, inputs=uses(b"left", b"right", b"test"), name='the "best"')
    add_run(store, 5, artifacts=(file_artifact(store, "model", "x", b"x"),))
    return project, store


def test_up_and_down_from_the_middle(place):
    family = lineage(*place, run_id(2))
    assert (family.up, family.down) == ((run_id(1),), (run_id(4),))
    assert [(m.path, u.name) for m, u in family.links if u.run == run_id(2)] == [("data/train.csv", "train")]


def test_a_diamond_is_told_once(place):
    family = lineage(*place, run_id(1))
    assert set(family.down) == {run_id(n) for n in (2, 3, 4)}
    assert set(lineage(*place, run_id(4)).up) == {run_id(n) for n in (1, 2, 3)}
    screen = piped()
    print_lineage(screen, family)
    assert text_of(screen).count("see above") == 2


def test_the_tree_on_a_screen(place):
    screen = piped()
    print_lineage(screen, lineage(*place, run_id(2)))
    assert text_of(screen).splitlines() == [
        "came from",
        f"└─ {run_id(1)}  prepare  finished  data/train.csv as train",
        "",
        f"{run_id(2)}  finished",
        "",
        "led to",
        f'└─ {run_id(4)}  the "best"  finished  2.pt as left',
    ]


def test_a_run_without_family(place):
    family = lineage(*place, run_id(5))
    assert (family.up, family.down, family.links) == ((), (), ())
    screen = piped()
    print_lineage(screen, family)
    assert "none of its inputs" in text_of(screen)


def test_as_json_and_as_a_graph(place):
    family = lineage(*place, run_id(3))
    data = lineage_json(family)
    assert data["run"] == run_id(3)
    assert [r["run"] for r in data["runs"]] == [run_id(1), run_id(3), run_id(4)]
    first = data["links"][0]
    assert (first["from"], first["to"], first["path"]) == (run_id(1), run_id(3), "data/train.csv")
    text = dot(family)
    assert text.startswith("digraph lineage {")
    assert f'"{run_id(3)}" -> "{run_id(4)}" [label="3.pt as right"];' in text
    assert 'label="the \\"best\\"\\n' in text


def test_a_chain_of_a_thousand_runs(tmp_path):
    project, store = make_project(tmp_path)
    for i in range(1200):
        artifact = Artifact(kind="model", path="m", digest=digest_of(b"%d" % i), size=1)
        add_run(store, i, artifacts=(artifact,), inputs=uses(b"%d" % (i - 1)))
    family = lineage(project, store, run_id(1199))
    assert len(family.up) == 1199
    screen = piped()
    print_lineage(screen, family)
    assert len(text_of(screen).splitlines()) == 1202


def test_a_copy_of_a_kept_folder_is_linked_though_modes_and_links_are_gone(tmp_path):
    project, store = make_project(tmp_path)
    link = StoredFile(path="latest", digest=store.objects.add_bytes(b"run.sh"), size=6, mode="120000")
    script = StoredFile(path="run.sh", digest=store.objects.add_bytes(b"#!"), size=2, mode="100755")
    tree = store.objects.add_bytes(encode_tree([link, script]))
    add_run(store, 1, artifacts=(Artifact(kind="data", path="out", digest=tree, size=8, files=2, is_tree=True),))
    plain = [StoredFile(path=n, digest=script.digest, size=2) for n in ("latest", "run.sh")]
    copied = Input(name="in", path="copy", digest=digest_of(encode_tree(plain)), size=4, files=2)
    add_run(store, 2, inputs=(copied,))
    family = lineage(project, store, run_id(2))
    assert family.up == (run_id(1),)
    assert [(m.path, u.name) for m, u in family.links] == [("out", "in")]
    assert [(i.made.run, i.used.run) for i in Inventory(project, store, read_words(store)).links()] == [
        (run_id(1), run_id(2))
    ]
