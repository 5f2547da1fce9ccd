"""Inputs: the same data has the same digest anywhere, and whatever is odd in it is a warning."""

from __future__ import annotations

import hashlib
import os

import pytest

from exptrack.capture import digests
from exptrack.capture.inputs import capture_inputs
from exptrack.model import Declared
from exptrack.store.trees import encode_tree


def sha(data):
    return hashlib.sha256(data).hexdigest()


def capture(tmp_path, *patterns, cwd=None):
    declared = [Declared(label=f"in{n}", pattern=str(p)) for n, p in enumerate(patterns)]
    return capture_inputs(declared, str(cwd or tmp_path), str(tmp_path / ".cache"), encode_tree)


def one(tmp_path, pattern, **options):
    (found,), warnings = capture(tmp_path, pattern, **options)
    return found, warnings


def fill(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_file(tmp_path):
    (tmp_path / "train.csv").write_bytes(b"1,2\n")
    found, warnings = one(tmp_path, "train.csv")
    assert (found.name, found.path, found.digest, found.size, found.files) == ("in0", "train.csv", sha(b"1,2\n"), 4, 1)
    assert warnings == []


def test_a_folder_is_the_same_wherever_it_lies(tmp_path):
    fill(tmp_path / "a", x="1", sub__y="22")
    fill(tmp_path / "elsewhere" / "b", x="1", sub__y="22")
    (a, b), warnings = capture(tmp_path, "a", tmp_path / "elsewhere" / "b")
    assert a.digest == b.digest
    assert (a.size, a.files, warnings) == (3, 2, [])


@pytest.mark.parametrize("change", [{"x": "2"}, {"z": ""}, {"sub__x": "1"}])
def test_a_changed_folder_is_another(tmp_path, change):
    fill(tmp_path / "a", x="1", sub__y="22")
    before, _ = one(tmp_path, "a")
    fill(tmp_path / "a", **change)
    assert one(tmp_path, "a")[0].digest != before.digest


def test_a_glob(tmp_path):
    fill(tmp_path / "data", a__x_csv="1", a__b__y_csv="2", a__z_txt="3")
    flat, _ = one(tmp_path, "data/*/*_csv")
    deep, _ = one(tmp_path, "data/**/*_csv")
    assert (flat.files, deep.files) == (1, 2)
    assert one(tmp_path, tmp_path / "data/**/*_csv", cwd="/")[0].digest == deep.digest
    assert one(tmp_path, "data/a*")[0].files == 3


def test_a_name_that_looks_like_a_glob(tmp_path):
    (tmp_path / "x[1].csv").write_bytes(b"a")
    assert one(tmp_path, "x[1].csv")[0].digest == sha(b"a")


def test_a_missing_input_has_no_digest(tmp_path):
    for pattern in ("gone.csv", "gone/**/*.csv", "s3://bucket/x"):
        found, warnings = one(tmp_path, pattern)
        assert (found.digest, found.size, found.files) == (None, 0, 0)
        assert warnings == [f"input in0: {pattern} is not there"]


def test_our_own_records_are_no_data(tmp_path):
    fill(tmp_path / "a", x="1")
    fill(tmp_path / "b", x="1", **{".exptrack__live__r__log": "grows"})
    assert one(tmp_path, "a")[0].digest == one(tmp_path, "b")[0].digest


def test_an_empty_folder_is_there(tmp_path):
    (tmp_path / "a").mkdir()
    found, warnings = one(tmp_path, "a")
    assert (found.digest, found.files, warnings) == (sha(encode_tree([])), 0, [])


def test_links_are_followed_and_loops_end(tmp_path):
    fill(tmp_path / "blobs", one="1")
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    (data / "x").symlink_to("../blobs/one")
    (data / "sub" / "up").symlink_to("..")
    (data / "more").symlink_to("../blobs")
    found, warnings = one(tmp_path, "data")
    fill(tmp_path / "copy", x="1", more__one="1")
    assert (found.digest, found.files, warnings) == (one(tmp_path, "copy")[0].digest, 2, [])


def test_what_cannot_be_read_is_a_warning_and_no_digest(tmp_path):
    fill(tmp_path / "data", x="1")
    (tmp_path / "data" / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "data" / "pipe")
    found, (warning,) = one(tmp_path, "data")
    assert (found.digest, found.files, found.size) == (None, 1, 1)
    assert "broken: No such file" in warning
    assert "pipe is no file" in warning


def test_many_problems_make_one_short_warning(tmp_path):
    (tmp_path / "data").mkdir()
    for n in range(50):
        (tmp_path / "data" / f"l{n}").symlink_to("nowhere")
    _, (warning,) = one(tmp_path, "data")
    assert warning.endswith("and 47 more")


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x.csv").write_bytes(b"a")
    assert one(tmp_path, "~/x.csv", cwd="/")[0].digest == sha(b"a")


def test_an_unchanged_file_is_not_read_again(tmp_path, monkeypatch):
    real = digests.time.time_ns
    monkeypatch.setattr(digests.time, "time_ns", lambda: real() + 10_000_000_000)
    fill(tmp_path / "data", x="1", y="2")
    before, _ = one(tmp_path, "data")
    monkeypatch.setattr("exptrack.capture.inputs.digest_file", lambda path: pytest.fail(f"read {path} again"))
    assert one(tmp_path, "data")[0] == before


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch):
    real = digests.time.time_ns
    monkeypatch.setattr(digests.time, "time_ns", lambda: real() + 10_000_000_000)
    (tmp_path / ".cache").write_text("in the way")
    (tmp_path / "x").write_bytes(b"a")
    found, (warning,) = one(tmp_path, "x")
    assert found.digest == sha(b"a")
    assert "not remembered" in warning


def test_names_that_are_not_utf8(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/caf\xe9", "wb") as f:
        f.write(b"x")
    found, warnings = one(tmp_path, "data")
    assert found.digest is not None
    assert warnings == []


def test_what_is_written_while_the_run_goes_on_is_told(tmp_path):
    fill(tmp_path / "data", a="1", b="2", c="3")
    declared = [Declared(label="train", pattern="data")]
    said = []
    for is_rewritten in (lambda _: False, lambda info: info.st_size == 1):
        found, warnings = capture_inputs(declared, str(tmp_path), str(tmp_path / ".cache"), encode_tree, is_rewritten)
        assert found[0].digest
        said.append(warnings)
    assert said == [
        [],
        ["input train: data/a and 2 more changed after the run began: the digest may not be that of the bytes it read"],
    ]
