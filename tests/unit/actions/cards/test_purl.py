"""Package URLs, by the examples of the specification and the sources that pip notes."""

from __future__ import annotations

import pytest

from exptrack.actions.cards.purl import package_url


@pytest.mark.parametrize(
    ("name", "version", "source", "wanted"),
    [
        ("django", "1.11.1", None, "pkg:pypi/django@1.11.1"),
        ("torch", "2.9.0+cu128", None, "pkg:pypi/torch@2.9.0%2Bcu128"),
        ("old-thing", "", None, "pkg:pypi/old-thing"),
        (
            "x",
            "1",
            "git+https://example.org/x.git@abc",
            "pkg:pypi/x@1?vcs_url=git%2Bhttps://example.org/x.git%40abc",
        ),
        ("x", "1", "https://example.org/x.whl", "pkg:pypi/x@1?download_url=https://example.org/x.whl"),
        ("mine", "0.1", "-e file:///home/ann/mine", "pkg:generic/mine@0.1"),
        ("mine", "0.1", "file:///tmp/mine.whl", "pkg:generic/mine@0.1"),
        ("a/b?c", "1#2", None, "pkg:pypi/a%2Fb%3Fc@1%232"),
    ],
)
def test_urls(name, version, source, wanted):
    assert package_url(name, version, source) == wanted
