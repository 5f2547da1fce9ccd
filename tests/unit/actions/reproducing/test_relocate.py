"""Old paths -> new ones, in words of a command line: whole paths only."""

from __future__ import annotations

import pytest

from exptrack.actions.reproducing.relocate import Relocation, is_below, is_mentioned

MOVED = Relocation({"/old": "/new/old", "/old/.venv": "/env", "/data/out.d": "/o"})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/old", "/new/old"),
        ("/old/a.py", "/new/old/a.py"),
        ("--out=/old/x", "--out=/new/old/x"),
        ("/old/.venv/bin/python", "/env/bin/python"),
        ("/old/.venv2/bin", "/new/old/.venv2/bin"),
        (
            "cd /old && . /old/.venv/bin/activate; ls '/old/a'",
            "cd /new/old && . /env/bin/activate; ls '/new/old/a'",
        ),
        ("file:///old/x", "file:///new/old/x"),
        ("/old:/old/lib", "/new/old:/new/old/lib"),
        ("/old2 /a/old /old-old /old.bak x/old", "/old2 /a/old /old-old /old.bak x/old"),
        ("/data/out.d/m /data/outxd", "/o/m /data/outxd"),
        ("https://old/x", "https://old/x"),
    ],
)
def test_mentions_in_a_text(text: str, wanted: str) -> None:
    assert MOVED.text(text) == wanted


def test_a_single_path() -> None:
    assert MOVED.path("/old/.venv/x") == "/env/x"
    assert MOVED.path("/oldshop") == "/oldshop"
    assert Relocation({}).path("/old") == "/old"
    assert Relocation({"": "/x"}).text("/old") == "/old"


def test_what_is_below_and_what_is_named() -> None:
    assert is_below("/a/b", "/a")
    assert is_below("/a", "/a")
    assert not is_below("/ab", "/a")
    assert not is_below("/ab", "")
    assert is_mentioned("/a/b", "--x=/a/b/c")
    assert not is_mentioned("/a/b", "--x=/a/bc")
