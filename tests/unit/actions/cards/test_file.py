"""The file of a card: made, updated, kept through links, never taken from somebody else."""

from __future__ import annotations

import json
import os

import pytest

from exptrack.actions.cards.file import write_card, write_statement
from exptrack.actions.cards.merge import Block, Card, new
from exptrack.errors import ExptrackError

CARD = Card("model", "r1", {"tags": ["x"]}, (), ["# Name", Block("summary", "one")])
STATEMENT = json.dumps({"predicateType": "x"})


def test_made_with_its_folders_then_up_to_date(tmp_path):
    path = tmp_path / "deep" / "CARD.md"
    assert write_card(str(path), CARD) == (str(path), True)
    assert path.read_text() == new(CARD)
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    before = path.stat().st_ino
    assert write_card(str(path), CARD) == (str(path), False)
    assert path.stat().st_ino == before


def test_a_folder_means_its_readme(tmp_path):
    assert write_card(str(tmp_path), CARD)[0] == str(tmp_path / "README.md")
    assert write_card(f"{tmp_path}/new/", CARD)[0] == f"{tmp_path}/new/README.md"
    assert write_statement(str(tmp_path), STATEMENT)[0] == str(tmp_path / "provenance.json")


def test_an_existing_file_keeps_its_mode_and_a_link_stays_one(tmp_path):
    real, link = tmp_path / "real.md", tmp_path / "link.md"
    write_card(str(real), CARD)
    real.chmod(0o640)
    link.symlink_to("real.md")
    assert write_card(str(link), CARD._replace(parts=["# Name", Block("summary", "two")]))[1]
    assert link.is_symlink()
    assert "two" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "c.md"
    path.write_bytes(b"\xef\xbb\xbf" + new(CARD).encode())
    assert write_card(str(path), CARD) == (str(path), False)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"# Mine\n"])
def test_somebody_elses_file_stays(tmp_path, data):
    path = tmp_path / "mine"
    path.write_bytes(data)
    with pytest.raises(ExptrackError):
        write_card(str(path), CARD, is_forced=True)
    with pytest.raises(ExptrackError):
        write_statement(str(path), STATEMENT)
    assert path.read_bytes() == data


def test_a_statement_replaces_a_statement_only(tmp_path):
    path = tmp_path / "p.json"
    assert write_statement(str(path), STATEMENT)[1]
    assert write_statement(str(path), json.dumps({"predicateType": "y"}))[1]
    path.write_text('{"a": 1}')
    with pytest.raises(ExptrackError, match="no in-toto statement"):
        write_statement(str(path), STATEMENT)
    assert write_statement(str(path), STATEMENT, is_forced=True)[1]


def test_what_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExptrackError, match="cannot"):
        write_card(str(tmp_path / "file" / "x.md"), CARD)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ExptrackError, match="cannot read"):
        write_card(str(tmp_path / "pipe"), CARD)
    with pytest.raises(ExptrackError, match="cannot"):
        write_card("a\0b", CARD)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
