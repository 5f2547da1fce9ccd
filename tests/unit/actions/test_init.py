"""`init` writes a policy file once, and says in one sentence why it cannot."""

from __future__ import annotations

import os

import pytest

from exptrack.actions.init import init
from exptrack.config import FILE
from exptrack.errors import ExptrackError
from unprivileged import without_privileges


def test_a_policy_file_that_is_there_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = init()
    assert (first.policy, first.is_new_policy) == (str(tmp_path / FILE), True)
    (tmp_path / FILE).write_text('project = "mine"\n')
    assert not init().is_new_policy
    assert (tmp_path / FILE).read_text() == 'project = "mine"\n'


@pytest.mark.parametrize("is_there", [False, True], ids=["nothing there", ".exptrack there"])
def test_a_folder_one_may_not_write_is_an_error_that_names_it(tmp_path, monkeypatch, is_there):
    monkeypatch.chdir(tmp_path)
    if is_there:
        init()
        (tmp_path / FILE).unlink()
    os.chmod(tmp_path, 0o500)
    with without_privileges(), pytest.raises(ExptrackError, match="Permission denied") as e:
        init()
    os.chmod(tmp_path, 0o700)
    assert e.value.exit_code == 2
    assert str(tmp_path) in e.value.message
    assert ".tmp" not in e.value.message
