"""Old paths -> new ones, in words of a command line: whole paths only."""

from __future__ import annotations

import pytest

from exptrack.actions.reproducing.relocate import Relocation, is_below, is_mentioned

MOVED = Relocation({"/work": "/new/work", "/work/.venv": "/env", "/data/out.d": "/o"})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/work", "/new/work"),
        ("/work/a.py", "/new/work/a.py"),
        ("--out=/work/x", "--out=/new/work/x"),
        ("/work/.venv/bin/python", "/env/bin/python"),
        ("/work/.venv2/bin", "/new/work/.venv2/bin"),
        (
            "cd /work && . /work/.venv/bin/activate; ls '/work/a'",
            "cd /new/work && . /env/bin/activate; ls '/new/work/a'",
        ),
        ("file:///work/x", "file:///new/work/x"),
        ("/work:/work/lib", "/new/work:/new/work/lib"),
        ("/work2 /a/work /work-old /work.bak x/work", "/work2 /a/work /work-old /work.bak x/work"),
        ("/data/out.d/m /data/outxd", "/o/m /data/outxd"),
        ("https://work/x", "https://work/x"),
    ],
)
def test_mentions_in_a_text(text: str, wanted: str) -> None:
    assert MOVED.text(text) == wanted


def test_a_single_path() -> None:
    assert MOVED.path("/work/.venv/x") == "/env/x"
    assert MOVED.path("/workshop") == "/workshop"
    assert Relocation({}).path("/work") == "/work"
    assert Relocation({"": "/x"}).text("/work") == "/work"


def test_what_is_below_and_what_is_named() -> None:
    assert is_below("/a/b", "/a")
    assert is_below("/a", "/a")
    assert not is_below("/ab", "/a")
    assert not is_below("/ab", "")
    assert is_mentioned("/a/b", "--x=/a/b/c")
    assert not is_mentioned("/a/b", "--x=/a/bc")
