"""What a policy file asks of a run, and which line asks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from exptrack.actions.explain_policy import Rule, explain_policy
from exptrack.config import SCHEMA, Config, read_config

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


def test_lines_in_pyproject(tmp_path):
    path = written(tmp_path, '[project]\nname = "x"\n[tool.exptrack.require]\ntags = ["owner"]\n', "pyproject.toml")
    assert next(explain_policy(read_config(path), {})).source == f"{path}:4"
    assert {r.source for r in explain_policy(read_config(path), {}) if "secrets in the code" in r.asked} == {"default"}


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


VALUES = {
    **dict.fromkeys(("str", "regex", "names"), '"main"'),
    **dict.fromkeys(("duration", "time"), '"3d"'),
    **dict.fromkeys(("list", "inputs", "commands", "innocents", "values"), '["val/acc"]'),
    **dict.fromkeys(("table", "defaults", "patterns"), '{ x = "y" }'),
    "bool": "true",
    "number": "0.5",
    "share": "0.5",
    "size": '"1 MB"',
    "count": "2",
    "replicates": "2",
    "goals": '{ x = "max" }',
    "aliases": '{ x = ["y"] }',
    "tolerances": '{ x = "1%" }',
    "keep": '["best:x:3"]',
    "gates": '["x > 1"]',
    "secrets": '"refuse"',
    "definitions": '[{ Name = "z", Regex = "z=(.*)" }]',
}


def tables(schema: Mapping[str, Any], where: tuple[str, ...] = ()) -> Iterator[str]:
    """A policy file with a line for every key there is."""
    plain = {key: kind for key, kind in schema.items() if not isinstance(kind, Mapping)}
    if plain and where:
        yield f"[{'.'.join(where)}]"
    yield from (f"{'any' if key == '*' else key} = {VALUES[kind]}" for key, kind in plain.items())
    for key in schema.keys() - plain.keys():
        yield from tables(schema[key], (*where, "any" if key == "*" else key))


def test_no_key_of_the_policy_is_left_out(tmp_path):
    text = "\n".join(tables(SCHEMA)).replace("auto = true", "auto = false")
    path = written(tmp_path, text)
    explained = {r.source for r in explain_policy(read_config(path), {})}
    lines = {f"{path}:{n}": line for n, line in enumerate(text.split("\n"), 1) if not line.startswith("[")}
    assert len(lines) >= 50
    # What says more of a comparison stands on the comparison's line.
    assert {line.split()[0] for at, line in lines.items() if at not in explained} == {
        *("min_delta", "replicates", "p"),
        "metric_definitions",  # here told as definitions, its other name
    }
