"""A call in a thread of its own: begun or an error, waited for or not."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from exptrack import beside
from exptrack.beside import Beside


def test_it_is_called_at_once_and_waited_for():
    done, go = [], threading.Event()

    def work():
        go.wait()
        done.append(threading.get_ident())

    call = Beside(work)
    assert not call.join(0)
    go.set()
    assert call.join()
    assert call.join(0), "asked again it has still ended"
    assert done != [threading.get_ident()]


def test_what_it_raises_ends_only_its_thread():
    code = (
        "from exptrack.beside import Beside\n"
        "def fail(): raise ValueError('of the work')\n"
        "assert Beside(fail).join(); print('goes on')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "goes on\n"
    assert "of the work" in done.stderr


def test_one_that_does_not_begin_is_an_error_and_never_works(monkeypatch):
    """As a thread that dies of memory before its first line; and one that comes too late all the same."""
    late, done = [], []
    monkeypatch.setattr(beside, "PATIENCE", 0.01)
    monkeypatch.setattr(beside, "start_new_thread", lambda run, words: late.append((run, words)))
    with pytest.raises(MemoryError):
        Beside(lambda: done.append(1))
    ((run, words),) = late
    run(*words)
    assert done == []


def test_no_more_threads_is_an_error(monkeypatch):
    def refuse(run, words):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(beside, "start_new_thread", refuse)
    with pytest.raises(RuntimeError):
        Beside(print)


def test_nobody_waits_for_it_at_the_end_of_the_process():
    code = "from exptrack.beside import Beside\nimport time\nBeside(lambda: time.sleep(1000)); print('over')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "over\n"
