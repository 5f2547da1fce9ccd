"""What is well-formed in a policy file and still cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest

from exptrack.actions.check_policy import check_policy
from exptrack.config import Config
from exptrack.errors import ExptrackError


def written(folder: Path, text: str) -> str:
    path = folder / "exptrack.toml"
    path.write_text(text)
    return str(path)


def test_without_a_file_there_is_nothing_to_check():
    with pytest.raises(ExptrackError, match=r"no exptrack\.toml"):
        check_policy(Config())


def test_what_is_well_formed_and_cannot_work_is_wrong(tmp_path):
    path = written(
        tmp_path,
        '[promote.m]\nbetter_than_current = "speed"\n[retention]\nkeep = ["best:quux"]\n[promote.n]\nreplicates = 3\n',
    )
    with pytest.raises(ExptrackError) as e:
        check_policy(Config(), path)
    assert e.value.exit_code == 2
    zeroth, first, second = e.value.message.splitlines()
    assert zeroth.startswith(f"{path}:6: `replicates` of what")
    assert first.startswith(f"{path}:2:")
    assert "`speed`" in first
    assert second.startswith(f"{path}:4:")
    fixed = written(
        tmp_path,
        Path(path).read_text().replace("replicates = 3", "") + '[metrics]\ngoals = { speed = "max", quux = "min" }\n',
    )
    config, rules = check_policy(Config(), fixed)
    assert config.goals["speed"] == "max"
    assert rules


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[promote.m]\nmin_delta = 0.1\n", ":2: `min_delta` of what?", 'better_than_current = "val/acc"'),
        (
            '[promote.m]\nbetter_than_current = "loss"\np = 0.01\n',
            ":3: `p` of what test?",
            "replicates = 3",
        ),
        (
            '[require.end]\nmetrics = ["loss", "val/acc >= 0.9"]\n',
            ":2: `val/acc >= 0.9` is no name of a metric",
            "[promote.NAME] metrics",
        ),
    ],
)
def test_half_a_question_is_wrong(tmp_path, text, message, hint):
    path = written(tmp_path, text)
    with pytest.raises(ExptrackError) as e:
        check_policy(Config(), path)
    assert (e.value.message, e.value.exit_code) == (path + message, 2)
    assert hint in e.value.hint


def test_a_wrong_key_is_told_with_its_line(tmp_path):
    with pytest.raises(ExptrackError, match=r":2: unknown key `require.tag`"):
        check_policy(Config(), written(tmp_path, '[require]\ntag = ["x"]\n'))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[tags]\nintent = "basline"\n[require.allowed]\nintent = ["baseline"]\n', 2, "did you mean baseline?"),
        ("[require.allowed]\nintent = []\n", 2, "no value of the tag intent is allowed"),
    ],
)
def test_tags_no_run_could_have_are_wrong(tmp_path, text, line, words):
    path = written(tmp_path, text)
    with pytest.raises(ExptrackError) as e:
        check_policy(Config(), path)
    assert e.value.message.startswith(f"{path}:{line}: ")
    assert words in e.value.message
