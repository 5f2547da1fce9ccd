"""Two snapshots compared: which files, how many lines, and a patch that the real `git apply` takes."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_folder import CodeFolder
from exptrack.actions import lines
from exptrack.actions.diff_code import diff_trees
from exptrack.actions.patch import patch, quote
from exptrack.comparison import Change
from exptrack.errors import Damaged
from exptrack.model import StoredFile
from exptrack.store.trees import encode_tree

File = bytes | tuple[str, bytes]


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    return CodeFolder(tmp_path / "work")


def tree(code: CodeFolder, files: dict[str, File]) -> str:
    add = code.store.objects.add_bytes
    entries = []
    for path, file in files.items():
        mode, data = file if isinstance(file, tuple) else ("100644", file)
        entries.append(StoredFile(path=path, digest=add(data), size=len(data), mode=mode))
    return add(encode_tree(entries))


def diff(code: CodeFolder, a: dict[str, File], b: dict[str, File]) -> dict[str, Change]:
    return {c.key: c for c in diff_trees(code.store, tree(code, a), tree(code, b))}


def applied(code: CodeFolder, a: dict[str, File], b: dict[str, File]) -> dict[str, File]:
    """Write `a` into the folder, apply the patch to `b` with git, and read the folder back."""
    for path, file in a.items():
        mode, data = file if isinstance(file, tuple) else ("100644", file)
        if mode == "120000":
            (code.root / path).parent.mkdir(parents=True, exist_ok=True)
            (code.root / path).symlink_to(os.fsdecode(data))
        else:
            code.write(path, data, mode=0o755 if mode == "100755" else 0o644)
    text = "".join(patch(code.store, tree(code, a), tree(code, b)))
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"],
        cwd=code.root,
        input=text.encode("utf-8", "surrogateescape"),
        capture_output=True,
    )
    assert done.returncode == 0, f"{done.stderr.decode()}\n{text}"
    out: dict[str, File] = {}
    for place in code.root.rglob("*"):
        path = str(place.relative_to(code.root))
        if place.is_symlink():
            out[path] = ("120000", os.fsencode(os.readlink(place)))
        elif place.is_file():
            is_executable = place.stat().st_mode & 0o100
            out[path] = ("100755", place.read_bytes()) if is_executable else place.read_bytes()
    return out


def test_added_removed_and_changed_lines(code: CodeFolder) -> None:
    a: dict[str, File] = {"same": b"1\n", "gone": b"1\n2\n", "edited": b"1\n2\n3\n"}
    b: dict[str, File] = {"same": b"1\n", "new": b"1\n2\n3\n", "edited": b"1\ntwo\n3\nfour\n"}
    assert list(diff(code, a, b).values()) == [
        Change(key="edited", kind="changed", added_lines=2, removed_lines=1),
        Change(key="gone", kind="removed", added_lines=0, removed_lines=2),
        Change(key="new", kind="added", added_lines=3, removed_lines=0),
    ]


def test_same_trees_and_no_trees(code: CodeFolder) -> None:
    one = tree(code, {"a": b"1\n"})
    assert list(diff_trees(code.store, one, one)) == []
    assert list(patch(code.store, one, one)) == []
    assert [c.kind for c in diff_trees(code.store, None, one)] == ["added"]
    assert [c.kind for c in diff_trees(code.store, one, None)] == ["removed"]


def test_without_lines_no_file_is_read(code: CodeFolder) -> None:
    a, b = tree(code, {"x": b"1\n"}), tree(code, {"x": b"2\n"})
    os.unlink(code.store.objects.path(code.store.objects.add_bytes(b"2\n")))
    assert list(diff_trees(code.store, a, b, with_lines=False)) == [Change(key="x", kind="changed")]
    with pytest.raises(Damaged):
        list(diff_trees(code.store, a, b))


def test_a_moved_file_is_one_change(code: CodeFolder) -> None:
    a: dict[str, File] = {"old.py": b"1\n", "twin/a": b"t\n", "twin/b": b"t\n", "empty": b""}
    b: dict[str, File] = {"pkg/new.py": b"1\n", "twin/c": b"t\n", "also-empty": b""}
    found = diff(code, a, b)
    assert found["pkg/new.py"] == Change(
        key="pkg/new.py",
        kind="changed",
        before="old.py",
        after="pkg/new.py",
        added_lines=0,
        removed_lines=0,
        note="renamed from old.py",
    )
    assert found["twin/c"].note == "renamed from twin/a"
    assert found["twin/b"].kind == "removed"
    assert {k: c.kind for k, c in found.items() if "empty" in k} == {"empty": "removed", "also-empty": "added"}


def test_modes_binaries_and_large_files_are_told(code: CodeFolder) -> None:
    large = b"x\n" * lines.LARGEST
    a: dict[str, File] = {"run": b"1\n", "bin": b"\0a", "link": b"1\n", "large": large}
    b: dict[str, File] = {"run": ("100755", b"1\n"), "bin": b"\0b", "link": ("120000", b"run"), "large": large + b"y\n"}
    found = diff(code, a, b)
    assert (found["run"].note, found["run"].added_lines) == ("a file, now executable", 0)
    assert (found["bin"].note, found["bin"].added_lines) == ("binary", None)
    assert found["link"].note == "a file, now a symlink"
    assert (found["large"].note, found["large"].removed_lines) == ("too large to compare by lines", None)


def test_a_damaged_tree_says_which(code: CodeFolder) -> None:
    good = tree(code, {"a": b"1\n"})
    with pytest.raises(Damaged, match="the code snapshot"):
        list(diff_trees(code.store, good, code.store.objects.add_bytes(b"no tree")))


def test_git_applies_the_patch(code: CodeFolder) -> None:
    many = [b"line %d\n" % i for i in range(60)]
    a: dict[str, File] = {
        "edited.py": b"".join(many),
        "gone.py": b"1\n",
        "gone-empty": b"",
        "moved.py": b"moved\n",
        "run.sh": b"#!/bin/sh\n",
        "link": ("120000", b"edited.py"),
        "becomes-link": b"file\n",
        "becomes-file": ("120000", b"somewhere"),
        "no newline": b"one\ntwo",
        "gains newline": b"one\ntwo",
        "binary": bytes(range(256)) * 9,
        "old binary": b"\0old",
        "crlf.txt": b"a\r\nb\r\nc\x0c\x0bd\n",
        "latin.py": b"caf\xe9\n",
        'odd "name"\t.py': b"1\n",
        "ünïcode name.py": b"1\n",
        "becomes a folder": b"1\n",
    }
    b: dict[str, File] = {
        "edited.py": b"".join([*many[:3], b"new\n", *many[3:30], *many[33:58], b"end\n"]),
        "deep/er/moved.py": b"moved\n",
        "run.sh": ("100755", b"#!/bin/sh\necho\n"),
        "link": ("120000", b"run.sh"),
        "becomes-link": ("120000", b"run.sh"),
        "becomes-file": b"file\n",
        "no newline": b"one\nthree",
        "gains newline": b"one\ntwo\n",
        "binary": bytes(range(255, -1, -1)) * 11,
        "new binary": b"\0new" * 40,
        "new-empty": b"",
        "new.py": ("100755", b"1\n2"),
        "crlf.txt": b"a\r\nB\r\nc\x0c\x0bd\n",
        "latin.py": b"caf\xe9s\n",
        'odd "name"\t.py': b"2\n",
        "ünïcode name.py": b"2\n",
        "becomes a folder/x": b"2\n",
    }
    assert applied(code, a, b) == b


def test_a_large_binary_is_only_named(code: CodeFolder) -> None:
    a, b = tree(code, {"m.bin": b"\0" * (1 << 20)}), tree(code, {"m.bin": b"\0" * ((1 << 20) + 1)})
    assert list(patch(code.store, a, b))[-1] == "Binary files a/m.bin and b/m.bin differ\n"


def test_random_edits_apply(code: CodeFolder, tmp_path: Path) -> None:
    dice = random.Random(3)
    for i in range(25):
        before = [b"%d\n" % dice.randrange(12) for _ in range(dice.randrange(40))]
        after = list(before)
        for _ in range(dice.randrange(1, 8)):
            at = dice.randrange(len(after) + 1)
            after[at : at + dice.randrange(3)] = [b"%d\n" % dice.randrange(12)] * dice.randrange(3)
        text_b = b"".join(after) + (b"tail" if dice.random() < 0.3 else b"end\n")
        other = CodeFolder(tmp_path / f"w{i}")
        assert applied(other, {"f": b"".join(before), "g": b"stays\n"}, {"f": text_b, "g": b"stays\n"})["f"] == text_b


@pytest.mark.parametrize("limit", ["PAIRS", "LINES"])
def test_huge_texts_still_give_a_right_patch(code: CodeFolder, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(lines, limit, 10)
    a = b"".join(b"%d\n" % (i % 7) for i in range(300))
    b = b"".join(b"%d\n" % (i % 5) for i in range(300))
    assert applied(code, {"f": a}, {"f": b}) == {"f": b}


@given(st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n"])), st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n"])))
def test_blocks_cover_both_texts(a: list[bytes], b: list[bytes]) -> None:
    blocks = lines.compare(a, b)
    assert [x for k in blocks for x in a[k.a0 : k.a1]] == a
    assert [x for k in blocks for x in b[k.b0 : k.b1]] == b
    assert all(a[k.a0 : k.a1] == b[k.b0 : k.b1] for k in blocks if k.is_equal)
    added, removed = lines.count(blocks)
    assert len(b) - len(a) == added - removed


def test_quoting_is_gits() -> None:
    assert quote("a/plain name.py") == "a/plain name.py"
    assert quote('a/"x"\\\n') == '"a/\\"x\\"\\\\\\n"'
    assert quote("a/caf\udce9") == '"a/caf\\351"'
    assert quote("a/é\x7f") == '"a/\\303\\251\\177"'
