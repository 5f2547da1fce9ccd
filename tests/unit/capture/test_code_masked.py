"""Snapshots of code with secrets in it: all files alike, the second one free, nothing in clear in the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from code_folder import CodeFolder, age, repository
from exptrack.capture.masked_copy import LISTED, PIECE, WHOLE, Masking
from exptrack.capture.masks import MARK
from exptrack.errors import NotStarted
from made_tokens import named, pem, tokens

TOKENS = tokens(11)
TOKEN, OTHER = TOKENS["github"], TOKENS["hugging face"]
LINE = f'import os\n\nclient = make("{TOKEN}")\n'
MASKED = LINE.replace(TOKEN, MARK.decode()).encode()


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    folder = repository(tmp_path / "repo")
    folder.write("clean.py", LINE)
    folder.write("edited.py")
    folder.write("plain.py")
    folder.commit()
    folder.write("edited.py", LINE)
    folder.write("new.py", LINE)
    return folder


def everything(code: CodeFolder) -> bytes:
    return b"".join(p.read_bytes() for p in code.beside.rglob("*") if p.is_file())


def test_clean_edited_and_new_files_are_masked_alike(code: CodeFolder) -> None:
    state = code.take()
    content = code.content(state)
    assert {content[name] for name in ("clean.py", "edited.py", "new.py")} == {MASKED}
    assert content["plain.py"] == b"x = 1\n"
    assert state.masked == ("clean.py:3", "edited.py:3", "new.py:3")
    assert TOKEN.encode() not in everything(code)
    assert (code.root / "new.py").read_text() == LINE
    assert code.warnings == []


def test_the_second_snapshot_reads_nothing_and_says_the_same(code: CodeFolder) -> None:
    age(code)
    first = code.take()
    second = code.take()
    assert (code.keeper.files, code.keeper.bytes) == ([], [])
    assert second == first
    code.write("plain.py", "x = 2\n")
    third = code.take()
    assert code.keeper.files == ["plain.py"]
    assert third.masked == first.masked


def test_a_secret_that_is_taken_out_is_named_no_more(code: CodeFolder) -> None:
    code.take()
    code.write("clean.py", "x = 1\n")
    code.write("new.py", "x = 1\n")
    assert code.take().masked == ("edited.py:3",)
    code.commit()
    assert code.take().masked == ("edited.py:3",)


def test_a_change_of_the_setting_is_no_matter_of_the_cache(code: CodeFolder) -> None:
    age(code)
    masked = code.take()
    kept = code.take(secrets="keep")
    assert code.content(kept)["clean.py"] == LINE.encode()
    assert kept.masked == ()
    again = code.take()
    assert again.tree == masked.tree
    assert again.masked == masked.masked
    assert code.take(places=("new.py", "clean.py")).masked == ("edited.py:3",)
    assert code.content(code.take(places=("*.py",)))["clean.py"] == LINE.encode()
    assert code.take().tree == masked.tree


def test_a_name_that_is_allowed_keeps_its_value(code: CodeFolder) -> None:
    value = named(2)["api_key"]
    code.write("conf.py", f'demo_api_key = "{value}"\n')
    assert value.encode() not in code.content(code.take())["conf.py"]
    assert value.encode() in code.content(code.take(names=("demo_api_key",)))["conf.py"]


def test_what_the_program_changed_at_once_comes_from_git_masked(code: CodeFolder) -> None:
    snapshot = code.begin()
    snapshot.keep_dirty(code.keeper)
    code.write("clean.py", "gone\n")
    state = code.complete(snapshot)
    assert code.content(state)["clean.py"] == MASKED
    assert state.masked == ("clean.py:3", "edited.py:3", "new.py:3")
    # It is not remembered as the file that lies there now.
    assert code.content(code.take())["clean.py"] == b"gone\n"


def test_files_of_submodules_and_plain_folders_are_masked_too(tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner")
    inner.write("deep.py", LINE)
    inner.commit()
    outer = repository(tmp_path / "outer")
    outer.write("a.py")
    outer.commit()
    outer.git("submodule", "add", "-q", str(inner.root), "libs/inner")
    outer.commit()
    assert outer.take().masked == ("libs/inner/deep.py:3",)
    plain = CodeFolder(tmp_path / "plain")
    plain.write("a.py", LINE)
    assert plain.take().masked == ("a.py:3",)


def test_refuse_names_file_and_line_and_stores_nothing_in_clear(code: CodeFolder) -> None:
    snapshot = code.begin(secrets="refuse")
    with pytest.raises(NotStarted) as e:
        snapshot.keep_dirty(code.keeper)
    assert e.value.exit_code == 125
    assert "edited.py:3, new.py:3" in e.value.message
    assert "clean.py" not in e.value.message
    assert "allow-secret" in e.value.hint
    assert TOKEN.encode() not in everything(code)


def test_refuse_finds_what_the_last_snapshot_had_seen(code: CodeFolder) -> None:
    """The file was committed and masked, with a warning; now git gives it back no more, and it is not read again."""
    code.write("edited.py")
    (code.root / "new.py").unlink()
    age(code)
    state = code.take(secrets="refuse")
    assert state.masked == ("clean.py:3",)
    assert code.warnings == ["there are secrets in committed code, masked in the snapshot: clean.py"]
    code.git("rm", "-q", "--cached", "clean.py")
    snapshot = code.begin(secrets="refuse")
    with pytest.raises(NotStarted, match=r"clean\.py:3"):
        snapshot.keep_dirty(code.keeper)
    assert code.keeper.files == []


def test_binary_files_are_kept_byte_for_byte(code: CodeFolder) -> None:
    data = b"\x00\x01" + TOKEN.encode()
    code.write("weights.npy", data)
    assert code.content(code.take())["weights.npy"] == data


@pytest.mark.parametrize("places", [(0, 1), (WHOLE - 20, 2), (WHOLE + PIECE - 20, WHOLE + PIECE + 5000)])
def test_large_text_is_masked_to_its_end(code: CodeFolder, places: tuple[int, int]) -> None:
    """Also where a token lies across the pieces a large file is read in, and where there are no lines at all."""
    size = WHOLE + 3 * PIECE
    for filler in (b"loss: 0.5\n", b"loss: 0.5,"):
        data = bytearray(filler * (size // len(filler)))
        for place in places:
            secret = f' "{TOKEN}" '.encode()
            data[place : place + len(secret)] = secret
        key = b" " + pem().encode() + b" "
        data[2 * PIECE : 2 * PIECE + len(key)] = key
        code.write("big.csv", bytes(data))
        state = code.take()
        content = code.content(state)["big.csv"]
        assert TOKEN.encode() not in content
        assert pem().splitlines()[1].encode() not in content
        assert content.count(MARK) >= 3
        assert content.count(b"\n") == data.count(b"\n")
        assert content.replace(MARK, b"")[-1000:] == bytes(data)[-1000:]


def test_a_file_full_of_tokens_names_the_first_lines(code: CodeFolder) -> None:
    code.write("dump.txt", f"{OTHER}\n" * 1000)
    state = code.take()
    assert len([p for p in state.masked if p.startswith("dump.txt:")]) == LISTED
    assert OTHER.encode() not in code.content(state)["dump.txt"]


def test_a_file_that_is_rewritten_while_it_is_read_is_never_stored_in_clear(code: CodeFolder) -> None:
    """What is scanned is what is stored."""
    path = code.write("late.py", "x = 1\n" * 10)

    class Rewriting(Masking):
        def _mask(self, text: bytes, path_: str, first: int) -> tuple[bytes, list[int]]:
            path.write_text(LINE)
            return super()._mask(text, path_, first)

    snapshot = code.begin()
    snapshot.collection.masking = Rewriting()
    snapshot.keep_dirty(code.keeper)
    snapshot.collection.masking = Masking()
    code.complete(snapshot)
    assert TOKEN.encode() not in everything(code)
