"""`get`: the bytes, checked, and not one of them outside the folder that was named or over what is in no store."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.actions.fetch import get, safe_path
from exptrack.errors import Damaged, ExptrackError, NoSuchRun
from exptrack.model import Artifact, StoredFile
from exptrack.store.objects import Objects
from exptrack.store.place import Store, open_store
from exptrack.store.trees import encode_tree, path_problem
from made import digest_of, file_artifact, run


@pytest.fixture
def target(tmp_path):
    """The folder to fetch into, with something precious beside it."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "precious").write_bytes(b"precious")
    return tmp_path / "out"


def tree(store, kind, path, *entries):
    files = [
        StoredFile(path=p, digest=store.objects.add_bytes(data), size=len(data), mode=mode) for p, mode, data in entries
    ]
    digest = store.objects.add_bytes(encode_tree(files))
    return Artifact(kind=kind, path=path, digest=digest, size=0, files=len(files), is_tree=True)


def files(folder):
    """Relative path -> bytes, or the target of a link."""
    out = {}
    for place, folders, names in os.walk(folder):
        for name in names + [f for f in folders if os.path.islink(os.path.join(place, f))]:
            full = os.path.join(place, name)
            key = os.path.relpath(full, folder)
            out[key] = "-> " + os.readlink(full) if os.path.islink(full) else pathlib.Path(full).read_bytes()
    return out


def test_files_and_folders_come_back_as_they_were(store, target):
    made = run(
        artifacts=(
            file_artifact(store, "model", "w/m.pt", b"weights"),
            file_artifact(store, "tool", "run.sh", b"#!", mode="100755"),
            tree(store, "split", "data/split", ("a", "100644", b"a"), ("b/c", "100755", b"c"), ("l", "120000", b"b/c")),
            tree(store, "empty", "nothing"),
        )
    )
    fetched = get(store, made, [], str(target))
    assert files(target) == {
        "w/m.pt": b"weights",
        "run.sh": b"#!",
        "data/split/a": b"a",
        "data/split/b/c": b"c",
        "data/split/l": "-> b/c",
    }
    assert [os.path.relpath(f.path, target) for f in fetched] == ["w/m.pt", "run.sh", "data/split", "nothing"]
    assert (target / "nothing").is_dir()
    modes = {name: stat.S_IMODE((target / name).stat().st_mode) for name in ("w/m.pt", "run.sh", "data/split/b/c")}
    assert modes == {"w/m.pt": 0o644, "run.sh": 0o755, "data/split/b/c": 0o755}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["model"], ["w/a.pt", "w/b.pt"]),
        (["w/a.pt"], ["w/a.pt"]),
        (["b.pt"], ["w/b.pt"]),
        (["w/*"], ["w/a.pt", "w/b.pt"]),
        (["split", "a.pt", "model"], ["s.json", "w/a.pt", "w/b.pt"]),
    ],
)
def test_kinds_paths_names_and_globs_pick(store, target, names, expected):
    made = run(
        artifacts=(
            file_artifact(store, "model", "w/a.pt", b"a"),
            file_artifact(store, "model", "w/b.pt", b"b"),
            file_artifact(store, "split", "s.json", b"s"),
        )
    )
    fetched = get(store, made, names, str(target))
    assert sorted(files(target)) == sorted(expected)
    assert len(fetched) == len(expected)


def test_a_name_nothing_answers_to_lists_what_there_is(store, target):
    made = run(artifacts=(file_artifact(store, "model", "m.pt", b"x"),))
    with pytest.raises(NoSuchRun) as e:
        get(store, made, ["model", "tokenizer"], str(target))
    assert e.value.exit_code == 3
    assert "tokenizer" in e.value.message
    assert "model (m.pt)" in e.value.hint
    assert not target.exists()


def test_a_run_without_artifacts_says_how_to_have_some(store, target):
    with pytest.raises(NoSuchRun, match="kept no artifacts") as e:
        get(store, run(), [], str(target))
    assert "-o model=" in e.value.hint


def test_again_into_the_same_folder_and_a_newer_run_over_an_older_one(store, target):
    old = run(artifacts=(file_artifact(store, "model", "m.pt", b"old"), tree(store, "d", "d", ("l", "120000", b"x"))))
    new = run(artifacts=(file_artifact(store, "model", "m.pt", b"new"),))
    get(store, old, [], str(target))
    get(store, old, [], str(target))
    get(store, new, [], str(target))
    assert files(target) == {"m.pt": b"new", "d/l": "-> x"}


# --- nothing is lost -------------------------------------------------------------------------------------------------


def put_file(path):
    path.write_bytes(b"only here")


def put_link(path):
    path.symlink_to("only-here")


def put_folder(path):
    path.mkdir()
    (path / "x").write_bytes(b"only here")


@pytest.mark.parametrize("put", [put_file, put_link, put_folder])
def test_what_is_in_the_way_and_in_no_store_is_not_touched(store, target, put):
    target.mkdir()
    put(target / "m.pt")
    before = files(target)
    made = run(artifacts=(file_artifact(store, "model", "m.pt", b"weights"),))
    with pytest.raises(ExptrackError, match="in the way") as e:
        get(store, made, [], str(target))
    assert e.value.exit_code == 2
    assert e.value.hint
    assert files(target) == before


def test_a_file_in_the_way_is_found_before_anything_is_written(store, target):
    (target / "d").mkdir(parents=True)
    put_file(target / "d" / "z")
    made = run(
        artifacts=(
            file_artifact(store, "model", "m.pt", b"w"),
            tree(store, "d", "d", ("a", "100644", b"a"), ("z", "100644", b"z")),
        )
    )
    with pytest.raises(ExptrackError, match="in the way"):
        get(store, made, [], str(target))
    assert files(target) == {"d/z": b"only here"}


def test_a_file_where_a_folder_is_needed_is_in_the_way(store, target):
    target.mkdir()
    put_file(target / "w")
    with pytest.raises(ExptrackError, match="in the way"):
        get(store, run(artifacts=(file_artifact(store, "model", "w/m.pt", b"x"),)), [], str(target))
    assert files(target) == {"w": b"only here"}


def test_two_artifacts_of_one_name_both_arrive(store, target):
    made = run(
        artifacts=(
            file_artifact(store, "model", "/a/m.pt", b"1"),
            file_artifact(store, "best", "/b/m.pt", b"2"),
            file_artifact(store, "best", "/c/m.pt", b"3"),
            file_artifact(store, "../x", "/d/m.pt", b"4"),
        )
    )
    fetched = get(store, made, [], str(target))
    assert sorted(files(target).values()) == [b"1", b"2", b"3", b"4"]
    assert [files(target)[os.path.relpath(f.path, target)] for f in fetched] == [b"1", b"2", b"3", b"4"]


# --- nothing goes elsewhere ------------------------------------------------------------------------------------------

PATHS = {
    "/etc/passwd": "passwd",
    "../../x": "x",
    "a/../../b": "b",
    "..": "artifact",
    "/": "artifact",
    "": "artifact",
    ".": "artifact",
    "a/..": "artifact",
    "a\0b": "artifact",
    chr(0xD800): "artifact",
    "./a//b/": "a/b",
    "...": "...",
    "~/x": "~/x",
    "ü": "ü",
    "\udcff": "\udcff",
}


@pytest.mark.parametrize(("path", "safe"), PATHS.items(), ids=map(ascii, PATHS))
def test_a_recorded_path_lands_below_the_target(store, tmp_path, target, path, safe):
    assert safe_path(path) == safe
    before = files(tmp_path / "beside")
    get(store, run(artifacts=(file_artifact(store, "model", path, b"w"),)), [], str(target))
    assert files(target) == {safe: b"w"}
    assert files(tmp_path / "beside") == before


@given(path=st.text(st.characters()) | st.lists(st.sampled_from(["..", ".", "", "a", "\0", "~"])).map("/".join))
def test_whatever_the_path_a_safe_one_may_be_in_a_folder(path):
    assert path_problem(safe_path(path)) is None


def test_a_link_that_is_there_already_is_not_gone_through(store, tmp_path, target):
    target.mkdir()
    (target / "w").symlink_to(tmp_path / "beside")
    for artifact in (
        file_artifact(store, "model", "w/precious", b"x"),
        tree(store, "d", "w", ("precious", "100644", b"x")),
    ):
        with pytest.raises(ExptrackError, match="in the way"):
            get(store, run(artifacts=(artifact,)), [], str(target))
    assert files(tmp_path / "beside") == {"precious": b"precious"}


def test_a_link_of_the_tree_is_not_gone_through_by_another_artifact(store, tmp_path, target):
    """First a link out of the folder, then a file behind it."""
    out = tree(store, "a", "d", ("evil", "120000", os.fsencode(tmp_path / "beside")))
    behind = file_artifact(store, "b", "d/evil/precious", b"x")
    for artifacts in ((out, behind), (behind, out)):
        with pytest.raises(ExptrackError):
            get(store, run(artifacts=artifacts), [], str(target))
    assert files(tmp_path / "beside") == {"precious": b"precious"}


def test_a_link_of_an_earlier_fetch_is_not_gone_through_by_a_later_one(store, tmp_path, target):
    get(store, run(artifacts=(tree(store, "a", "d", ("evil", "120000", b"../../beside")),)), [], str(target))
    with pytest.raises(ExptrackError):
        get(store, run(artifacts=(tree(store, "b", "d", ("evil/precious", "100644", b"x")),)), [], str(target))
    with pytest.raises(ExptrackError):
        get(store, run(artifacts=(file_artifact(store, "b", "d/evil", b"x"),)), [], str(target))
    assert files(tmp_path / "beside") == {"precious": b"precious"}


@pytest.mark.parametrize("mode", ["104777", "120000", "060644", "abc", "", "7" * 400])
def test_a_forged_mode_gives_a_plain_file(store, target, mode):
    get(store, run(artifacts=(file_artifact(store, "model", "m", b"/etc/passwd", mode=mode),)), [], str(target))
    assert files(target) == {"m": b"/etc/passwd"}
    assert stat.S_IMODE((target / "m").stat().st_mode) == 0o644


@pytest.mark.parametrize("digest", ["../../x", "", "0" * 63])
def test_a_forged_digest_is_damage(store, target, digest):
    for is_tree in (False, True):
        forged = Artifact(kind="model", path="m", digest=digest, size=1, is_tree=is_tree)
        with pytest.raises(Damaged):
            get(store, run(artifacts=(forged,)), [], str(target))
    assert not target.exists() or files(target) == {}


def test_a_file_that_is_called_a_tree_is_damage(store, target):
    forged = Artifact(kind="m", path="m", digest=store.objects.add_bytes(b"no tree"), size=7, is_tree=True)
    with pytest.raises(Damaged):
        get(store, run(artifacts=(forged,)), [], str(target))


def test_missing_bytes_are_exit_6(store, target):
    gone = Artifact(kind="model", path="m.pt", digest=digest_of(b"gone"), size=4)
    with pytest.raises(Damaged) as e:
        get(store, run(artifacts=(gone,)), [], str(target))
    assert e.value.exit_code == 6


def test_what_fails_leaves_no_empty_folder(store, target):
    gone = Artifact(kind="model", path="deep/m.pt", digest=digest_of(b"gone"), size=4)
    altered = file_artifact(store, "model", "deep/er/m.pt", b"altered")
    path = pathlib.Path(store.objects.path(altered.digest))
    path.chmod(0o644)
    path.write_bytes(b"ALTERED")
    for artifact in (gone, altered):
        with pytest.raises(Damaged):
            get(store, run(artifacts=(artifact,)), [], str(target / "new" / "out"))
        assert not target.exists()
    good = file_artifact(store, "good", "a", b"good")
    with pytest.raises(Damaged):
        get(store, run(artifacts=(good, altered)), [], str(target / "new" / "out"))
    assert files(target) == {"new/out/a": b"good"}
    assert not (target / "new" / "out" / "deep").exists()


def test_a_folder_that_was_there_stays(store, target):
    target.mkdir()
    with pytest.raises(Damaged):
        get(store, run(artifacts=(Artifact(kind="m", path="m", digest=digest_of(b"gone"), size=4),)), [], str(target))
    assert target.is_dir()


def test_links_that_lead_out_of_the_folder_are_named(store, target):
    rows = (
        ("in", "120000", b"a"),
        ("a", "100644", b"a"),
        ("up", "120000", b"../../beside"),
        ("abs", "120000", b"/etc"),
    )
    kept, other = tree(store, "split", "d", *rows), file_artifact(store, "model", "m", b"m")
    found = get(store, run(artifacts=(kept, other)), [], str(target))
    assert [sorted(f.leading_out) for f in found] == [[str(target / "d" / "abs"), str(target / "d" / "up")], []]


TARGETS = st.lists(st.sampled_from(["..", ".", "a", "b", "d"]), min_size=1, max_size=5).map("/".join)


@given(links=st.dictionaries(st.sampled_from(["a", "b", "d/a", "d/b", "d/d/a"]), TARGETS, max_size=4))
def test_no_links_make_a_second_fetch_leave_the_folder(tmp_path_factory, links):
    top = tmp_path_factory.mktemp("t")
    store = open_store(str(top / "store"), create=True)
    assert isinstance(store, Store)
    assert isinstance(store.objects, Objects)
    rows = [(path, "120000", to.encode()) for path, to in links.items()]
    first = run(artifacts=(tree(store, "x", "t", *rows),))
    second = run(artifacts=tuple(file_artifact(store, "y", f"t/{p}/new", b"new") for p in ["", *links]))
    (top / "deep" / "er").mkdir(parents=True)
    for made in (first, second):
        try:
            get(store, made, [], str(top / "deep" / "er" / "out"))
        except ExptrackError:
            continue
    new = [os.path.join(d, f) for d, _, names in os.walk(top) for f in names if f == "new"]
    assert all(path.startswith(str(top / "deep" / "er" / "out" / "t")) for path in new)
