from __future__ import annotations

from exptrack.attempt import Attempt
from exptrack.cli.show import LISTED, print_run
from exptrack.model import CodeState
from made_runs import full_run, made_run, piped, run_id, terminal, text_of


def shown(run, screen=None):
    screen = screen or piped()
    print_run(screen, run)
    return text_of(screen)


def titles(text):
    return [line for line in text.splitlines() if line and not line.startswith(" ")][1:]


def attempt(number, status, **facts):
    known = {"ended_at": None, "seconds": 60.0, "exit_code": None, "signal": None, "host": "node7", "author": "ann"}
    known |= {"started_at": f"2026-11-22T21:5{5 + number}:00.000Z", "command": ("python", "train.py"), "cwd": "/"}
    return Attempt(**{"number": number, "id": run_id(number), "status": status, **known, **facts})


def test_the_attempts_of_a_continued_run_with_what_was_another_one_than_before():
    attempts = (
        attempt(1, "killed", signal="SIGTERM", tree="a", environment="e"),
        attempt(2, "failed", exit_code=3, tree="b", environment="e", host="node8"),
        attempt(3, "running", seconds=None, tree="b", environment="f", command=("python", "train.py", "--lr", "1")),
    )
    text = shown(made_run(status="running", attempts=attempts, seconds=120.0, ended_at=None, exit_code=None))
    rows = text.partition("attempts\n")[2].split("\n\n")[0].splitlines()
    assert [row.split() for row in rows] == [
        ["1", "killed", "SIGTERM", "2026-11-22", "21:56:00", "UTC", "1", "min", "00", "s", "node7"],
        [
            "2",
            "failed",
            "exit",
            "code",
            "3",
            "2026-11-22",
            "21:57:00",
            "UTC",
            "1",
            "min",
            "00",
            "s",
            "node8",
            "other",
            "code",
        ],
        ["3", "running", "2026-11-22", "21:58:00", "UTC", "-", "node7", "other", "environment,", "command"],
    ]
    # Two minutes of earlier attempts, and this one since it started.
    assert "  for      4 min 00 s\n" in text
    assert "attempts" not in shown(made_run())


def test_sections_without_content_are_left_out():
    assert titles(shown(made_run())) == []
    assert titles(shown(full_run())) == [
        "missing",
        "metrics",
        "params",
        "tags",
        "code",
        "environment",
        "machine",
        "usage",
        "inputs",
        "outputs",
        "warnings",
    ]


def test_the_first_line_says_how_it_ended():
    assert shown(made_run()).startswith("finished  01kmade000000001\n")
    assert shown(made_run(status="failed", exit_code=3)).startswith("failed with exit code 3  01k")
    assert shown(made_run(status="killed", exit_code=None, signal="SIGTERM")).startswith("killed by SIGTERM  01k")
    assert shown(full_run()).startswith("finished  baseline  01kmade000000001  digits-prod@  pinned\n")


def test_a_live_run_has_run_for_as_long_as_it_runs():
    text = shown(made_run(status="running", ended_at=None, seconds=None, exit_code=None))
    assert "  for      5 min 00 s\n" in text


def test_every_line_of_a_note_is_shown():
    text = shown(full_run())
    assert "why      smaller rate\n           as Bob proposed\n" in text


def test_what_is_missing_is_named():
    assert "missing\n  output tokenizer\n" in shown(full_run())


def test_long_lists_are_cut_on_a_terminal_only():
    run = made_run(code=CodeState(commit="c" * 40, changed=tuple(f"file{i}.py" for i in range(30))))
    assert all(f"file{i}.py\n" in shown(run) for i in range(30))
    text = shown(run, terminal())
    assert f"file{LISTED - 2}.py\n" in text
    assert f"file{LISTED - 1}.py\n" not in text
    assert f"… and {30 - LISTED + 1} more" in text


def test_exactly_as_many_as_fit_are_not_cut():
    run = made_run(code=CodeState(changed=tuple(f"file{i}.py" for i in range(LISTED))))
    assert "more" not in shown(run, terminal())


def test_a_missing_input_and_bytes_that_were_let_go_are_said():
    text = shown(full_run())
    assert "was not there" in text
    assert "bytes let go" in text


def test_names_and_warnings_cannot_send_escape_codes():
    run = made_run(name="\x1b[2Jx", tags={"a": "\x1b]0;t\x07"}, note="\x9bm", warnings=("\x1b[0m",))
    for screen in (piped(), terminal()):
        text = shown(run, screen)
        assert "\x1b" not in text
        assert "\x9b" not in text
        assert "\\x1b[2Jx" in text
