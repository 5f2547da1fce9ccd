"""Many things at once, in threads: all of them are done, or the first that failed is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from exptrack.together import MOST, each, processors


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("count", [0, 1, 1000])
def test_every_item_is_done_once(threads: int, count: int) -> None:
    done: list[int] = []
    each(done.append, range(count), threads=threads)
    assert sorted(done) == list(range(count))


def test_they_are_done_at_once() -> None:
    """Each waits for the others: one after the other they would never get past the barrier."""
    barrier = threading.Barrier(4, timeout=30)
    each(lambda _: barrier.wait(), range(4), threads=4)


@pytest.mark.parametrize("threads", [1, 4])
def test_the_first_failure_is_raised_and_ends_the_rest(threads: int) -> None:
    drawn: list[int] = []

    def items() -> Iterator[int]:
        for i in range(100_000):
            drawn.append(i)
            yield i

    def do(i: int) -> None:
        if i == 10:
            raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        each(do, items(), threads=threads)
    assert len(drawn) < 100_000


def test_what_fails_while_items_are_drawn_is_raised_too() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        each(lambda _: None, items(), threads=3)


def test_nothing_is_drawn_before_somebody_is_free_for_it() -> None:
    """Memory stays flat over any number of items."""
    ahead: list[int] = []
    done = 0

    def do(_: int) -> None:
        nonlocal done
        done += 1

    def items() -> Iterator[int]:
        for i in range(2000):
            ahead.append(i - done)
            yield i

    each(do, items(), threads=4)
    assert max(ahead) <= 8


WHERE_NO_THREAD_STARTS = """
from exptrack import beside
from exptrack.together import each
def refuse(run, words): raise RuntimeError("can't start new thread")
beside.start_new_thread = refuse
done = []
each(done.append, range(100), threads=4)
print(len(done))
"""


def test_without_room_for_threads_the_work_is_done_all_the_same() -> None:
    said = subprocess.run([sys.executable, "-c", WHERE_NO_THREAD_STARTS], capture_output=True, text=True, check=True)
    assert said.stdout == "100\n"


INTERRUPTED = """
import sys, threading
from exptrack.together import each
never, ready = threading.Event(), threading.Barrier(2)
def do(i):
    if threading.current_thread() is threading.main_thread():
        ready.wait()
        print("ready", flush=True)
    else:
        ready.wait()
    never.wait()
try:
    each(do, range(2), threads=2)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_after_ctrl_c_nobody_is_waited_for() -> None:
    """The other thread may have a hundred gigabytes before it."""
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        try:
            assert child.communicate(timeout=30)[0] == "interrupted\n"
        finally:
            child.kill()
        assert child.returncode == 0


def test_the_processors_are_those_we_may_use() -> None:
    assert 2 <= processors() <= MOST
    if hasattr(os, "sched_getaffinity"):
        one = f"import os; os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}})\n"
        code = one + "from exptrack.together import processors; print(processors())"
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert said.stdout == "2\n"
