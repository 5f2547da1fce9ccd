"""The second snapshot is cheap, and never wrong for being cheap."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from code_folder import CodeFolder, age, repository
from exptrack.store.place import open_store


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    folder = repository(tmp_path / "repo")
    for i in range(6):
        place = folder.write(f"src/f{i}.py", f"# {i}\n")
        os.utime(place, (1_700_000_000 + i, 1_700_000_000.5 + i))
    folder.commit()
    return folder


def test_nothing_is_read_twice(code: CodeFolder) -> None:
    code.write("src/f1.py", "dirty\n")
    code.write("new.py", "untracked\n")
    age(code)
    first = code.take()
    assert len(code.keeper.files) == 7
    second = code.take()
    assert second == first
    assert (code.keeper.files, code.keeper.bytes) == ([], [])


def test_only_an_edited_file_is_read(code: CodeFolder) -> None:
    age(code)
    code.take()
    code.write("src/f2.py", "edited\n")
    state = code.take()
    assert code.keeper.files == ["f2.py"]
    assert code.content(state)["src/f2.py"] == b"edited\n"


def test_an_edit_taken_back_is_seen(code: CodeFolder) -> None:
    code.take()
    code.write("src/f2.py", "edited\n")
    code.take()
    code.write("src/f2.py", "# 2\n")
    assert code.content(code.take())["src/f2.py"] == b"# 2\n"


def test_the_same_size_in_the_same_moment_is_seen(code: CodeFolder) -> None:
    for text in ("aaaa\n", "bbbb\n", "cccc\n"):
        place = code.write("new.py", text)
        os.utime(place, (1_700_000_000, 1_700_000_000))
        assert code.content(code.take())["new.py"] == text.encode()


def test_a_commit_between_keeps_what_is_known(code: CodeFolder) -> None:
    code.write("src/f2.py", "edited\n")
    age(code)
    before = code.take()
    code.commit()
    state = code.take()
    assert state.tree == before.tree
    assert (state.changed, state.dirty) == ((), False)
    assert code.keeper.files == []


def test_an_added_and_a_removed_file(code: CodeFolder) -> None:
    code.take()
    code.write("src/f9.py", "nine\n")
    code.git("add", "src/f9.py")
    code.git("rm", "-qf", "src/f0.py")
    state = code.take()
    assert sorted(code.content(state)) == [f"src/f{i}.py" for i in (1, 2, 3, 4, 5, 9)]


def test_another_store_gets_everything(code: CodeFolder) -> None:
    age(code)
    first = code.take()
    code.store = open_store(str(code.beside / "other"), create=True)
    second = code.take()
    assert second.tree == first.tree
    assert len(code.content(second)) == 6


def test_other_excludes_are_another_snapshot(code: CodeFolder) -> None:
    code.take()
    assert len(code.content(code.take(exclude=("f1.py",)))) == 5
    assert len(code.content(code.take())) == 6


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other version", "json"])
def test_a_cache_that_is_not_whole_is_not_believed(code: CodeFolder, damage: str) -> None:
    code.take()
    cache = code.beside / "cache" / "snapshot"
    data = cache.read_bytes()
    flipped = data[:-30] + bytes([data[-30] ^ 1]) + data[-29:]
    cache.write_bytes(
        {
            "cut": data[:-5],
            "flip": flipped,
            "empty": b"",
            "other version": data.replace(b"[1,", b"[9,", 1),
            "json": b"[]\n",
        }[damage]
    )
    code.write("src/f3.py", "edited\n")
    assert code.content(code.take())["src/f3.py"] == b"edited\n"


def test_a_cache_folder_that_cannot_be_written_costs_no_snapshot(code: CodeFolder) -> None:
    (code.beside / "cache").write_text("in the way")
    state = code.take()
    assert len(code.content(state)) == 6
    assert any("next" in w for w in code.warnings)


def test_any_order_of_edits_gives_the_work_tree(code: CodeFolder) -> None:
    """The cheap way against a fresh look, over a random history of everything people do to a work tree."""
    dice = random.Random(7)
    names = [f"src/f{i}.py" for i in range(8)] + ["a.txt", "b/c.txt"]

    def step() -> None:
        name = dice.choice(names)
        place = code.root / name
        match dice.randrange(8):
            case 0 | 1:
                code.write(name, f"{dice.randrange(100)}\n", mode=dice.choice([0o644, 0o755]))
            case 2 if place.exists():
                place.unlink()
            case 3:
                code.git("add", "-A")
            case 4:
                code.git("add", "-A")
                code.git("commit", "-qm", "x", "--allow-empty")
            case 5:
                code.git("checkout", "-q", ".")
            case 6:
                code.git("stash", "-q")
            case 7:
                code.git("clean", "-qfd")

    for _ in range(60):
        step()
        state = code.take()
        files = {
            str(p.relative_to(code.root)): p.read_bytes()
            for p in code.root.rglob("*")
            if p.is_file() and ".git" not in p.parts
        }
        assert code.content(state) == files
        modes = {p: "100755" if (code.root / p).stat().st_mode & 0o100 else "100644" for p in files}
        assert code.modes(state) == modes
        assert code.warnings == []


def test_the_repository_may_be_gone_afterwards(code: CodeFolder) -> None:
    state = code.take()
    shutil.rmtree(code.root)
    assert len(code.content(state)) == 6
