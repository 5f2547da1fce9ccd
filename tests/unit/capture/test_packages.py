"""Packages from the names of their metadata folders."""

from __future__ import annotations

import json

import pytest

from exptrack.capture.packages import list_packages


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("numpy-2.1.0.dist-info", {"numpy": "2.1.0"}),
        ("scikit_learn-1.5.dist-info", {"scikit-learn": "1.5"}),
        ("PyYAML-6.0.2.dist-info", {"pyyaml": "6.0.2"}),
        ("zope.interface-5.0.dist-info", {"zope-interface": "5.0"}),
        ("torch-2.4.0+cu121.dist-info", {"torch": "2.4.0+cu121"}),
        ("six-1.16.0-py3.11.egg-info", {"six": "1.16.0"}),
        ("psycopg2-2.9-py3.8-linux-x86_64.egg", {"psycopg2": "2.9"}),
        ("old_name-1.0.egg-info", {"old-name": "1.0"}),
        ("~umpy-2.1.0.dist-info", {}),
        (".dist-info", {}),
        ("numpy", {}),
    ],
)
def test_names(tmp_path, name, package):
    (tmp_path / name).mkdir()
    assert list_packages(str(tmp_path)) == (package, {})


def test_a_development_install_has_its_version_inside(tmp_path):
    info = tmp_path / "my_pkg.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: my-pkg\nVersion: 0.3.dev0\n\nVersion: 9\n")
    (tmp_path / "empty.egg-info").mkdir()
    assert list_packages(str(tmp_path))[0] == {"my-pkg": "0.3.dev0", "empty": ""}


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        ({"url": "file:///src/x", "dir_info": {"editable": True}}, "-e file:///src/x"),
        ({"url": "file:///src/x", "dir_info": {}}, "file:///src/x"),
        ({"url": "https://h/x.whl", "archive_info": {"hash": "sha256=1"}}, "https://h/x.whl"),
        (
            {"url": "https://me:canary@h/x", "vcs_info": {"vcs": "git", "commit_id": "c1"}, "subdirectory": "py"},
            "git+https://h/x@c1#subdirectory=py",
        ),
        ({"url": "ssh://git@h/x", "vcs_info": {"vcs": "git", "commit_id": "c1"}}, "git+ssh://git@h/x@c1"),
        ({"no": "url"}, None),
        ([], None),
        ({"url": "x", "vcs_info": {}, "dir_info": None}, "x"),
        ({"url": "x", "vcs_info": {"vcs": "git"}}, None),
    ],
)
def test_sources(tmp_path, origin, source):
    info = tmp_path / "x-1.dist-info"
    info.mkdir()
    (info / "direct_url.json").write_text(json.dumps(origin))
    assert list_packages(str(tmp_path))[1] == ({"x": source} if source else {})


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OSError):
        list_packages(str(tmp_path / "gone"))
