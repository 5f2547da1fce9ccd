"""The policy file: what is right is read, what is wrong is named by line with the nearest right key."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack import config
from exptrack.config import Config, Gates, find_project, parse_duration, parse_size, read_config
from exptrack.errors import ExptrackError
from unprivileged import without_privileges

WHOLE = """
project = "churn"
store = "../shared"
shared = true
on_promote = ["./first"]
on_demote = ["./last"]
[tags]
owner = "vision"
person = "$git"
[require]
tags = ["project", "owner"]
name = '^[a-z-]+$'
bypass = true
[require.allowed]
intent = ["baseline", "release"]
owner = '^[a-z.]+$'
[require.end]
metrics = ["val/acc"]
outputs = ["model"]
tags = ["data"]
[metrics]
goals = { "val/acc" = "max", "*loss*" = "min" }
patterns = { lr = 'lr=(\\S+)' }
ignore = ["debug/*"]
rename = { a = "b" }
aliases = { "val/acc" = ["holdout"] }
definitions = [{ Name = "wd", Regex = 'wd=(\\S+)' }]
metric_definitions = [{ Name = "wd:2", Regex = 'wd2=(\\S+)' }]
auto = false
[promote.churn-prod]
metrics = ["val/acc >= 0.90", "a b<1e-3"]
better_than_current = "val/acc"
min_delta = 1
clean = true
outputs = ["model"]
replicates = 3
p = 0.01
branch = "main"
same_inputs = ["test"]
reproduced = "30d"
approvals = 1
bypassed = true
on_promote = ["./deploy 'a b'"]
on_demote = ["./stop"]
[promote."*"]
same_inputs = true
branch = ["main", "release/*"]
clean = false
[retention]
window = "12h"
keep = ["pinned", "best:val/acc:5"]
max_size = "2 GB"
grace = "1d"
orphans = "30d"
[reproduce]
tolerance = { "val/acc" = 0.005, "*loss*" = "1%" }
ignore = ["debug/*"]
[params]
seeds = ["trainer.seed"]
[hooks]
on_promote = ["notify team"]
on_demote = ["notify team"]
timeout = "30s"
[snapshot]
exclude = ["data/**"]
max_size = "1.5 MB"
secrets = "refuse"
[secrets]
allow = ["TOKENS"]
allow_in = ["tests/**"]
"""


def written(tmp_path, text, name="exptrack.toml"):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def refused(tmp_path, text, name="exptrack.toml"):
    """The error, and the line it names, as written in the file."""
    path = written(tmp_path, text, name)
    with pytest.raises(ExptrackError) as e:
        read_config(path)
    assert e.value.exit_code == 2
    m = re.match(rf"{re.escape(path)}:(\d+): ", e.value.message)
    assert m, e.value.message
    return e.value, text.split("\n")[int(m[1]) - 1].strip()


def test_every_key_arrives(tmp_path):
    path = written(tmp_path, WHOLE)
    assert read_config(path) == Config(
        path=path,
        project="churn",
        store="../shared",
        is_store_shared=True,
        tags={"owner": "vision", "person": "$git"},
        required_tags=("project", "owner"),
        required_name="^[a-z-]+$",
        allowed_tags={"intent": ("baseline", "release"), "owner": "^[a-z.]+$"},
        is_bypass_allowed=True,
        required_metrics=("val/acc",),
        required_outputs=("model",),
        required_end_tags=("data",),
        goals={"val/acc": "max", "*loss*": "min"},
        patterns={"wd": r"wd=(\S+)", "wd:2": r"wd2=(\S+)", "lr": r"lr=(\S+)"},
        ignored_metrics=("debug/*",),
        renamed_metrics={"a": "b"},
        aliases={"val/acc": ("holdout",)},
        is_searching=False,
        gates=(
            Gates(
                "churn-prod",
                ("val/acc >= 0.90", "a b<1e-3"),
                "val/acc",
                1.0,
                True,
                ("model",),
                replicates=3,
                p=0.01,
                branches=("main",),
                same_inputs=("test",),
                reproduced="30d",
                approvals=1,
                bypassed=True,
                on_promote=("./deploy 'a b'",),
                on_demote=("./stop",),
            ),
            Gates("*", branches=("main", "release/*"), same_inputs=True),
        ),
        retention_window="12h",
        retention_keep=("pinned", "best:val/acc:5"),
        retention_max_bytes=2 << 30,
        retention_grace="1d",
        retention_orphans="30d",
        snapshot_exclude=("data/**",),
        snapshot_max_bytes=1572864,
        secret_names_allowed=("TOKENS",),
        seeds=("trainer.seed",),
        reproduce_tolerance={"val/acc": 0.005, "*loss*": "1%"},
        reproduce_ignore=("debug/*",),
        on_promote=("./first", "notify team"),
        on_demote=("./last", "notify team"),
        hook_timeout="30s",
        secrets_allowed_in=("tests/**",),
        snapshot_secrets="refuse",
    )


def test_no_key_of_the_schema_is_read_and_then_forgotten():
    """Every field of Config but `path` differs from its default in the file above."""
    raw = tomllib.loads(WHOLE)
    assert set(raw) == set(config.SCHEMA)
    for name, inner in config.SCHEMA.items():
        if isinstance(inner, dict) and name != "promote":
            assert set(raw[name]) == set(inner)


def test_the_same_text_in_pyproject_means_the_same(tmp_path):
    inside = re.sub(r"^\[", "[tool.exptrack.", WHOLE, flags=re.M)
    path = written(tmp_path, '[project]\nname = "x"\n[tool.exptrack]' + inside, "pyproject.toml")
    assert read_config(path)._replace(path=None) == read_config(written(tmp_path, WHOLE))._replace(path=None)


def test_an_empty_file_is_the_default(tmp_path):
    path = written(tmp_path, "")
    assert read_config(path) == Config(path=path)


UNKNOWN = [
    ("projct = 'x'", "projct", "`project`"),
    ("[tags]\na = 'b'\n[requires]\ntags = []", "[requires]", "`require`"),
    ("[require]\ntag = ['a']", "tag = ['a']", "`tags`"),
    ("[require.end]\ntags = []\nmetric = []", "metric = []", "`metrics`"),
    ("[require]\ntags = []\nend.output = []", "end.output = []", "`outputs`"),
    ("[require]\nend = { output = [] }", "end = { output = [] }", "`outputs`"),
    ('[metrics]\ngoal = { "a" = "max" }', 'goal = { "a" = "max" }', "`goals`"),
    ("[promote.a]\nclean = true\n[promote.b]\nclaen = true", "claen = true", "`clean`"),
    ("[promote.a]\nmetrics = []\nmin-delta = 1", "min-delta = 1", "`min_delta`"),
    ('[promote."my model"]\n\n# clear = 1\nclear = true', "clear = true", "`clean`"),
    ("[ snapshot ]\nexcludes = []", "excludes = []", "`exclude`"),
    ("# projekt = 1\n\nprojekt = 'x'", "projekt = 'x'", "`project`"),
    ("[metrics]\nignore = []\n[retention]\nignore = []", "ignore = []", "keys of [retention]: window, keep"),
    ("[retention]\nzzzzzzzz = 1", "zzzzzzzz = 1", "keys of [retention]: window, keep"),
    ("zzzzzzzz = 1", "zzzzzzzz = 1", "keys of the top level: project, store, shared, tags"),
]


@pytest.mark.parametrize(("text", "line", "hint"), UNKNOWN, ids=[u[0] for u in UNKNOWN])
def test_an_unknown_key_is_named_with_its_line_and_the_nearest_right_one(tmp_path, text, line, hint):
    error, at = refused(tmp_path, text)
    assert at.startswith(line)
    assert "unknown key" in error.message
    assert hint in error.hint


def test_the_line_of_a_second_key_with_the_same_name(tmp_path):
    text = "[metrics]\nignore = []\n[retention]\nwindow = '1d'\nignore = []\n"
    error, _ = refused(tmp_path, text)
    assert ":5:" in error.message


WRONG = [
    ("project = 5", "`project` is a string, not 5"),
    ("tags = 5", "`tags` is a table of strings, not 5"),
    ("[tags]\nowner = 5", "`tags` is a table of strings"),
    ("[tags]\nowner = '$gti'", '`tags` has "$git" and no other value with a $'),
    ("[secrets]\nallow = ['sha256:12']", "`secrets.allow` is a list of names, and of digests of values as"),
    ("[require]\nallowed = ['a']", "`require.allowed` is a table"),
    ("[require.allowed]\nintent = 5", "`require.allowed.intent` is a list of values or a regular expression"),
    ("[require.allowed]\nintent = '('", "`require.allowed.intent` is a list of values or a regular expression"),
    ("[require.allowed]\nintent = ['a', 5]", "`require.allowed.intent` is a list of values or a regular expression"),
    ("[require]\nbypass = 'yes'", "`require.bypass` is true or false"),
    ("require = ['owner']", "`require` is a table, not ['owner']"),
    ("[require]\ntags = 'owner'", "`require.tags` is a list of strings, not 'owner'"),
    ("[require]\ntags = ['a', 5]", "`require.tags` is a list of strings"),
    ("[require]\ntags = ['a', ' ']", "`require.tags` is a list of strings, none of them empty, not ['a', ' ']"),
    ("[promote.m]\noutputs = ['']", "`promote.m.outputs` is a list of strings, none of them empty"),
    ("[promote.m]\nbranch = ''", "`promote.m.branch` is a name or a list of names"),
    ("[promote.m]\nbranch = []", "`promote.m.branch` is a name or a list of names"),
    ("[promote.m]\nsame_inputs = []", "`promote.m.same_inputs` is true or a list of names of inputs"),
    ("[hooks]\ntimeout = '0s'", '`hooks.timeout` is a duration like "5m"'),
    ("[retention]\nkeep = ['best:val/acc:0']", "`retention.keep` is a list of"),
    ("[require]\nname = '('", "`require.name` is a regular expression, not '('"),
    ("[metrics]\ngoals = { loss = 'down' }", '`metrics.goals` is a table of "max" or "min"'),
    ("[metrics.goals]\nloss = 'down'", '`metrics.goals` is a table of "max" or "min"'),
    ("[metrics]\npatterns = { lr = '[' }", "`metrics.patterns` is a table of regular expressions"),
    ("[promote.m]\nmetrics = ['val/acc']", '`promote.m.metrics` is a list like ["val/acc >= 0.9"]'),
    ("[promote.m]\nmetrics = ['val/acc => 0.9']", "`promote.m.metrics`"),
    ("[promote.m]\nmetrics = ['val/acc =< 0.9']", "`promote.m.metrics`"),
    ("[promote.m]\nmetrics = ['val/acc != 0.9']", "`promote.m.metrics`"),
    ("[promote.m]\nmetrics = ['val/acc >= high']", "`promote.m.metrics`"),
    ("[promote.m]\nmetrics = ['val/acc >= 1__0']", "`promote.m.metrics`"),
    ("[promote.m]\nmetrics = ['val/acc >= 1_']", "`promote.m.metrics`"),
    ("[promote.m]\nmetrics = ['>= 1']", "`promote.m.metrics`"),
    ("[promote.m]\nmin_delta = '1'", "`promote.m.min_delta` is a number"),
    ("[promote.m]\nmin_delta = true", "`promote.m.min_delta` is a number"),
    ("[promote.m]\nclean = 'yes'", "`promote.m.clean` is true or false"),
    ("[promote.m]\nreplicates = 1", "`promote.m.replicates` is a number of seeds, 2 or more"),
    ("[promote.m]\nreplicates = true", "`promote.m.replicates`"),
    ("[promote.m]\np = 0.0", "`promote.m.p` is a number between 0 and 1"),
    ("[promote.m]\np = 1", "`promote.m.p` is a number between 0 and 1"),
    ("[promote.m]\nbranch = [1]", "`promote.m.branch` is a name or a list of names"),
    ("[promote.m]\nsame_inputs = 'test'", "`promote.m.same_inputs` is true or a list of names of inputs"),
    ("[promote.m]\nreproduced = true", '`promote.m.reproduced` is a duration like "90d"'),
    ("[promote.m]\napprovals = 0", "`promote.m.approvals` is a whole number, 1 or more"),
    ("[promote.m]\non_promote = './deploy'", "`promote.m.on_promote` is a list of commands"),
    ("[hooks]\non_promote = ['say \"hi']", "`hooks.on_promote` is a list of commands"),
    ("[hooks]\non_demote = ['']", "`hooks.on_demote` is a list of commands"),
    ("[hooks]\ntimeout = 5", "`hooks.timeout` is a duration"),
    ("[reproduce]\ntolerance = 0.1", '`reproduce.tolerance` is a table like { "val/acc" = 0.005'),
    ("[reproduce]\ntolerance = { loss = -1 }", "`reproduce.tolerance` is a table like"),
    ("[reproduce]\ntolerance = { loss = '1 percent' }", "`reproduce.tolerance` is a table like"),
    ("[params]\nseeds = 'seed'", "`params.seeds` is a list of strings"),
    ("[promote]\nm = 5", "`promote.m` is a table, not 5"),
    ("[retention]\nwindow = '90 days'", '`retention.window` is a duration like "90d"'),
    ("[retention]\nwindow = 90", "`retention.window` is a duration"),
    ("[retention]\nkeep = ['best']", '`retention.keep` is a list of "promoted"'),
    ("[retention]\nkeep = ['promoted:0']", "`retention.keep` is a list of"),
    ("[retention]\nmax_size = 'big'", "`retention.max_size` is a size"),
    ("[snapshot]\nmax_size = 'big'", '`snapshot.max_size` is a size like "200 MB"'),
    ("[snapshot]\nmax_size = -1", "`snapshot.max_size` is a size"),
    ("[snapshot]\nmax_size = true", "`snapshot.max_size` is a size"),
    ("[snapshot]\nmax_size = '" + "9" * 400 + "T'", "`snapshot.max_size` is a size"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[w[0][:60] for w in WRONG])
def test_a_wrong_type_is_named_with_its_line_and_what_it_should_be(tmp_path, text, message):
    error, at = refused(tmp_path, "# comment\n\n" + text)
    assert message in error.message
    assert at == text.split("\n")[-1]


def test_in_pyproject_the_line_is_that_of_our_table_not_of_a_namesake(tmp_path):
    text = '[project]\nname = "x"\n[tool.other]\nproject = 1\n[tool.exptrack]\nproject = 5\n'
    assert ":6:" in refused(tmp_path, text, "pyproject.toml")[0].message
    text = '[project]\nname = "x"\ntags = 1\n[tool.other]\nretention = 1\n[tool.exptrack.retention]\nwindo = "1d"\n'
    error, at = refused(tmp_path, text, "pyproject.toml")
    assert at == 'windo = "1d"'
    assert "`window`" in error.hint


@pytest.mark.parametrize("data", [b"a = ", b"a = 1\na = 2", b"\xff", b"[[promote]]\nx = 1", b"a = 1" + b"[" * 5000])
def test_what_is_no_toml_is_said_with_the_file(tmp_path, data):
    path = tmp_path / "exptrack.toml"
    path.write_bytes(data)
    with pytest.raises(ExptrackError) as e:
        read_config(str(path))
    assert e.value.exit_code == 2
    assert str(path) in e.value.message


KEYS = [
    "project",
    "tags",
    "require",
    "end",
    "metrics",
    "goals",
    "promote",
    "m",
    "retention",
    "window",
    "max_size",
    "x y",
]
VALUES = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.sampled_from(["x", "90d", "1 MB", "max", "a > 1", "("]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=2),
    max_leaves=4,
)


def outcome(path):
    """A policy, or what our own error says."""
    try:
        return read_config(path)
    except ExptrackError as e:
        return e.message


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{k}" = {toml(v)}' for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return str(value).lower() if isinstance(value, (bool, int)) else f'"{value}"'


@given(raw=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3))
def test_any_toml_is_a_policy_or_an_error_of_ours(tmp_path, raw):
    lines = [f'"{k}" = {toml(v)}' for k, v in raw.items()]
    path = written(tmp_path, "\n".join(lines))
    said = outcome(path)
    if not isinstance(said, Config):
        line, key = re.search(r"toml:(\d+):[^`]*`([^.`]+)", said).groups()
        assert f'"{key}" =' in lines[int(line) - 1]


# --- sizes and durations ---------------------------------------------------------------------------------------------

SIZES = [
    ("0", 0),
    ("4096", 4096),
    ("1K", 1024),
    ("1 kB", 1024),
    ("1KiB", 1024),
    ("200 MB", 200 << 20),
    ("1.5G", 3 << 29),
    (" 2 t ", 2 << 40),
    ("1e3", None),
    ("-1", None),
    ("", None),
    ("MB", None),
    ("1 PB", None),
    ("1.", None),
    ("nan", None),
    ("1 2", None),
]
DURATIONS = [
    ("90d", 90 * 86400.0),
    ("12h", 43200.0),
    ("30m", 1800.0),
    ("1.5 s", 1.5),
    ("2w", 14 * 86400.0),
    ("1y", 365 * 86400.0),
    ("90", None),
    ("-1d", None),
    ("1M", None),
    ("1 day", None),
    ("", None),
    ("inf d", None),
]


@pytest.mark.parametrize(("text", "expected"), SIZES)
def test_sizes(text, expected):
    assert parse_size(text) == expected


@pytest.mark.parametrize(("text", "expected"), DURATIONS)
def test_durations(text, expected):
    assert parse_duration(text) == expected


@given(text=st.text(st.sampled_from("0123456789.eKMGTiB smhdwy-")))
def test_any_text_is_a_size_and_a_duration_or_none(text):
    for found in (parse_size(text), parse_duration(text)):
        assert found is None or found >= 0


# --- where the project is --------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path):
    """A git work tree with a folder two levels down."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "a" / "b").mkdir(parents=True)
    return tmp_path / "repo"


def test_nothing_set_up_means_no_project(place):
    assert find_project(str(place / "a")) is None


def test_a_first_run_makes_it_at_the_git_root(place):
    found = find_project(str(place / "a" / "b"), create=True)
    assert (found.root, found.folder) == (str(place), str(place / ".exptrack"))
    assert found.store == str(place / ".exptrack" / "store")
    assert not (place / ".exptrack").exists(), "looking makes nothing"


def test_without_git_a_first_run_makes_it_here(tmp_path):
    (tmp_path / "x").mkdir()
    assert find_project(str(tmp_path / "x"), create=True).root == str(tmp_path / "x")


def test_a_policy_file_above_marks_the_root_of_a_first_run(place):
    (place / "a" / "exptrack.toml").write_text("")
    assert find_project(str(place / "a" / "b"), create=True).root == str(place / "a")


def test_the_nearest_folder_upwards_counts(place):
    (place / ".exptrack").mkdir()
    (place / "a" / ".exptrack").mkdir()
    assert find_project(str(place / "a" / "b")).root == str(place / "a")
    assert find_project(str(place)).root == str(place)


def test_the_environment_names_the_folder_itself(place, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPTRACK_DIR", str(tmp_path / "elsewhere" / ".exptrack"))
    found = find_project(str(place / "a"))
    assert found.folder == str(tmp_path / "elsewhere" / ".exptrack")
    assert found.root == str(tmp_path / "elsewhere")


def test_a_folder_of_a_repository_may_have_its_own_policy(place):
    (place / ".exptrack").mkdir()
    (place / "exptrack.toml").write_text("project = 'top'")
    (place / "a" / "exptrack.toml").write_text("project = 'inner'")
    assert find_project(str(place / "a" / "b")).config.project == "inner"
    assert find_project(str(place)).config.project == "top"


@pytest.mark.parametrize("is_known", [True, False])
def test_a_policy_that_cannot_be_read_is_not_no_policy(place, is_known):
    (place / "a" / "exptrack.toml").symlink_to("/not/mounted/exptrack.toml")
    if is_known:
        (place / ".exptrack").mkdir()
    with pytest.raises(ExptrackError, match=r"cannot read .*a/exptrack\.toml: No such file or directory$"):
        find_project(str(place / "a" / "b"), create=True)
    (place / "a" / "exptrack.toml").unlink()
    (place / "a" / "exptrack.toml").mkdir()
    with pytest.raises(ExptrackError, match=r"cannot read .*a/exptrack\.toml: Is a directory$"):
        find_project(str(place / "a" / "b"), create=True)


def test_a_pyproject_without_our_table_is_passed_over(place):
    (place / ".exptrack").mkdir()
    (place / "exptrack.toml").write_text("project = 'top'")
    other = "[tool.exptracker]\nx = 1\n# [tool.exptrack]\n"
    (place / "a" / "pyproject.toml").write_text(other)
    assert find_project(str(place / "a")).config.project == "top"
    (place / "a" / "pyproject.toml").write_text("[ tool . exptrack ]\nproject = 'spaced'\n")
    assert find_project(str(place / "a")).config.project == "spaced"


def test_a_policy_above_the_root_is_not_ours(place):
    (place.parent / "exptrack.toml").write_text("project = 'not ours'")
    (place / ".exptrack").mkdir()
    assert find_project(str(place / "a")).config == Config()


def test_store_is_relative_to_the_file_that_says_it(place):
    (place / ".exptrack").mkdir()
    (place / "exptrack.toml").write_text("store = '../shared/exptrack'")
    assert find_project(str(place / "a" / "b")).store == str(place.parent / "shared" / "exptrack")


def test_store_may_be_below_home(place, world):
    (place / ".exptrack").mkdir()
    (place / "exptrack.toml").write_text("store = '~/runs'")
    assert find_project(str(place)).store == str(world / "runs")


def test_a_current_folder_that_is_gone_is_said_and_not_a_traceback(tmp_path):
    code = (
        "import os, sys\nos.mkdir(sys.argv[1]); os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])\n"
        "from exptrack.config import find_project\nfrom exptrack.errors import ExptrackError\n"
        "try:\n    find_project()\nexcept ExptrackError as e:\n    print(e.message, e.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x")], capture_output=True, text=True, check=False
    )
    assert "does not exist any more" in done.stdout, done.stderr


def test_a_pyproject_nobody_may_read_is_said(place):
    (place / ".exptrack").mkdir()
    (place / "pyproject.toml").write_text("[tool.exptrack]\n")
    (place / "pyproject.toml").chmod(0)
    with without_privileges(), pytest.raises(ExptrackError, match="cannot read"):
        find_project(str(place))


@pytest.mark.parametrize("line", ["metrics = ['val/acc >= 0.9']", "clean = true", "approvals = 1"])
def test_gates_of_no_model_are_told_where_to_stand(tmp_path, line):
    path = tmp_path / "exptrack.toml"
    path.write_text(f"[promote]\n{line}\n")
    with pytest.raises(ExptrackError) as e:
        read_config(str(path))
    assert e.value.hint == "gates are of a model: write [promote.NAME]"
