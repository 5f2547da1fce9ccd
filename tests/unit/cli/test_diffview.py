from __future__ import annotations

import io

import pytest

from exptrack.cli.diffview import print_diff, print_patch, signed
from exptrack.cli.screen import Screen
from exptrack.comparison import Change, RunDiff
from made_runs import made_run, piped, terminal, text_of

A, B = made_run(1, name="before"), made_run(2, name="after", status="failed")


def shown(section, *changes, screen=None):
    screen = screen or piped()
    print_diff(screen, RunDiff(a=A.id, b=B.id, sections={section: changes}), A, B)
    head, title, *lines = text_of(screen).split("\n\n", 1)[1].splitlines()[:1] + text_of(screen).splitlines()[3:]
    assert head == title
    return lines


def changed(key, before, after, **more):
    return Change(key=key, kind="changed", before=before, after=after, **more)


def test_both_runs_are_named_first():
    screen = piped()
    print_diff(screen, RunDiff(a=A.id, b=B.id, sections={}), A, B)
    assert text_of(screen).splitlines() == [
        "-  01kmade000000001  before  finished  5 min ago",
        "+  01kmade000000002  after   failed    5 min ago",
        "",
        "no difference",
    ]


def test_a_run_and_itself():
    screen = piped()
    print_diff(screen, RunDiff(a=A.id, b=A.id, sections={}), A, A)
    assert text_of(screen).endswith("the same run\n")


def test_params():
    lines = shown(
        "params",
        changed("lr", 0.1, 0.01),
        changed("tiny", 0.9000000001, 0.9000000002),
        changed("typed", "1", 1),
        Change(key="new", kind="added", after=True),
        Change(key="gone", kind="removed", before="adam"),
    )
    assert lines == [
        "  ~  lr     0.1 → 0.01",
        "  ~  tiny   0.9000000001 → 0.9000000002",
        "  ~  typed  '1' → 1",
        "  +  new    true",
        "  -  gone   adam",
    ]


def test_the_words_of_a_command_that_changed_are_coloured():
    screen = terminal(has_colour=True)
    before, after = ["python", "t.py", "--lr", "0.1"], ["python", "t.py", "--lr", "1", "a b"]
    print_diff(screen, RunDiff(a="a", b="b", sections={"command": (changed("command", before, after),)}), A, B)
    assert text_of(screen).splitlines()[4:] == [
        "  \x1b[31m-\x1b[0m python t.py --lr\x1b[31m 0.1\x1b[0m",
        "  \x1b[32m+\x1b[0m python t.py --lr\x1b[32m 1\x1b[0m\x1b[32m 'a b'\x1b[0m",
    ]


def test_the_working_directory():
    assert shown("command", changed("cwd", "a", "b")) == ["  ~ cwd  a → b"]


def test_files_with_their_lines():
    lines = shown(
        "code",
        changed("commit", "1" * 40, "2" * 40),
        changed("train.py", None, None, added_lines=3, removed_lines=1),
        Change(key="new.py", kind="added", added_lines=20, removed_lines=0),
        changed("w.bin", None, None, note="binary"),
        changed("snapshot", "1", "2", note="object 12 is not in the store: files cannot be compared"),
    )
    assert lines == [
        "  ~  commit    111111111111 → 222222222222",
        "  ~  train.py  +3   -1",
        "  +  new.py    +20",
        "  ~  w.bin              binary",
        "  ~  object 12 is not in the store: files cannot be compared",
    ]


def test_metrics_with_delta_and_verdict():
    lines = shown(
        "metrics",
        changed("val/acc", 0.9, 0.91, delta=0.01, verdict="better"),
        changed("loss", 0.5, float("nan"), verdict="worse"),
        Change(key="new", kind="added", after=2.0),
    )
    assert lines == [
        "  ~  val/acc  0.9 → 0.91  +0.01  better",
        "  ~  loss     0.5 → nan          worse",
        "  +  new      2",
    ]


def test_inputs_and_outputs_by_size_and_digest():
    lines = shown(
        "outputs",
        changed("model=m", {"digest": "1" * 64, "size": 2048}, {"digest": "2" * 64, "size": 4096}),
        Change(key="report=r", kind="removed", before={"digest": "3" * 64, "size": 1}),
        changed("train", {"digest": None, "size": 0}, {"digest": "4" * 64, "size": 1}),
    )
    assert lines == [
        "  ~  model=m   2.0 KiB → 4.0 KiB    111111111111 → 222222222222",
        "  -  report=r  1 B                  333333333333",
        "  ~  train     was not there → 1 B  none → 444444444444",
    ]


def test_machine_in_words():
    lines = shown("machine", changed("memory", 64 << 30, 128 << 30), changed("gpus", ["2 × A100"], ["H100"]))
    assert lines == ["  ~  memory  64.0 GiB → 128.0 GiB", "  ~  gpus    2 × A100 → H100"]


def test_duration():
    assert shown("duration", changed("seconds", 100.0, 60.0, delta=-40.0)) == ["  ~  1 min 40 s → 1 min 00 s  -40.0 s"]


@pytest.mark.parametrize(("delta", "text"), [(0.01, "+0.01"), (-0.123456, "-0.1235"), (3.0, "+3"), (1e-9, "+1e-09")])
def test_signed(delta, text):
    assert signed(delta) == text


PATCH = [
    "diff --git a/x b/x\n",
    "--- a/x\n",
    "+++ b/x\n",
    "@@ -1 +1 @@\n",
    "-caf\udce9\n",
    "+\x1b[31m\ttab\n same\n--- was -- \n",
]


def test_a_patch_in_a_pipe_is_exactly_its_bytes():
    raw = io.BytesIO()
    screen = Screen(io.TextIOWrapper(raw, "ascii"))
    print_patch(screen, PATCH)
    assert raw.getvalue() == "".join(PATCH).encode("utf-8", "surrogateescape")


def test_a_patch_on_a_terminal_is_coloured_and_harmless():
    screen = terminal(has_colour=True)
    print_patch(screen, PATCH)
    assert text_of(screen).splitlines() == [
        "\x1b[1mdiff --git a/x b/x\x1b[0m",
        "\x1b[1m--- a/x\x1b[0m",
        "\x1b[1m+++ b/x\x1b[0m",
        "\x1b[36m@@ -1 +1 @@\x1b[0m",
        "\x1b[31m-caf\\xe9\x1b[0m",
        "\x1b[32m+\\x1b[31m\ttab\x1b[0m",
        " same",
        "\x1b[31m--- was -- \x1b[0m",
    ]
