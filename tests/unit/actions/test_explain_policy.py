"""What a policy file asks of a run, and which line asks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from exptrack.actions.explain_policy import Rule, check_policy, explain_policy
from exptrack.config import Config, read_config
from exptrack.errors import ExptrackError

WHOLE = """project = "churn"
[require]
tags = ["project", "owner"]
name = '^[a-z]+$'
[require.end]
metrics = ["val/acc"]
outputs = ["model"]
[promote."churn-*"]
metrics = ["val/acc >= 0.9"]
better_than_current = "val/acc"
min_delta = 0.01
clean = true
outputs = ["model"]
replicates = 3
branch = ["main", "release/*"]
same_inputs = ["test"]
reproduced = "30d"
approvals = 2
on_promote = ["./deploy"]
on_demote = ["./stop"]
[promote.other]
same_inputs = true
approvals = 1
[hooks]
on_promote = ["./tell"]
on_demote = ["./tell"]
[retention]
window = "30d"
keep = ["promoted:3", "pinned", "best:val/acc:2"]
max_size = "1 GB"
"""


def written(folder: Path, text: str, name: str = "exptrack.toml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_every_rule_names_its_line(tmp_path):
    path = written(tmp_path, WHOLE)
    rules = list(explain_policy(read_config(path), {}))
    said = [(r.when, r.model, r.asked, r.source.removeprefix(path)) for r in rules]
    assert ("before the start", None, "tag owner", ":3") in said
    assert ("before the start", None, "a name that matches ^[a-z]+$", ":4") in said
    assert ("at the end", None, "metric val/acc", ":6") in said
    assert ("at the end", None, "output model", ":7") in said
    assert ("to promote", "*", "its kept outputs are still in the store", "always") in said
    assert ("to promote", "churn-*", "val/acc >= 0.9", ":9") in said
    asked = "val/acc better than the current run's by at least 0.01 over 3 seeds of both, p <= 0.05"
    assert ("to promote", "churn-*", asked, ":10") in said
    assert ("to promote", "churn-*", "a commit on main or release/*", ":15") in said
    assert ("to promote", "churn-*", "input test the same as the current run's, by digest", ":16") in said
    assert ("to promote", "other", "every input the same as the current run's, by digest", ":22") in said
    assert ("to promote", "churn-*", "reproduced less than 30d ago", ":17") in said
    assert ("to promote", "churn-*", "approved by 2 people other than its owner", ":18") in said
    assert ("to promote", "other", "approved by 1 person other than its owner", ":23") in said
    assert ("after a promotion", "churn-*", "`./deploy` runs when a run was promoted", ":19") in said
    assert ("after a promotion", "churn-*", "`./stop` runs when it was demoted", ":20") in said
    assert ("after a promotion", "*", "`./tell` runs when a run was promoted", ":25") in said
    assert ("after a promotion", "*", "`./tell` runs when it was demoted", ":26") in said
    assert ("to promote", "churn-*", "committed code", ":12") in said
    assert ("when bytes go", None, "those of the best 2 finished runs by val/acc stay", ":29") in said
    assert ("when bytes go", None, "those of the last 3 promotions of a model stay", ":29") in said
    assert [r.source for r in rules if "1.0 GiB" in r.asked] == [f"{path}:30"]


def test_what_is_given_already_is_said(tmp_path):
    config = read_config(written(tmp_path, WHOLE))
    rules = {r.asked: r for r in explain_policy(config, {"EXPTRACK_TAGS": "owner=vision"})}
    assert (rules["tag project"].given, rules["tag owner"].given) == ("project=churn", "owner=vision")
    assert {r.asked: r for r in explain_policy(config, {})}["tag owner"].given is None


def test_without_a_file_the_defaults_are_explained():
    rules = list(explain_policy(Config(), {}))
    assert {r.source for r in rules} == {"default", "always"}
    assert Rule("when bytes go", "outputs of runs that ended less than 90d ago stay", "default") in rules
    with pytest.raises(ExptrackError, match=r"no exptrack\.toml"):
        check_policy(Config())


def test_lines_in_pyproject(tmp_path):
    path = written(tmp_path, '[project]\nname = "x"\n[tool.exptrack.require]\ntags = ["owner"]\n', "pyproject.toml")
    assert next(explain_policy(read_config(path), {})).source == f"{path}:4"


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


def test_allowed_values_owners_from_git_and_the_way_around(tmp_path):
    text = """[tags]
owner = "$git"
[require]
tags = ["intent"]
bypass = true
[require.allowed]
intent = ["baseline", "release"]
owner = '^[a-z]+$'
[promote.m]
bypassed = true
[promote.n]
bypassed = false
"""
    path = written(tmp_path, text)
    said = {r.asked: (r.source.removeprefix(path), r.given) for r in explain_policy(read_config(path), {})}
    assert said["tag intent"] == (":4", None)
    assert said["tag intent: one of baseline, release"] == (":7", None)
    # The identity the tests give git: t@example.invalid.
    assert said["tag owner, if given: that matches ^[a-z]+$"] == (":8", "owner=t")
    assert said["or a reason why not: --no-policy REASON"] == (":5", None)
    assert said["it has not passed the policy by"][0] in ("always", ":12")
    assert said["it may have passed the policy by"] == (":10", None)


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
