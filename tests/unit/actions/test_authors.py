"""Who is who: `$EXPTRACK_AUTHOR`, the login name, and two names of one person."""

from __future__ import annotations

import os
import pwd

import pytest

from exptrack.actions.authors import author, is_same_person


def test_the_environment_says_it_else_the_login_name(monkeypatch):
    monkeypatch.setenv("EXPTRACK_AUTHOR", "ci for ada")
    assert author() == "ci for ada"
    monkeypatch.setenv("EXPTRACK_AUTHOR", "")
    assert author() == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(
    ("a", "b", "is_one"),
    [
        ("ada", "Ada ", True),
        ("ada", "ada@example.org", True),
        ("ADA@example.org", "ada@Example.org", True),
        ("ada@example.org", "ada@example.com", False),
        ("ada", "bob@ada", False),
        ("ada", "adam", False),
        ("straße", "STRASSE", True),
    ],
)
def test_one_person(a, b, is_one):
    assert is_same_person(a, b) is is_same_person(b, a) is is_one
