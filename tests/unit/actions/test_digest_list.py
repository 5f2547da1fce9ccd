"""Digest lists, as coreutils really writes them."""

from __future__ import annotations

import subprocess

import pytest

from exptrack.actions.digest_list import read_digests
from exptrack.errors import ExptrackError
from made import digest_of

NAMES = ("plain", "with  two blanks", "back\\slash", "new\nline", "(odd) = name", "*star", "caf\udce9")


@pytest.mark.parametrize("option", ["--text", "--binary", "--tag"])
def test_what_sha256sum_prints(tmp_path, option):
    for name in NAMES:
        (tmp_path / name).write_text(name, errors="surrogateescape")
    done = subprocess.run(["sha256sum", option, "--", *NAMES], cwd=tmp_path, capture_output=True, check=True)
    lines = done.stdout.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    wanted = [(n, digest_of(n.encode("utf-8", "surrogateescape"))) for n in NAMES]
    assert read_digests(lines) == wanted


def test_bare_digests_blank_lines_and_line_ends():
    assert read_digests(["\n", "A" * 64 + "\r\n", "  " + "b" * 64, "c" * 64 + "\tx  "]) == [
        ("a" * 64, "a" * 64),
        ("b" * 64, "b" * 64),
        ("x  ", "c" * 64),
    ]


@pytest.mark.parametrize(
    "line", ["x", "a" * 63, "a" * 65, "a" * 40 + "  sha1", "SHA1 (x) = " + "a" * 40, "g" * 64, "# no"]
)
def test_a_line_that_is_none_is_named(line):
    with pytest.raises(ExptrackError, match="line 2 is no digest") as e:
        read_digests(["a" * 64, line])
    assert e.value.exit_code == 2


def test_an_empty_list_asks_nothing():
    with pytest.raises(ExptrackError, match="no digest"):
        read_digests(["\n"])


def test_a_digest_may_say_what_it_is():
    digest = "0a" * 32
    assert read_digests([f"sha256:{digest}", f"SHA256:{digest}  m.pt"]) == [(digest, digest), ("m.pt", digest)]
